"""Durations counted in buckets, and the quantiles that can be read from them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """How many durations were at most so long, and the sum of all; in seconds."""

    __slots__ = ("bounds", "counts", "sum_seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: the upper ends of the buckets, in seconds, rising; what is longer is counted in one more."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """Each bucket's own, those below not included."""
        self.sum_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum_seconds += seconds


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """The duration, in seconds, that this share of those counted does not exceed; None when none was counted.

    As Prometheus' `histogram_quantile` has it: even within a bucket, and never more than the last bound.
    """
    rank = share * sum(counts)
    if not rank:
        return None
    below, lower = 0, 0.0
    for upper, count in zip(bounds, counts, strict=False):
        if count and below + count >= rank:
            return lower + (upper - lower) * (rank - below) / count
        below, lower = below + count, upper
    return lower
