"""A list page's query string: what is searched, filtered, sorted and turned to, kept together in every link.

What it does not understand it leaves out: an old link, or one that was cut off, shows the list all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from signalling.operators.survey import Query

SEARCH, SORT, PAGE, ADDRESSES = "q", "sort", "page", "addresses"
MOST_CHARACTERS = 200
"""Of what is searched."""
_NEAR = 3
"""Pages on each side of the one that is shown to which there are links."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; `sort` is its name in a query, empty where nothing can be sorted by it."""

    title: str
    sort: str = ""
    descends_first: bool = False
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What can be filtered by: the name in a query, the title, and its values with their words."""

    name: str
    title: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns and filters of one list, and what it is sorted by first."""

    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    sort: str = "since"
    is_descending: bool = True

    def asked(self, parameters: Mapping[str, str]) -> Asked:
        """What these parameters of a URL ask for."""
        sort = parameters.get(SORT, "")
        known = sort.removeprefix("-") in {column.sort for column in self.columns if column.sort}
        chosen = [(each, parameters.get(each.name, "")) for each in self.filters]
        return Asked(
            layout=self,
            search=parameters.get(SEARCH, "").replace("\x00", "").strip()[:MOST_CHARACTERS],
            sort=sort.removeprefix("-") if known else self.sort,
            is_descending=sort.startswith("-") if known else self.is_descending,
            filters={each.name: value for each, value in chosen if value in dict(each.choices)},
            page=_page_number(parameters.get(PAGE, "")),
            shows_addresses=parameters.get(ADDRESSES) == "1",
        )


@dataclass(frozen=True, slots=True)
class Link:
    """A choice that is a link."""

    words: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a column: where it sorts to, and which way it is sorted now."""

    column: Column
    url: str
    is_sorted: bool
    is_descending: bool

    @property
    def aria_sort(self) -> str:
        """WAI-ARIA 1.2, aria-sort."""
        if not self.is_sorted:
            return "none"
        return "descending" if self.is_descending else "ascending"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list page was asked for."""

    layout: Layout
    search: str
    sort: str
    is_descending: bool
    filters: Mapping[str, str]
    page: int
    shows_addresses: bool

    @property
    def query(self) -> Query:
        """The same for the desk."""
        return Query(
            search=self.search, filters=self.filters, sort=self.sort, descending=self.is_descending, page=self.page
        )

    def parameters(self) -> dict[str, str]:
        """What a link must have to ask for the first page of this; what goes without saying is left out."""
        said = {SEARCH: self.search, **self.filters}
        if (self.sort, self.is_descending) != (self.layout.sort, self.layout.is_descending):
            said[SORT] = f"-{self.sort}" if self.is_descending else self.sort
        if self.shows_addresses:
            said[ADDRESSES] = "1"
        return {name: value for name, value in said.items() if value}

    def url(self, **changes: str) -> str:
        """The link to the same with these parameters changed (empty: without them), on the first page unless named."""
        said = {**self.parameters(), **changes}
        return "?" + urlencode({name: value for name, value in said.items() if value})

    @property
    def itself(self) -> str:
        """The link to this very page."""
        return self.url(page=self._page)

    @property
    def hidden_in_search(self) -> tuple[tuple[str, str], ...]:
        """What the search form has to carry."""
        said = self.parameters()
        return tuple((name, value) for name, value in said.items() if name != SEARCH)

    @property
    def without_search(self) -> str:
        """The link to all there are."""
        return self.url(**{SEARCH: ""}, **dict.fromkeys(self.filters, ""))

    @property
    def without_filters(self) -> str:
        """The link to the same, unfiltered."""
        return self.url(**dict.fromkeys(self.filters, ""))

    @property
    def toggled_addresses(self) -> str:
        """The link that shows whole addresses, or hides a part of them again."""
        return self.url(addresses="" if self.shows_addresses else "1", page=self._page)

    @property
    def _page(self) -> str:
        return str(self.page) if self.page > 1 else ""

    @property
    def headers(self) -> tuple[Header, ...]:
        """The heads of all columns."""
        return tuple(self._header(column) for column in self.layout.columns)

    def _header(self, column: Column) -> Header:
        is_sorted = bool(column.sort) and column.sort == self.sort
        descends = not self.is_descending if is_sorted else column.descends_first
        url = self.url(sort=f"-{column.sort}" if descends else column.sort) if column.sort else ""
        return Header(column, url, is_sorted, self.is_descending)

    @property
    def specs(self) -> tuple[tuple[str, tuple[Link, ...]], ...]:
        """The filters with their links."""
        return tuple((each.title, self._links(each)) for each in self.layout.filters)

    def _links(self, each: Filter) -> tuple[Link, ...]:
        chosen = self.filters.get(each.name, "")
        choices = (("", "All"), *each.choices)
        return tuple(Link(words, self.url(**{each.name: value}), value == chosen) for value, words in choices)

    def page_links(self, number: int, pages: int) -> tuple[Link | None, ...]:
        """Links to the pages at both ends and around this one; None stands for those that are left out."""
        if pages == 1:
            return ()
        near = range(max(2, number - _NEAR), min(pages - 1, number + _NEAR) + 1)
        links: list[Link | None] = []
        for each in (1, *near, pages):
            before = links[-1] if links else None
            if before is not None and int(before.words) < each - 1:
                links.append(None)
            links.append(Link(str(each), self.url(page=str(each) if each > 1 else ""), each == number))
        return tuple(links)


def _page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
