"""Durations in buckets, and what is read from them."""

import pytest

from signalling.histogram import Histogram, quantile

BOUNDS = (0.1, 1, 10)


def counted(*seconds: float) -> Histogram:
    histogram = Histogram(BOUNDS)
    for each in seconds:
        histogram.observe(each)
    return histogram


def test_a_bucket_has_what_is_at_most_its_bound_and_the_last_one_all_the_rest() -> None:
    assert counted(0.05, 0.1, 0.11, 1, 10, 10.1, 3600).counts == [2, 2, 1, 2]


def test_the_sum_is_of_all() -> None:
    assert counted(0.25, 20).sum_seconds == 20.25


@pytest.mark.parametrize(
    ("counts", "share", "seconds"),
    [
        ([4, 0, 0, 0], 0.5, 0.05),
        ([0, 10, 0, 0], 0.5, 0.55),
        ([0, 10, 0, 0], 1, 1),
        ([5, 5, 0, 0], 0.5, 0.1),
        ([99, 0, 1, 0], 0.99, 0.1),
        ([98, 0, 2, 0], 0.99, 5.5),
    ],
)
def test_a_quantile_lies_evenly_within_its_bucket(counts: list[int], share: float, seconds: float) -> None:
    assert quantile(BOUNDS, counts, share) == pytest.approx(seconds)


def test_a_quantile_is_never_more_than_the_last_bound() -> None:
    assert quantile(BOUNDS, [0, 0, 0, 7], 0.5) == 10


def test_there_is_no_quantile_of_nothing() -> None:
    assert quantile(BOUNDS, [0, 0, 0, 0], 0.99) is None
