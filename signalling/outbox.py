"""What the switchboard wants done: effects, in their order, taken and performed by the runtime. Pure.

The core never sends, closes or waits; it appends to the outbox. So a test reads what would have happened, and the
transports stay thin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from signalling import frames

if TYPE_CHECKING:
    from signalling.codes import CloseCode
    from signalling.parties import Errand, Exchange
    from signalling.sessions import Connection, Session

Outcome = frames.Answer | frames.Reject | frames.Hangup | frames.Error | bytes
"""How an offer over HTTP ended; bytes are the body of an HTTP answerer, to be passed on as it is."""


class Wire(Protocol):
    """A connection as its transport sees it; the core only names it."""

    def send(self, frame: bytes) -> None:
        """Writes one text frame (UTF-8) without waiting."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Writes what is still to be written, then closes."""


class Nowhere:
    """The wire of a connection that is gone."""

    def send(self, frame: bytes) -> None:
        """Nobody gets it."""

    def close(self, code: CloseCode, reason: str) -> None:
        """It is closed."""


class Send(Struct, frozen=True, gc=False):
    """Write this frame to that session's connection, as its next one."""

    session: Session
    body: bytes


class Tell(Struct, frozen=True, gc=False):
    """Write this frame, which has no `seq`, to that connection."""

    wire: Wire
    frame: bytes


class Publish(Struct, frozen=True, gc=False):
    """Send this frame to all members of the group."""

    group: str
    body: bytes


class Enrol(Struct, frozen=True, gc=False):
    """The session is a member of the group from here on."""

    session: Session
    group: str


class Unenrol(Struct, frozen=True, gc=False):
    """The session is no member of the group any longer."""

    session: Session
    group: str


class Close(Struct, frozen=True, gc=False):
    """Close that connection."""

    wire: Wire
    code: CloseCode
    reason: str


class Settle(Struct, frozen=True, gc=False):
    """Tell the HTTP caller how its offer ended."""

    exchange: Exchange
    outcome: Outcome


class Post(Struct, frozen=True, gc=False):
    """Post the offer to an address, if the policy allows it."""

    errand: Errand


class Cancel(Struct, frozen=True, gc=False):
    """Nobody waits for this errand any longer."""

    errand: Errand


class Note(Struct, frozen=True, gc=False):
    """Something an operator may want to know. Never holds a description, a candidate or a secret."""

    event: str
    fields: dict[str, Any]


class Complaint(Struct, frozen=True, gc=False):
    """A client's mistake, for the log: bounded there, for strangers can make as many as they like."""

    event: str
    fields: dict[str, Any]


Effect = Send | Tell | Publish | Enrol | Unenrol | Close | Settle | Post | Cancel | Note | Complaint


class Outbox:
    """Effects in the order in which they are to be performed."""

    __slots__ = ("_effects",)

    def __init__(self) -> None:
        self._effects: list[Effect] = []

    def put(self, effect: Effect) -> None:
        """Appends one effect."""
        self._effects.append(effect)

    def send(self, session: Session, frame: frames.Frame) -> None:
        """Sends the session a frame; it gets its `seq` when it is written."""
        self._effects.append(Send(session, frames.encode(frame)))

    def close(self, connection: Connection, code: CloseCode, reason: str) -> None:
        """Closes the connection, after what is before this; nothing more is read from it."""
        connection.closed = True
        self._effects.append(Close(connection.wire, code, reason))

    def note(self, event: str, **fields: Any) -> None:
        """Notes an event for the log."""
        self._effects.append(Note(event, fields))

    def complain(self, event: str, **fields: Any) -> None:
        """Notes a client's mistake for the log."""
        self._effects.append(Complaint(event, fields))

    def take(self) -> list[Effect]:
        """All effects so far; the outbox is empty afterwards."""
        effects = self._effects
        if effects:
            self._effects = []
        return effects
