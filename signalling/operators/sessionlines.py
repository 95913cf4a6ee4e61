"""The sessions as lines of text: which columns there is room for, and how times are written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from signalling.operators.software import in_short
from signalling.operators.survey import Page, SessionRow
from signalling.operators.terminal import GAP, plain, table, width

_LONGEST_CELL = 40
_COLUMNS: tuple[tuple[str, Callable[[SessionRow], str]], ...] = (
    ("PEER", lambda row: row.peer),
    ("NAME", lambda row: row.name or "-"),
    ("STATE", lambda row: row.state),
    ("SINCE", lambda row: duration(row.since)),
    ("ADDRESS", lambda row: row.address),
    ("SEEN", lambda row: duration(row.last_seen)),
    ("CALLS", lambda row: str(row.open_calls)),
    ("TABLES", lambda row: ", ".join(row.tables) or "-"),
    ("IN", lambda row: str(row.messages_in)),
    ("OUT", lambda row: str(row.messages_out)),
    ("VIA", lambda row: row.transport),
    ("SOFTWARE", lambda row: in_short(row.software) or "-"),
)
"""The most important first: those at the end are left out where there is no room."""
_LEAST_COLUMNS = 2


def session_lines(rows: Sequence[SessionRow], columns: int | None) -> list[str]:
    """A head, and a line for each; in a terminal of so many columns, or (None) all that there is."""
    cells = [[plain(text(row), _LONGEST_CELL) for _, text in _COLUMNS] for row in rows]
    heads = [head for head, _ in _COLUMNS]
    shown = len(heads) if columns is None else _fitting([heads, *cells], columns)
    return table(heads[:shown], [row[:shown] for row in cells], columns)


def summary(page: Page[SessionRow]) -> str:
    """How many there are, how many of them were asked for, and how many of these the first page has, if it ends so."""
    only = f", of which the first {len(page.rows)} are shown" if page.number < page.pages else ""
    if page.matching == page.total:
        return f"{page.total} session{'' if page.total == 1 else 's'}{only}"
    return f"{page.matching} of {page.total} sessions{only}"


def duration(seconds: float) -> str:
    """About so long: `7s`, `2m05s`, `3h20m`, `4d06h`."""
    whole = max(0, int(seconds))
    for unit, smaller, size, smaller_size in (("d", "h", 86_400, 3_600), ("h", "m", 3_600, 60), ("m", "s", 60, 1)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // smaller_size:02}{smaller}"
    return f"{whole}s"


def _fitting(rows: Sequence[Sequence[str]], columns: int) -> int:
    """How many of the columns, from the first, there is room for."""
    room, shown = columns + len(GAP), 0
    for column in zip(*rows, strict=True):
        room -= max(map(width, column)) + len(GAP)
        if room < 0:
            break
        shown += 1
    return max(shown, _LEAST_COLUMNS)
