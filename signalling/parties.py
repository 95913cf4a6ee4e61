"""The parties of a call that are not on a WebSocket: a caller over HTTP, and a callee at an address. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signalling.identity import NIL_UUID

if TYPE_CHECKING:
    from signalling.addresses import Target
    from signalling.calls import Call


class Exchange:
    """One POST of an offer that waits for its outcome."""

    __slots__ = ("address", "call", "from_browser", "home", "passed_through", "peer", "since", "software", "source")

    def __init__(
        self,
        source: str,
        home: str,
        *,
        from_browser: bool,
        passed_through: bool,
        address: str = "",
        software: str = "",
    ) -> None:
        self.source = source
        """The client's IPv4 address or IPv6 /64: what limits count."""
        self.address = address or source
        """The client's own: what the operator is shown."""
        self.software = software
        """What the client calls itself (User-Agent): a claim."""
        self.since = 0.0
        """When the offer was posted."""
        self.home = home
        """The public address of this server as this client knows it: a URL prefix."""
        self.from_browser = from_browser
        """The request carried an Origin."""
        self.passed_through = passed_through
        """A signalling server has posted it on already; this one will not do so again."""
        self.peer = NIL_UUID
        """The id that the caller claims: a claim, not a proven identity."""
        self.call: Call | None = None


class Errand:
    """An offer on its way to an address: the callee is whoever answers there."""

    __slots__ = ("admitted", "body", "call", "from_browser", "key", "message_id", "source", "target")

    def __init__(self, target: Target, body: bytes, key: ErrandKey, source: str, *, from_browser: bool) -> None:
        self.target = target
        self.body = body
        self.key = key
        self.source = source
        self.from_browser = from_browser
        """The request carried an Origin: a page of somebody else may have sent it."""
        self.admitted = False
        """The policy allowed it, and it is being posted."""
        self.message_id: str | None = None
        """The `id` of the caller's WebSocket message while that is still to be answered."""
        self.call: Call | None = None


ErrandKey = tuple[str, str, str, str]
"""Offering UUID, answering UUID, address, call: an offer between the same two is posted once at a time."""
