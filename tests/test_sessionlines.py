"""The list of sessions as people read it in a terminal."""

from typing import Any

import pytest

from signalling.operators.sessionlines import duration, session_lines, summary
from signalling.operators.survey import Page, SessionRow
from signalling.operators.terminal import width

PEER = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def row(**changes: Any) -> SessionRow:
    fields: dict[str, Any] = {
        "peer": PEER,
        "name": "Ada",
        "transport": "websocket",
        "address": "192.0.2.7",
        "source": "192.0.2.7",
        "since": 125.9,
        "last_seen": 0.4,
        "state": "connected",
        "tables": ("camelot", "avalon"),
        "open_calls": 2,
        "messages_in": 12,
        "messages_out": 34,
        "software": "roundtable/1.0",
    }
    return SessionRow(**fields | changes)


def test_all_is_said_where_there_is_room() -> None:
    head, line = session_lines([row()], None)
    assert " ".join(head.split()) == "PEER NAME STATE SINCE ADDRESS SEEN CALLS TABLES IN OUT VIA SOFTWARE"
    assert line.split() == [
        *(PEER, "Ada", "connected", "2m05s", "192.0.2.7", "0s", "2"),
        *("camelot,", "avalon", "12", "34", "websocket", "roundtable/1.0"),
    ]


def test_what_there_is_not_is_a_dash() -> None:
    _, line = session_lines([row(name=None, tables=(), software="")], None)
    assert line.split().count("-") == 3


@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        (130, "PEER NAME STATE SINCE ADDRESS SEEN CALLS TABLES IN OUT VIA"),
        (80, "PEER NAME STATE SINCE ADDRESS SEEN"),
        (40, "PEER NAME"),
        (1, "… …"),
    ],
)
def test_a_narrow_terminal_shows_what_matters_most(columns: int, heads: str) -> None:
    lines = session_lines([row()], columns)
    assert lines[0].split() == heads.split()
    assert columns < 10 or all(width(line) <= columns for line in lines)


def test_nobody_is_a_head_alone() -> None:
    (head,) = session_lines([], 80)
    assert head.startswith("PEER")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("\u202eadA", "\\u202eadA"),
        ("a\nPEER", "a\\x0aPEER"),
        ("x" * 64, "x" * 39 + "…"),
    ],
)
@pytest.mark.parametrize("field", ["name", "software"])
def test_t36_names_cannot_move_the_cursor_or_make_a_line(field: str, hostile: str, shown: str) -> None:
    lines = session_lines([row(**{field: hostile})], None)
    assert len(lines) == 2
    assert shown in lines[1]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.1, "0s"),
        (59.9, "59s"),
        (60, "1m00s"),
        (3_599, "59m59s"),
        (3_600, "1h00m"),
        (86_399, "23h59m"),
        (86_400, "1d00h"),
        (10_000_000, "115d17h"),
    ],
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("total", "matching", "said"), [(0, 0, "0 sessions"), (1, 1, "1 session"), (12, 3, "3 of 12 sessions")]
)
def test_summary(total: int, matching: int, said: str) -> None:
    assert summary(Page((), total, matching, 1, 1)) == said


def test_lines_that_have_no_room_are_said_to_be_missing() -> None:
    rows = (row(), row())
    assert summary(Page(rows, 27, 27, 1, 14)) == "27 sessions, of which the first 2 are shown"
    assert summary(Page(rows, 40, 27, 1, 14)) == "27 of 40 sessions, of which the first 2 are shown"
