"""Who is here: sessions from their opening to their end, and what happens while one is away. Pure.

Who may open or resume one is in greeting.py.
"""

from __future__ import annotations

import weakref
from itertools import islice
from typing import TYPE_CHECKING

from signalling.absences import Absences
from signalling.codes import CloseCode, Reason
from signalling.deadlines import Deadlines
from signalling.held import HeldFrames, Store

if TYPE_CHECKING:
    from signalling.calling import Calling
    from signalling.figures import Figures
    from signalling.limits import Limits
    from signalling.outbox import Outbox
    from signalling.sessions import Connection, Session
    from signalling.tables import Tables
    from signalling.tally import Tally

ENDS_AT_ONCE = 100
"""Thousands may have gone at the same moment, and each has calls and seats: others' messages come between."""
LOOKS_WHILE_HELD = 5
"""How often a session is looked at while a frame may be held: so none is held for more than a fifth too long."""


class Presence:
    """The sessions there are. A session that is away keeps its calls and seats, and the others see nothing of it."""

    def __init__(
        self, outbox: Outbox, calling: Calling, tables: Tables, tally: Tally, limits: Limits, figures: Figures
    ) -> None:
        self._outbox = outbox
        self._tally = tally
        self._figures = figures
        self._store = Store(limits)
        self._calling = calling
        self._tables = tables
        self.peers: dict[str, Session] = {}
        """By peer; those that are away too."""
        self.away = Absences(limits.resume_seconds, limits.connections, limits.connections_per_address)
        self._buffer_seconds = limits.buffer_seconds
        self._fading: Deadlines[weakref.ref[Session]] = Deadlines(limits.buffer_seconds / LOOKS_WHILE_HELD)
        """Sessions that hold frames, to be looked at for frames that are too old. Those that have ended are not kept
        by it: a session keeps its connection, and that some 20 KB of the server program."""

    def hold(self) -> HeldFrames:
        """What a new session will hold."""
        return HeldFrames(self._store)

    def open(self, session: Session) -> None:
        """The peer has a session from now on."""
        session.connection.session = session
        self.peers[session.peer] = session
        self._figures.sessions_opened += 1

    def number(self, session: Session, body: bytes, now: float) -> bytes:
        """The encoded frame as the session's next one, for its connection. It may be too much for one that is away."""
        frame = session.number(body)
        if session.is_over:
            return frame
        if session.held.add(frame, now):
            self._fading.put(weakref.ref(session), now)
        self._let_go(session, now)
        if session.is_away and session.has_overrun:
            self._give_up(session, "buffer_frames", now)
        return frame

    def go_away(self, session: Session, now: float) -> None:
        """Its connection is lost; it waits to be resumed."""
        session.go_away()
        self._outbox.note("session away", peer=session.peer)
        self._calling.note(session, "connection_lost", now)
        crowded_out = self.away.begin(session, now)
        if crowded_out is not None:
            self._give_up(*crowded_out, now)

    def come_back(self, session: Session, now: float) -> None:
        """Its client is about to resume it, and need not have been away: connections are replaced, too."""
        if session.is_away:
            self._calling.note(session, "resumed", now)

    def _give_up(self, session: Session, limit: str, now: float) -> None:
        """A limit ends a session that is away."""
        self._tally.count(limit)
        self._outbox.complain("session given up", peer=session.peer, limit=limit)
        self.end(session, Reason.GONE, now)

    def detach(self, session: Session) -> None:
        """It leaves its connection, if it is on one, for a new one of the same peer."""
        self.away.end(session)
        connection = session.connection
        if connection.session is session:
            connection.session = None
            self._outbox.close(connection, CloseCode.SUPERSEDED, "superseded by a new connection of this peer")

    def end(self, session: Session, reason: Reason, now: float) -> None:
        """The session is over, and its calls and seats are gone."""
        self.away.end(session)
        session.end()
        del self.peers[session.peer]
        self._figures.end_session(reason)
        self._calling.desert(session, reason, now)
        self._tables.desert(session, reason)
        self._outbox.note("session ended", peer=session.peer, reason=reason)

    def drop(self, connection: Connection, code: CloseCode, detail: str, now: float) -> None:
        """Closes the connection of a client that may come back: its session is away."""
        if connection.session is not None:
            self.go_away(connection.session, now)
        self._outbox.close(connection, code, detail)

    def expel(self, connection: Connection, reason: Reason, code: CloseCode, detail: str, now: float) -> None:
        """Closes the connection of a client that shall not come back to this session."""
        if connection.session is not None:
            self.end(connection.session, reason, now)
        self._outbox.close(connection, code, detail)

    def cast_out(self, session: Session, now: float) -> None:
        """The operator ends it, wherever its client is."""
        connection = session.connection
        self.end(session, Reason.DISCONNECTED, now)
        if not connection.closed:
            self._outbox.close(connection, CloseCode.DISCONNECTED, "disconnected by the operator")

    # Time

    @property
    def shortest_wait_seconds(self) -> float:
        """Whatever begins to wait now is not due before so long."""
        return min(self.away.seconds, self._fading.seconds)

    def next_deadline(self) -> float | None:
        """When `expire` has something to do, or None."""
        times = [when for when in (self.away.next(), self._fading.next()) if when is not None]
        return min(times, default=None)

    def expire(self, now: float) -> None:
        """Ends the sessions that were away too long, and lets go of frames that need not be held any longer."""
        for session in islice(self.away.due(now), ENDS_AT_ONCE):
            self.end(session, Reason.GONE, now)
        for fading in self._fading.due(now):
            self._fade(fading(), now)

    def _fade(self, session: Session | None, now: float) -> None:
        if session is None or session.is_over:
            return
        self._let_go(session, now)
        if session.held:
            self._fading.put(weakref.ref(session), now)

    def _let_go(self, session: Session, now: float) -> None:
        """By age only while it is connected; one by one where frames come, for what is freed in bulk leaves holes."""
        if not session.is_away:
            session.held.forget(now - self._buffer_seconds)
