"""A connection, and the session of the peer on it, which outlives it. Pure."""

from __future__ import annotations

import hmac
from collections import deque
from typing import TYPE_CHECKING

from signalling import frames
from signalling.held import HeldFrames
from signalling.throttle import Bucket

if TYPE_CHECKING:
    from msgspec import UnsetType

    from signalling.calls import Call
    from signalling.limits import Limits
    from signalling.outbox import Wire
    from signalling.tables import Table

STRANGERS_PART = 4
"""A quarter of what is held for a session that is away is for those it has not answered."""
UNCOUNTED = ("hello", "ping")
"""Types of frames that are no part of the conversation: they are not sent again when a session is resumed."""
MAX_ENDED_CALLS = 256
"""How many ended calls a session remembers: twice as many as it may have open, and some 40 KiB."""


class Conduct:
    """How a client has behaved so far. A session that is resumed keeps it: a new connection is no new start."""

    __slots__ = ("bucket", "refused", "strikes")

    def __init__(self, limits: Limits) -> None:
        self.bucket = Bucket(limits.messages_per_second, limits.messages_burst)
        self.refused = 0
        """Messages refused because they came too fast, less those taken up since."""
        self.strikes: deque[float] | None = None
        """When it misbehaved; most never do."""


class Connection:
    """One WebSocket, from its opening to its end."""

    __slots__ = (
        "address",
        "closed",
        "conduct",
        "from_browser",
        "heard",
        "home",
        "session",
        "software",
        "source",
        "wire",
    )

    def __init__(
        self,
        wire: Wire,
        source: str,
        home: str,
        conduct: Conduct,
        *,
        from_browser: bool,
        address: str,
        software: str,
        now: float,
    ) -> None:
        self.wire = wire
        self.source = source
        """The client's IPv4 address or IPv6 /64: what limits count."""
        self.address = address
        """The client's own: what the operator is shown."""
        self.software = software
        """What the client calls itself (User-Agent): a claim."""
        self.heard = now
        """When its latest frame came; at first, when it opened."""
        self.home = home
        """The public address of this server as this client knows it: a URL prefix."""
        self.from_browser = from_browser
        """The handshake carried an Origin."""
        self.conduct = conduct
        self.session: Session | None = None
        self.closed = False
        """The server has closed it, or it is lost: nothing more is read or written."""

    @property
    def peer(self) -> str | None:
        """Whose it is, if that has been said."""
        return self.session.peer if self.session is not None else None

    def count(self, about: str | UnsetType) -> None:
        """Counts a frame of this type that is taken up: a client that resumes sends those again that were not."""
        if self.session is not None and about not in UNCOUNTED:
            self.session.received += 1


class Session:
    """One peer's presence, from its hello to its end. While its connection is lost it is away, and may be resumed."""

    __slots__ = (
        "__weakref__",
        "_ended",
        "_old_secret",
        "_secret",
        "_strangers_bytes",
        "_strangers_frames",
        "_written",
        "calls",
        "connection",
        "held",
        "is_away",
        "is_over",
        "name",
        "peer",
        "received",
        "ringing",
        "seq",
        "since",
        "tables",
    )

    def __init__(
        self, peer: str, name: str | None, connection: Connection, secret: str, held: HeldFrames, now: float
    ) -> None:
        self.peer = peer
        self.name = name
        self.since = now
        """When it was opened; resuming it changes nothing about that."""
        self.connection = connection
        """The one it is on; while it is away, the one it was on last."""
        self.is_away = False
        self.is_over = False
        """Whether it has ended; its last frames may still be on their way out."""
        self.seq = 0
        """The number of the last frame sent."""
        self.held = held
        """Frames sent, in case they have not arrived."""
        self.received = 0
        """How many of the client's frames were taken up, hellos and pings not counted."""
        self.calls: dict[str, Call] = {}
        """Its open calls by id."""
        self.ringing: dict[str, Call] = {}
        """Those of them in which it is called and has not answered."""
        self.tables: dict[str, Table] = {}
        """Where it sits, by name."""
        self._secret = secret
        self._old_secret: str | None = None
        self._written = 0
        """The last frame that was sent before its connection was lost."""
        self._strangers_bytes = 0
        self._strangers_frames = 0
        self._ended: dict[str, float] = {}
        """Until when late messages of a call that ended are dropped; in order of time."""

    # Frames

    def number(self, body: bytes) -> bytes:
        """The encoded frame as this session's next one: called when it is written, so that the numbers are in order."""
        self.seq += 1
        return frames.number(body, self.seq)

    @property
    def has_overrun(self) -> bool:
        """Whether frames are lost that no connection was there for. (Those before may have arrived, and give way.)"""
        return self.is_away and self.seq - len(self.held) > self._written

    # Being away and coming back

    @property
    def source(self) -> str:
        """The IPv4 address or IPv6 /64 of the connection that it is on, or was on last: what limits count."""
        return self.connection.source

    def go_away(self) -> None:
        """Its connection is lost."""
        self.is_away = True
        self._written = self.seq
        self._strangers_bytes = self._strangers_frames = 0
        self.connection.session = None

    def has_room_for_stranger(self, size: int, frames: int) -> bool:
        """Whether so much more from somebody whom this peer has not answered is held, too; it counts, if so.

        While the peer is away, such people share a quarter of what is held for it: nobody ends a session from outside
        by filling it up.
        """
        if not self.is_away:
            return True
        limits = self.held.limits
        self._strangers_frames += frames
        self._strangers_bytes += size
        is_much = self._strangers_bytes * STRANGERS_PART > limits.buffer_bytes
        return not is_much and self._strangers_frames * STRANGERS_PART <= limits.buffer_frames

    def end(self) -> None:
        """It is over; nothing will be asked for again."""
        self.is_away = False
        self.is_over = True
        self.connection.session = None
        self.held.close()

    def missed(self, seq: int) -> list[bytes] | None:
        """The frames after this one, as they were first sent; None when they are not held, or it was never sent."""
        if seq > self.seq or self.seq - seq > len(self.held):
            return None
        return self.held.last(self.seq - seq)

    def is_opened_by(self, secret: str | None) -> bool:
        """Whether this is its resume secret; in constant time."""
        if secret is None:
            return False
        good = [self._secret] if self._old_secret is None else [self._secret, self._old_secret]
        return any([hmac.compare_digest(secret.encode(), each.encode()) for each in good])  # noqa: C419 (no short cut)

    def resume(self, connection: Connection, used: str, secret: str) -> None:
        """It is on this connection now; the secret that was used stays good until `forget_old_secret`."""
        connection.conduct = self.connection.conduct
        connection.session = self
        self.connection = connection
        self.is_away = False
        self._secret = secret
        self._old_secret = used

    def forget_old_secret(self) -> None:
        """The client has its new secret: it has sent something since its hello."""
        self._old_secret = None

    # Calls that ended

    def remember(self, call_id: str, now: float, seconds: float) -> None:
        """For so long, late messages of this call have merely crossed with its end."""
        self._forget(now)
        self._ended.pop(call_id, None)
        self._ended[call_id] = now + seconds
        if len(self._ended) > MAX_ENDED_CALLS:
            del self._ended[next(iter(self._ended))]

    def remembers(self, call_id: str, now: float) -> bool:
        """Whether this call ended a short while ago."""
        self._forget(now)
        return call_id in self._ended

    def _forget(self, now: float) -> None:
        while self._ended:
            oldest = next(iter(self._ended))
            if self._ended[oldest] > now:
                break
            del self._ended[oldest]
