"""A list's query string and the links that keep it."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from signalling.operators.status.asked import Column, Filter, Layout

LAYOUT = Layout(
    columns=(Column("Name", "name"), Column("Since", "since", descends_first=True), Column("Nothing")),
    filters=(Filter("state", "state", (("away", "Away"), ("here", "Here"))),),
)


def fields(url: str) -> dict[str, str]:
    assert url.startswith("?")
    return dict(parse_qsl(url[1:]))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"q": "a&b=c #x"},
        {"q": "a", "state": "away", "sort": "name", "addresses": "1"},
        {"sort": "-name"},
        {"sort": "since"},
        {"page": "3"},
    ],
)
def test_the_link_to_itself_asks_for_the_same(asked: dict[str, str]) -> None:
    assert fields(LAYOUT.asked(asked).itself) == asked


def test_what_goes_without_saying_is_not_in_a_link() -> None:
    asked = LAYOUT.asked({"sort": "-since", "page": "1", "q": " ", "state": "nowhere", "addresses": "yes", "more": "1"})
    assert asked.itself == "?"


def test_a_header_sorts_its_own_way_first_and_then_the_other() -> None:
    by_default = LAYOUT.asked({"q": "a", "page": "4"}).headers
    assert [fields(header.url) if header.url else None for header in by_default] == [
        {"q": "a", "sort": "name"},
        {"q": "a", "sort": "since"},
        None,
    ]
    assert [header.aria_sort for header in by_default] == ["none", "descending", "none"]
    by_name = LAYOUT.asked({"sort": "name"}).headers
    assert fields(by_name[0].url) == {"sort": "-name"}
    assert by_name[0].aria_sort == "ascending"
    assert fields(by_name[1].url) == {"sort": "-since"}


def test_a_filter_begins_at_the_first_page_and_keeps_the_rest() -> None:
    [(title, links)] = LAYOUT.asked({"q": "a", "state": "away", "page": "9"}).specs
    assert title == "state"
    assert [(link.words, fields(link.url), link.is_chosen) for link in links] == [
        ("All", {"q": "a"}, False),
        ("Away", {"q": "a", "state": "away"}, True),
        ("Here", {"q": "a", "state": "here"}, False),
    ]


@pytest.mark.parametrize(
    ("number", "pages", "shown"),
    [
        (1, 1, ""),
        (1, 2, "1 2"),
        (1, 9, "1 2 3 4 … 9"),
        (5, 9, "1 2 3 4 5 6 7 8 9"),
        (50, 100, "1 … 47 48 49 50 51 52 53 … 100"),
        (100, 100, "1 … 97 98 99 100"),
    ],
)
def test_pages_near_this_one_and_at_both_ends_are_linked(number: int, pages: int, shown: str) -> None:
    links = LAYOUT.asked({}).page_links(number, pages)
    assert " ".join("…" if link is None else link.words for link in links) == shown
    assert [link.words for link in links if link is not None and link.is_chosen] == ([str(number)] if shown else [])


def test_a_search_is_not_endless() -> None:
    assert len(LAYOUT.asked({"q": "x" * 10_000}).search) == 200
