"""Lists as an operator asks for them: searching, filtering, sorting, paging, whatever people are called."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.operators.listing import Listing
from signalling.operators.survey import BadQuery, Page, Query


class Guest(NamedTuple):
    id: str
    name: str | None
    came: float
    kind: str = "plain"


LIST: Listing[Guest, str] = Listing(
    columns={
        "id": lambda guest: guest.id,
        "name": lambda guest: guest.name,
        "since": lambda guest: guest.came,
        "kind": lambda guest: guest.kind,
    },
    filters={"kind": lambda guest: guest.kind, "name": lambda guest: guest.name},
    text=lambda guest: f"{guest.id}\n{guest.name or ''}",
    tie=lambda guest: guest.id,
    row=lambda guest, now: guest.id,
)
GUESTS = [
    Guest("c", "Grace Hopper", 3.0),
    Guest("a", "Ada Lovelace", 1.0, "host"),
    Guest("d", None, 2.0),
    Guest("b", "STRASSE", 1.0),
]


def page(guests: list[Guest] = GUESTS, **query: object) -> Page[str]:
    return LIST.page(guests, Query(**query), now=9.0)  # type: ignore[arg-type]


def ids(guests: list[Guest] = GUESTS, **query: object) -> str:
    return "".join(page(guests, **query).rows)


def test_unless_told_otherwise_the_latest_come_first() -> None:
    assert page() == Page(rows=("c", "d", "a", "b"), total=4, matching=4, number=1, pages=1)


@pytest.mark.parametrize(
    "sort, descending, order",
    [
        ("id", False, "abcd"),
        ("id", True, "dcba"),
        ("name", False, "acbd"),
        ("name", True, "bcad"),
        ("since", False, "abdc"),
        ("since", True, "cdab"),
        ("kind", False, "abcd"),
        ("kind", True, "bcda"),
    ],
)
def test_each_column_sorts_both_ways_with_what_has_no_value_last_and_equals_by_id(
    sort: str, descending: bool, order: str
) -> None:
    assert ids(sort=sort, descending=descending) == order


@pytest.mark.parametrize(
    "search, found",
    [
        ("", "abcd"),
        ("  \n ", "abcd"),
        ("ada", "a"),
        ("LOVE", "a"),
        ("lovelace ada", "a"),
        ("ada hopper", ""),
        ("straße", "b"),
        ("c", "ac"),
        ("%", ""),
        (".*", ""),
        ("<script>", ""),
        ("a a a", "abc"),
        ("\x00", ""),
    ],
)
def test_all_words_must_be_found_whatever_their_case_and_nothing_in_them_is_special(search: str, found: str) -> None:
    assert ids(search=search, sort="id", descending=False) == found


def test_a_word_is_not_found_across_two_fields() -> None:
    assert ids(search="agrace") == ""


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\u0301", "\u202e", "\U0001f600" * 64, "x" * 5_000])
def test_hostile_names_are_found_sorted_and_kept_as_they_are(name: str) -> None:
    guests = [*GUESTS, Guest("e", name, 0.0)]
    assert "e" in ids(guests, search=name) or not name.split()
    assert sorted(ids(guests, sort="name")) == list("abcde")


def test_filters_must_all_hold() -> None:
    assert ids(filters={"kind": "plain"}) == "cdb"
    assert ids(filters={"kind": "plain", "name": "STRASSE"}) == "b"
    assert ids(filters={"kind": "plain", "name": "strasse"}) == ""
    assert page(filters={"kind": "host"}, search="ada").matching == 1


def test_what_does_not_match_is_counted_in_the_total_only() -> None:
    found = page(search="ada")
    assert (found.total, found.matching, found.pages) == (4, 1, 1)


@pytest.mark.parametrize(
    "asked, number, rows", [(1, 1, "abc"), (2, 2, "d"), (3, 2, "d"), (0, 1, "abc"), (-7, 1, "abc")]
)
def test_a_page_that_is_not_there_is_the_nearest_that_is(asked: int, number: int, rows: str) -> None:
    found = page(sort="id", descending=False, page=asked, per_page=3)
    assert ("".join(found.rows), found.number, found.pages) == (rows, number, 2)


def test_a_page_that_is_full_is_the_last() -> None:
    assert page(per_page=4).pages == 1
    assert page(per_page=4, page=2).number == 1


def test_an_empty_list_has_one_empty_page() -> None:
    assert page([], page=3) == Page(rows=(), total=0, matching=0, number=1, pages=1)


@pytest.mark.parametrize("per_page, rows", [(0, 1), (-1, 1), (1, 1), (1_000, 1_000), (1_001, 1_000), (10**9, 1_000)])
def test_a_page_has_one_to_a_thousand_rows(per_page: int, rows: int) -> None:
    guests = [Guest(str(number), None, number) for number in range(1_500)]
    assert len(page(guests, per_page=per_page).rows) == rows


@pytest.mark.parametrize("query", [{"sort": "shoe_size"}, {"sort": "__class__"}, {"filters": {"since": "1"}}])
def test_a_column_that_is_not_there_is_refused_by_name(query: dict[str, Any]) -> None:
    with pytest.raises(BadQuery, match=r"^there is no column of this name; there are "):
        page(**query)


def test_a_filter_of_an_empty_list_is_refused_all_the_same() -> None:
    with pytest.raises(BadQuery):
        page([], filters={"shoe_size": "42"})
    with pytest.raises(BadQuery):
        page([], sort="shoe_size")


names = st.none() | st.sampled_from(["", "Ada", "ada", "Grace"])
all_guests = st.lists(
    st.builds(Guest, st.uuids().map(str), names, st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from(["plain", "host"])),
    max_size=40,
    unique_by=lambda guest: guest.id,
)


@given(
    all_guests,
    st.sampled_from(sorted(LIST.columns)),
    st.booleans(),
    st.integers(1, 12),
    st.sampled_from(["", "a", "4"]),
    st.sampled_from([{}, {"kind": "host"}]),
)
def test_every_row_is_on_exactly_one_page_and_in_order(
    guests: list[Guest], sort: str, descending: bool, per_page: int, search: str, filters: dict[str, str]
) -> None:
    asked = Query(search, filters, sort, descending, per_page=per_page)
    pages = LIST.page(guests, asked, 0.0).pages
    shown = [
        row
        for number in range(1, pages + 1)
        for row in LIST.page(guests, Query(search, filters, sort, descending, number, per_page), 0.0).rows
    ]
    matching = [
        guest
        for guest in guests
        if search in f"{guest.id}\n{guest.name or ''}".casefold()
        and all(guest.kind == kind for kind in filters.values())
    ]
    of = LIST.columns[sort]
    by_id = sorted(matching, key=lambda guest: guest.id)
    valued = sorted((guest for guest in by_id if of(guest) is not None), key=of, reverse=descending)
    assert shown == [guest.id for guest in [*valued, *(guest for guest in by_id if of(guest) is None)]]
