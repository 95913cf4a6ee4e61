"""Tables: groups of peers who talk to each other, who sits at them, and who is their host. Pure.

What members are told goes out as events of the table's group, in the order in which seats are taken and left; calls at
a table go the direct way, as all calls do.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from msgspec import UNSET

from signalling import frames, messages
from signalling.codes import AckState, ErrorCode, Reason
from signalling.names import clean_name
from signalling.outbox import Enrol, Outbox, Publish, Unenrol
from signalling.refusals import RETRY_SECONDS, Refusal
from signalling.throttle import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from signalling.calling import Calling
    from signalling.calls import Call
    from signalling.figures import Figures
    from signalling.limits import Limits
    from signalling.sessions import Session

KEY_BYTES = 32
LEFT = "left"
"""Why a member's seat is free and its calls at that table are over: it got up."""


class Table:
    """Open while somebody sits at it."""

    __slots__ = ("banned", "capacity", "group", "host", "locked", "name", "password", "seats", "since")

    def __init__(self, name: str, host: Session, password: bytes | None, capacity: int, now: float) -> None:
        self.name = name
        self.since = now
        """When it was opened."""
        self.group = "table." + hashlib.sha256(name.encode()).hexdigest()
        """The channel layer takes ASCII names only."""
        self.host = host
        self.password = password
        self.capacity = capacity
        self.locked = False
        self.seats: dict[str, Session] = {}
        """By peer, the longest seated first."""
        self.banned: dict[str, float] = {}
        """Until when a kicked peer is refused."""

    def ban(self, peer: str, now: float, seconds: float) -> None:
        """Refuses the peer for so long; forgets bans that are over."""
        self.banned = {banned: until for banned, until in self.banned.items() if until > now}
        self.banned[peer] = now + seconds

    def state(self) -> frames.TableState:
        """What all members are told when host or lock change."""
        return frames.TableState(table=self.name, host=self.host.peer, locked=self.locked, capacity=self.capacity)


