"""A connection, and the session of the peer on it. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from signalling import frames

if TYPE_CHECKING:
    from signalling.calls import Call
    from signalling.outbox import Wire
    from signalling.tables import Table
    from signalling.throttle import Bucket

MAX_ENDED_CALLS = 256
"""How many ended calls a session remembers: twice as many as it may have open, and some 40 KiB."""


class Connection:
    """One WebSocket, from its opening to its end."""

    __slots__ = (
        "bucket",
        "closed",
        "from_browser",
        "home",
        "refused",
        "session",
        "source",
        "strikes",
        "wire",
    )

    def __init__(self, wire: Wire, source: str, home: str, bucket: Bucket, *, from_browser: bool) -> None:
        self.wire = wire
        self.source = source
        """The client's IPv4 address or IPv6 /64: what limits count."""
        self.home = home
        """The public address of this server as this client knows it: a URL prefix."""
        self.from_browser = from_browser
        """The handshake carried an Origin."""
        self.bucket = bucket
        self.session: Session | None = None
        self.closed = False
        """The server has closed it: nothing more is read or written."""
        self.refused = 0
        """Messages refused because they came too fast, less those taken up since."""
        self.strikes: deque[float] | None = None
        """When it misbehaved; most never do."""


class Session:
    """One peer's presence, from its hello to its end."""

    __slots__ = ("_ended", "calls", "connection", "name", "peer", "ringing", "seq", "tables")

    def __init__(self, peer: str, name: str | None, connection: Connection) -> None:
        self.peer = peer
        self.name = name
        self.connection = connection
        self.seq = 0
        """The number of the last frame sent."""
        self.calls: dict[str, Call] = {}
        """Its open calls by id."""
        self.ringing: dict[str, Call] = {}
        """Those of them in which it is called and has not answered."""
        self.tables: dict[str, Table] = {}
        """Where it sits, by name."""
        self._ended: dict[str, float] = {}
        """Until when late messages of a call that ended are dropped; in order of time."""

    def number(self, body: bytes) -> bytes:
        """The encoded frame as this session's next one: called when it is written, so that the numbers are in order."""
        self.seq += 1
        return frames.number(body, self.seq)

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
