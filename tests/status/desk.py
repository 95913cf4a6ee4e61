"""A desk without a server behind it: rows that a test puts there, and a record of what operators did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from signalling.bans import Ban
from signalling.lasthour import Minute
from signalling.operators.survey import (
    CallPage,
    CallRow,
    Here,
    Overview,
    Page,
    Process,
    Progress,
    Query,
    SessionRow,
    TableRow,
)
from signalling.traces import Moment, Report

ADA = "630dcd29-66c4-8336-9a44-495122eec96d"
BOB = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
CALL = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"

SESSION = SessionRow(
    peer=ADA,
    name="Ada",
    transport="websocket",
    address="192.0.2.7",
    source="192.0.2.7",
    since=125.0,
    last_seen=0.2,
    state="connected",
    tables=("camelot",),
    open_calls=1,
    messages_in=12,
    messages_out=34,
    software="Firefox/140.0",
)
TABLE = TableRow(
    name="camelot", host=ADA, peers=(ADA, BOB), capacity=16, locked=False, has_password=True, since=3_700.0
)


ENDED = CallRow(
    call=CALL,
    caller=ADA,
    callee=BOB,
    transport="websocket",
    to="session",
    table=None,
    began=65.0,
    state="ended",
    outcome="answer_timeout",
    answered_after=None,
    failed=True,
)
CALL_PAGE = CallPage(
    row=ENDED,
    moments=(
        Moment(0.0, "offer", "caller", None),
        Moment(0.001, "delivered", None, None),
        Moment(0.25, "candidate", "caller", "host"),
        Moment(30.0, "timeout", None, "answer_timeout"),
    ),
    omitted=0,
    candidates={"caller": {"host": 3, "relay": 1}, "callee": {}},
    gathered=("caller",),
    reports={"callee": Report("failed", "host", "relay")},
    diagnosis="The callee had the offer for 30 s and did not answer.",
)


def minute(**counts: Any) -> Minute:
    nothing = {"begun": 0, "answered": 0, "failed": 0, "messages": 0, "refusals": 0, "greatest_sessions": 0}
    return Minute(**{**nothing, "lag_p99_seconds": None, **counts})


def glance() -> Overview:
    return Overview(
        here=Here(connections=3, connected=2, away=1, waiting=0, tables=1, open_calls=4, draining=False),
        process=Process(
            memory_bytes=50_000_000,
            open_files=30,
            uptime_seconds=90_000.0,
            version="0.1.0",
            program="manage.py serve",
            loop="uvloop",
        ),
        calls_per_minute=2.0,
        calls_last_hour=7,
        outcomes_last_hour=(("answer", 5), ("answer_timeout", 2)),
        success_share=5 / 7,
        answer_p50_seconds=0.012,
        answer_p99_seconds=1.5,
        lag_p50_seconds=0.0004,
        lag_p99_seconds=0.002,
        refusals=(("posts_per_second", 3),),
        errors=(("call_unknown", 2),),
        minutes=(*(minute() for _ in range(58)), minute(begun=5, answered=4, failed=1), minute(greatest_sessions=3)),
    )


class FakeDesk:
    """As signalling/operators/desk.py; searching and sorting are not its business, so it only keeps what was asked."""

    def __init__(self) -> None:
        self.rows: dict[str, SessionRow] = {ADA: SESSION}
        self.open_tables: dict[str, TableRow] = {"camelot": TABLE}
        self.call_pages: dict[str, CallPage] = {CALL: CALL_PAGE}
        self.listed_bans: tuple[Ban, ...] = ()
        self.glance = glance()
        self.asked: list[Query] = []
        self.acts: list[tuple[Any, ...]] = []
        self.refusals: Counter[str | None] = Counter()
        self._progress = Progress(draining=False, connections=0, left=0, exchanges=0, seconds=0.0, within=10.0)
        self.matching: int | None = None
        self.pages = 1

    def _page(self, rows: Any, query: Query) -> Page[Any]:
        self.asked.append(query)
        matching = len(rows) if self.matching is None else self.matching
        return Page(tuple(rows), matching, matching, min(query.page, self.pages), self.pages)

    def sessions(self, query: Query) -> Page[SessionRow]:
        return self._page(self.rows.values(), query)

    def session(self, peer: str) -> SessionRow | None:
        return self.rows.get(peer)

    def names(self, peers: Iterable[str]) -> dict[str, str]:
        return {peer: name for peer in peers if (row := self.rows.get(peer)) and (name := row.name)}

    def tables(self, query: Query) -> Page[TableRow]:
        return self._page(self.open_tables.values(), query)

    def table(self, name: str) -> TableRow | None:
        return self.open_tables.get(name)

    def calls(self, query: Query) -> Page[CallRow]:
        return self._page([page.row for page in self.call_pages.values()], query)

    def call(self, call: str) -> CallPage | None:
        return self.call_pages.get(call)

    def bans(self) -> tuple[Ban, ...]:
        return self.listed_bans

    def overview(self) -> Overview:
        return self.glance

    def progress(self) -> Progress:
        return self._progress

    def count_refusal(self, limit: str | None) -> None:
        self.refusals[limit] += 1

    def disconnect(self, peer: str, *, ban_address: bool = False) -> bool:
        self.acts.append(("disconnect", peer, ban_address))
        return self.rows.pop(peer, None) is not None

    def close_table(self, name: str) -> bool:
        self.acts.append(("close", name))
        return self.open_tables.pop(name, None) is not None

    def lift(self, subject: str) -> bool:
        self.acts.append(("lift", subject))
        return any(ban.subject == subject for ban in self.listed_bans)

    def drain(self) -> bool:
        if self._progress.draining:
            return False
        self.acts.append(("drain",))
        self._progress = replace(self._progress, draining=True, connections=5, left=2, seconds=1.0)
        return True