class Tables:
    """All open tables."""

    def __init__(
        self, outbox: Outbox, calling: Calling, limits: Limits, entropy: Callable[[int], bytes], figures: Figures
    ) -> None:
        self._outbox = outbox
        self._figures = figures
        self._calling = calling
        self._limits = limits
        self._key = entropy(KEY_BYTES)
        self._guesses = Attempts(limits.failures, limits.failures_seconds, limits.tracked)
        self.open_tables: dict[str, Table] = {}

    # Messages

    def join(self, session: Session, message: messages.Join, now: float) -> None:
        """Takes a seat, at a new table if there is none of this name. Raises Refusal."""
        name = _checked_name(message.table)
        capacity = self._checked_capacity(message.capacity)
        if name in session.tables:
            raise Refusal(ErrorCode.ALREADY_SEATED, "you sit at that table")
        if len(session.tables) >= self._limits.tables_per_session:
            raise Refusal(
                ErrorCode.LIMIT_EXCEEDED, "you sit at too many tables", RETRY_SECONDS, limit="tables_per_session"
            )
        table = self.open_tables.get(name)
        opened = table is None
        if table is None:
            table = self._open(session, name, message, capacity, now)
        else:
            self._admit(session, table, message.password, now)
        self._seat(session, table, message, opened=opened)

    def leave(self, session: Session, message: messages.Leave, now: float) -> None:
        """Leaves the seat. Its calls there end first, for `peer_left` comes after its last frame. Raises Refusal."""
        table = self._seated(session, message.table)
        self._calling.acknowledge(session, message, AckState.DONE)
        for call in _calls_at(table, session):
            self._calling.leave(session, call, LEFT, now)
        self._unseat(session, table, LEFT)

    def lock(self, session: Session, message: messages.Lock, now: float) -> None:
        """The host lets newcomers in, or not. Raises Refusal."""
        table = self._hosted(session, message.table)
        self._calling.acknowledge(session, message, AckState.DONE)
        table.locked = message.locked
        self._publish(table, table.state())

    def kick(self, session: Session, message: messages.Kick, now: float) -> None:
        """The host sends a member away. Raises Refusal."""
        table = self._hosted(session, message.table)
        if message.peer == session.peer:
            raise Refusal(ErrorCode.BAD_PEER, "you cannot kick yourself: leave")
        kicked = table.seats.get(message.peer)
        if kicked is None:
            raise Refusal(ErrorCode.PEER_UNAVAILABLE, "that peer does not sit at this table")
        self._calling.acknowledge(session, message, AckState.DONE)
        table.ban(kicked.peer, now, self._limits.kick_seconds)
        self._sever(table, kicked, now)
        self._publish(table, _left(table, kicked, Reason.KICKED))
        self._give_up_seat(kicked, table)

    # Endings

    def close(self, name: str, now: float) -> bool:
        """The operator closes the table: all its members are sent away. False when there is none of this name.

        Each is told of its own seat only: whoever is sent away does not care who else is.
        """
        table = self.open_tables.get(name)
        if table is None:
            return False
        for session in list(table.seats.values()):
            self._sever(table, session, now)
            self._outbox.send(session, _left(table, session, Reason.KICKED))
            self._give_up_seat(session, table)
        return True

    def _sever(self, table: Table, kicked: Session, now: float) -> None:
        """Ends the calls at this table of somebody who is sent away."""
        for call in _calls_at(table, kicked):
            self._calling.sever(call, Reason.KICKED, now)

    def desert(self, session: Session, reason: Reason) -> None:
        """The session has ended; its calls have already."""
        for table in list(session.tables.values()):
            self._unseat(session, table, reason)

    def close_all(self) -> None:
        """Everybody goes: all have been told so."""
        for table in list(self.open_tables.values()):
            for session in list(table.seats.values()):
                self._give_up_seat(session, table)

    # Seats

    def _open(self, session: Session, name: str, message: messages.Join, capacity: int, now: float) -> Table:
        if not message.create:
            raise Refusal(ErrorCode.TABLE_UNKNOWN, "there is no such table")
        table = Table(name, session, self._digest(message.password), capacity, now)
        self.open_tables[name] = table
        self._outbox.note("table opened", host=session.peer, protected=table.password is not None)
        return table

    def _admit(self, session: Session, table: Table, password: str | None, now: float) -> None:
        until = table.banned.get(session.peer, now)
        if until > now:
            raise Refusal(ErrorCode.FORBIDDEN, "the host has sent you away", until - now, limit="kick_seconds")
        self._check_password(session, table, password, now)
        if table.locked:
            raise Refusal(ErrorCode.TABLE_LOCKED, "the table is locked")
        if len(table.seats) >= table.capacity:
            raise Refusal(ErrorCode.TABLE_FULL, "all seats are taken", RETRY_SECONDS, limit="table_capacity")

    def _check_password(self, session: Session, table: Table, password: str | None, now: float) -> None:
        """A fast keyed hash and a constant-time comparison: guesses are bounded by their number, not by their cost."""
        guess = (session.source, table.name)
        wait = self._guesses.retry_after(guess, now)
        if wait:
            raise Refusal(ErrorCode.RATE_LIMITED, "too many wrong passwords", wait, limit="failures")
        if not hmac.compare_digest(self._digest(password) or b"", table.password or b""):
            self._guesses.add(guess, now)
            self._figures.passwords_failed += 1
            raise Refusal(ErrorCode.TABLE_PASSWORD, "the password is not that of this table")

    def _digest(self, password: str | None) -> bytes | None:
        if password is None:
            return None
        return hashlib.blake2b(password.encode(), key=self._key, digest_size=KEY_BYTES).digest()

    def _seat(self, session: Session, table: Table, message: messages.Join, *, opened: bool) -> None:
        members = [_member(seated) for seated in table.seats.values()]
        joined = frames.Joined(
            table=table.name,
            peers=members,
            host=table.host.peer,
            opened=opened,
            protected=table.password is not None,
            locked=table.locked,
            capacity=table.capacity,
            id=message.id,
        )
        self._outbox.send(session, joined)
        newcomer = frames.PeerJoined(
            table=table.name, peer=session.peer, name=session.name if session.name is not None else UNSET
        )
        self._publish(table, newcomer)
        table.seats[session.peer] = session
        session.tables[table.name] = table
        self._outbox.put(Enrol(session, table.group))

    def _unseat(self, session: Session, table: Table, reason: str) -> None:
        self._give_up_seat(session, table)
        self._publish(table, _left(table, session, reason))
        if table.seats and table.host is session:
            table.host = next(iter(table.seats.values()))
            self._publish(table, table.state())

    def _give_up_seat(self, session: Session, table: Table) -> None:
        """The last to leave closes the table."""
        del table.seats[session.peer]
        del session.tables[table.name]
        self._outbox.put(Unenrol(session, table.group))
        if not table.seats:
            del self.open_tables[table.name]
            self._outbox.note("table closed")

    def _publish(self, table: Table, event: frames.Frame) -> None:
        if table.seats:
            self._outbox.put(Publish(table.group, frames.encode(event)))

    # Checks

    def _checked_capacity(self, capacity: int | None) -> int:
        if capacity is None:
            return self._limits.table_capacity
        most = self._limits.table_capacity
        if capacity > most:
            raise Refusal(ErrorCode.LIMIT_EXCEEDED, f"a table has at most {most} seats", limit="table_capacity")
        return capacity

    def _seated(self, session: Session, text: str) -> Table:
        table = session.tables.get(clean_name(text) or "")
        if table is None:
            raise Refusal(ErrorCode.TABLE_UNKNOWN, "you do not sit at that table")
        return table

    def _hosted(self, session: Session, text: str) -> Table:
        table = self._seated(session, text)
        if table.host is not session:
            raise Refusal(ErrorCode.NOT_HOST, "only the host may do that")
        return table


def _checked_name(text: str) -> str:
    name = clean_name(text)
    if name is None:
        raise Refusal(ErrorCode.BAD_TABLE, "a table's name has 1 to 64 characters, without controls and overrides")
    return name


def _member(session: Session) -> frames.Member:
    return frames.Member(session.peer, session.name if session.name is not None else UNSET)


def _calls_at(table: Table, session: Session) -> list[Call]:
    return [call for call in session.calls.values() if call.table == table.name]


def _left(table: Table, session: Session, reason: str) -> frames.PeerLeft:
    return frames.PeerLeft(table=table.name, peer=session.peer, reason=reason)
