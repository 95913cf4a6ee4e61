from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.figures import OUTCOMES
from signalling.operators.status import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "now"),
        (0.9, "now"),
        (1, "1 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
        (864_000, "10 d ago"),
    ],
)
def test_how_long_ago(seconds: float, text: str) -> None:
    assert words.ago(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 ms"), (0.00042, "0.42 ms"), (0.0123, "12.3 ms"), (1.234, "1.23 s"), (30, "30.00 s")],
)
def test_short_times(seconds: float | None, text: str) -> None:
    assert words.exactly(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "–"), (0, "0 %"), (0.5, "50 %"), (0.714, "71.4 %"), (0.9999, "99.9 %"), (1, "100 %")]
)
def test_shares_are_not_rounded_up_to_everything(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("192.0.2.7", "192.0.2.x"),
        ("::ffff:192.0.2.7", "192.0.2.x"),
        ("2001:db8:0:12::7", "2001:db8:0:12::/64"),
        ("2001:db8:0:12::/64", "2001:db8:0:12::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
    ],
)
def test_t40_a_shortened_address_is_that_of_many(address: str, text: str) -> None:
    assert words.shortened_address(address) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_survives_being_a_part_of_a_path(name: str) -> None:
    path = words.path_of(name)
    assert words.name_in(path) == name
    assert path.isascii() and not set(path) & set("/.?#%\\")


@pytest.mark.parametrize(("path", "name"), [("caf\u00e9", "café"), ("_FF", "\ufffd"), ("a_b", "a_b"), ("_2F", "/")])
def test_a_part_of_a_path_that_we_did_not_write_is_a_name_too(path: str, name: str) -> None:
    assert words.name_in(path) == name


def test_each_outcome_has_words_of_its_own() -> None:
    told = [words.outcome(outcome) for outcome in OUTCOMES]
    assert len(set(told)) == len(told) and not [text for text in told if "_" in text]
    assert words.outcome("peer_unavailable") == "no such peer"
    assert words.outcome("rate_limited") == "rate limited"
