"""What an operator can ask and do, for the pages and the control socket alike. On the event loop only.

What is shown is in survey.py, how it is chosen in listing.py. Who may do what, and the record of who did it, is the
business of those who ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from asgiref.sync import async_to_sync

from signalling.bans import Ban
from signalling.names import clean_name
from signalling.operators.callrows import CALLS, call_page
from signalling.operators.diagnosis import diagnose
from signalling.operators.overview import overview
from signalling.operators.rows import SESSIONS, TABLES, Party, session_row, table_row
from signalling.operators.survey import CallPage, CallRow, Overview, Page, Progress, Query, SessionRow, TableRow

if TYPE_CHECKING:
    from signalling.runtime import Runtime

DESK = "roundtable.desk"
"""The key of the ASGI scope under which routing.py gives pages this process's desk; they import no runtime."""

P = ParamSpec("P")
T = TypeVar("T")


def on_loop(ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls this on the server's event loop, from the thread of a page; what it returns, or raises."""

    async def call() -> T:
        return ask(*args, **kwargs)

    return async_to_sync(call)()


class Desk:
    """One for each process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    # Sessions, and callers over HTTP who wait

    def sessions(self, query: Query) -> Page[SessionRow]:
        """One page of those that are here. Raises BadQuery."""
        switchboard = self._runtime.switchboard
        parties: list[Party] = [*switchboard.peers.values(), *switchboard.calling.exchanges()]
        return SESSIONS.page(parties, query, self._runtime.clock())

    def session(self, peer: str) -> SessionRow | None:
        """The peer's session, or else a caller over HTTP who claims this id; None when it is not here."""
        switchboard = self._runtime.switchboard
        session = switchboard.peers.get(peer)
        claiming = (exchange for exchange in switchboard.calling.exchanges() if exchange.peer == peer)
        party = session if session is not None else next(claiming, None)
        return None if party is None else session_row(party, self._runtime.clock())

    def names(self, peers: Iterable[str]) -> dict[str, str]:
        """What those of these peers who are here call themselves: a claim, and nobody's alone."""
        here = self._runtime.switchboard.peers
        sessions = (here[peer] for peer in peers if peer in here)
        return {session.peer: session.name for session in sessions if session.name is not None}

    def disconnect(self, peer: str, *, ban_address: bool = False) -> bool:
        """Ends this peer's session and bans the peer for `limits.ban_seconds`; False when it is not here."""
        return self._runtime.disconnect(peer, ban_address=ban_address)

    # Log-ins

    def count_refusal(self, limit: str | None) -> None:
        """A page has refused somebody because of this limit."""
        self._runtime.switchboard.tally.count(limit)

    # Bans

    def bans(self) -> tuple[Ban, ...]:
        """Who may not come back for a while, the latest first."""
        return self._runtime.switchboard.orders.bans.listed(self._runtime.clock())

    def lift(self, subject: str) -> bool:
        """Ends a ban early; False when there is none of this peer or address."""
        return self._runtime.switchboard.orders.bans.lift(subject, self._runtime.clock())

    # Tables

    def tables(self, query: Query) -> Page[TableRow]:
        """One page of the open tables. Raises BadQuery."""
        tables = self._runtime.switchboard.tables.open_tables.values()
        return TABLES.page(tables, query, self._runtime.clock())

    def table(self, name: str) -> TableRow | None:
        """The open table of this name."""
        table = self._runtime.switchboard.tables.open_tables.get(clean_name(name) or "")
        return None if table is None else table_row(table, self._runtime.clock())

    def close_table(self, name: str) -> bool:
        """Sends away all who sit there; False when there is no table of this name."""
        return self._runtime.close_table(clean_name(name) or "")

    # Calls

    def calls(self, query: Query) -> Page[CallRow]:
        """One page of those that are open, and of the latest that have ended. Raises BadQuery."""
        return CALLS.page(self._runtime.switchboard.calling.journal.traces(), query, self._runtime.clock())

    def call(self, call: str) -> CallPage | None:
        """All that is kept of the call with this id; of several, of the newest."""
        trace = self._runtime.switchboard.calling.journal.find(call)
        if trace is None:
            return None
        ice = self._runtime.ice
        diagnosis = diagnose(trace, has_stun=ice.has_stun, has_turn=ice.has_turn)
        return call_page(trace, diagnosis, self._runtime.clock())

    # The whole

    def overview(self) -> Overview:
        """What there is, what was counted, what the system says."""
        return overview(self._runtime)

    # The end

    def drain(self) -> bool:
        """Says goodbye to everybody, waits for them, and stops the program; False when that has begun already."""
        return self._runtime.parting.begin()

    def progress(self) -> Progress:
        """How far that has got."""
        runtime, within = self._runtime, self._runtime.configuration.limits.drain_seconds
        began = runtime.switchboard.drain_began
        if began is None:
            return Progress(draining=False, connections=0, left=0, exchanges=0, seconds=0.0, within=within)
        census = runtime.census()
        return Progress(
            draining=True,
            connections=runtime.switchboard.connections_to_drain,
            left=census["connections"],
            exchanges=census["exchanges"],
            seconds=runtime.clock() - began,
            within=within,
        )
