"""Which rows of a list are shown, and in which order: searching, filtering, sorting, paging. Pure.

Ten thousand sessions must not hold the event loop: of each only what is searched and the sorted column are looked at,
only equals that are shown are put in order among themselves, and rows are made for the one page that is asked for.
Nothing is made for each item that the garbage collector looks at: it would look at everything else as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from typing import Any, Generic, TypeVar

from signalling.operators.survey import MOST_PER_PAGE, BadQuery, Page, Query, Row

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item, Row]):
    """How items of one kind are chosen, and what a row of them is."""

    columns: Mapping[str, Callable[[Item], Any]]
    """What is sorted by, by column; None for what has no value there."""
    filters: Mapping[str, Callable[[Item], str | None]]
    """What can be filtered by."""
    text: Callable[[Item], str]
    """What is searched, with white space between what does not belong together."""
    tie: Callable[[Item], str]
    """Decides between items that are equal in the sorted column."""
    row: Callable[[Item, float], Row]
    """The item's row at this time."""

    def page(self, items: Collection[Item], query: Query, now: float) -> Page[Row]:
        """The page that is asked for. Raises BadQuery."""
        matching = self._found(self._filtered(items, query), query)
        per_page = min(max(query.per_page, 1), MOST_PER_PAGE)
        pages = max(1, -(-len(matching) // per_page))
        number = min(max(query.page, 1), pages)
        shown = self._shown(matching, query, (number - 1) * per_page, number * per_page)
        return Page(tuple(self.row(item, now) for item in shown), len(items), len(matching), number, pages)

    def _filtered(self, items: Iterable[Item], query: Query) -> Iterable[Item]:
        for column, wanted in query.filters.items():
            of = _named(self.filters, column)
            items = [item for item in items if of(item) == wanted]
        return items

    def _found(self, items: Iterable[Item], query: Query) -> list[Item]:
        words = sorted(set(query.search.casefold().split()), key=len, reverse=True)  # the likeliest to fail first
        if not words:
            return list(items)
        return [item for item in items if _has_all(self.text(item).casefold(), words)]

    def _shown(self, items: list[Item], query: Query, first: int, last: int) -> list[Item]:
        """By the column, both ways with what has no value last; among equals by `tie`, whichever way."""
        of = _named(self.columns, query.sort)
        in_order = [item for item in items if of(item) is not None]
        in_order.sort(key=of, reverse=query.descending)
        if len(in_order) < len(items):
            in_order += [item for item in items if of(item) is None]
        begin, end = _with_equals(in_order, of, first, min(last, len(in_order)))
        runs = groupby(in_order[begin:end], key=of)
        wanted = last - begin
        shown = [item for _, run in runs for item in nsmallest(wanted, run, key=self.tie)]
        return shown[first - begin : last - begin]


def _has_all(text: str, words: Iterable[str]) -> bool:
    """A loop, for `all` and its generator take three times as long."""
    for word in words:  # noqa: SIM110
        if word not in text:
            return False
    return True


def _with_equals(items: list[Item], of: Callable[[Item], Any], begin: int, end: int) -> tuple[int, int]:
    """This part of a sorted list, and the items at either end of it that are equal to its first and its last."""
    if begin < end:
        lowest, highest = of(items[begin]), of(items[end - 1])
        while begin > 0 and of(items[begin - 1]) == lowest:
            begin -= 1
        while end < len(items) and of(items[end]) == highest:
            end += 1
    return begin, end


def _named(columns: Mapping[str, Callable[[Item], Any]], column: str) -> Callable[[Item], Any]:
    try:
        return columns[column]
    except KeyError:
        raise BadQuery(f"there is no column of this name; there are {', '.join(columns)}") from None
