"""Which rows of a list are shown, and in which order: searching, filtering, sorting, paging. Pure.

Ten thousand sessions must not hold the event loop: only the sorted column of each is looked at, and rows are made for
the one page that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from signalling.survey import MOST_PER_PAGE, BadQuery, Page, Query, Row

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item, Row]):
    """How items of one kind are chosen, and what a row of them is."""

    columns: Mapping[str, Callable[[Item], Any]]
    """What is sorted by, by column; None for what has no value there."""
    filters: Mapping[str, Callable[[Item], str | None]]
    """What can be filtered by."""
    words: Callable[[Item], Iterable[str]]
    """What is searched."""
    tie: Callable[[Item], str]
    """Decides between items that are equal in the sorted column."""
    row: Callable[[Item, float], Row]
    """The item's row at this time."""

    def page(self, items: Collection[Item], query: Query, now: float) -> Page[Row]:
        """The page that is asked for. Raises BadQuery."""
        matching = self._matching(items, query)
        per_page = min(max(query.per_page, 1), MOST_PER_PAGE)
        pages = max(1, -(-len(matching) // per_page))
        number = min(max(query.page, 1), pages)
        first = (number - 1) * per_page
        shown = self._in_order(matching, query)[first : first + per_page]
        return Page(tuple(self.row(item, now) for item in shown), len(items), len(matching), number, pages)

    def _matching(self, items: Iterable[Item], query: Query) -> list[Item]:
        matching = list(items)
        for column, wanted in query.filters.items():
            of = _named(self.filters, column)
            matching = [item for item in matching if of(item) == wanted]
        for word in set(query.search.casefold().split()):
            matching = [item for item in matching if any(word in text.casefold() for text in self.words(item))]
        return matching

    def _in_order(self, items: list[Item], query: Query) -> list[Item]:
        """By the column, both ways with what has no value last; among equals by `tie`, whichever way."""
        of = _named(self.columns, query.sort)
        items.sort(key=self.tie)
        valued = [(value, item) for item in items if (value := of(item)) is not None]
        valueless = [item for item in items if of(item) is None] if len(valued) < len(items) else []
        valued.sort(key=_first, reverse=query.descending)
        return [item for _, item in valued] + valueless


def _named(columns: Mapping[str, Callable[[Item], Any]], column: str) -> Callable[[Item], Any]:
    try:
        return columns[column]
    except KeyError:
        raise BadQuery(f"there is no column of this name; there are {', '.join(columns)}") from None


def _first(pair: tuple[Any, object]) -> Any:
    return pair[0]
