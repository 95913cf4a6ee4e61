"""The event loop of `manage.py serve`: Twisted's asyncio reactor on uvloop."""

import asyncio
import socket
import sys
from typing import Any

from twisted.internet import main, tcp
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from roundtable import lanes
from roundtable.fastlane import reliance
from roundtable.newcomers import ACCEPTED_AT_A_TIME, PAUSE_SECONDS


def install() -> None:
    """Installs the reactor. Comes before anything imports `daphne.server`, which would install one on a plain loop."""
    if "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("a Twisted reactor is installed already")
    main.installReactor(_kind_of_reactor()(_new_event_loop()))  # type: ignore[no-untyped-call]


class Port(tcp.Port):
    """Twisted's, which accepts a few connections at a time.

    Twisted (26.10.0) accepts all there are, up to 20 more in each turn of the event loop than in the one before. Of
    5,000 that came at once it took 400 in one turn, and was ahead of their handshakes by all that `http_connections`
    allows, so that others were refused.
    """

    _let_in_until_pause = 0

    def doRead(self) -> None:
        """Accepts some; when enough were let in and there may be more, the system keeps those for a moment.

        Whoever is turned away at once holds nobody up, so a flood of them does not either.
        """
        self.numberAccepts = ACCEPTED_AT_A_TIME
        super().doRead()  # type: ignore[no-untyped-call]
        may_be_more = self.numberAccepts > ACCEPTED_AT_A_TIME  # so many were there: Twisted would take more next time
        if may_be_more and self.sessionno - self._let_in_until_pause >= ACCEPTED_AT_A_TIME:
            self._let_in_until_pause = self.sessionno
            self.stopReading()  # type: ignore[no-untyped-call]
            self.reactor.callLater(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self.connected and not self.disconnecting:
            self.startReading()  # type: ignore[no-untyped-call]


class Reactor(AsyncioSelectorReactor):
    """Twisted's, which notices a connection that was reset while there was something to read from it.

    When a socket has an error, uvloop (0.23.0) calls the reader once and then watches the socket no more. Linux hands
    out what came before the reset first, so that this one time Twisted (26.10.0) reads octets and no error, waits for
    more, and would be told of the reset only when it writes.
    """

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        """Listens there, on a port of ours."""
        listening = Port(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def _readOrWrite(self, selectable: Any, read: bool) -> None:
        super()._readOrWrite(selectable, read)  # type: ignore[no-untyped-call]
        if read and isinstance(selectable, tcp.Connection):
            self._notice_reset(selectable)

    def _notice_reset(self, connection: tcp.Connection) -> None:
        """To be called after each read."""
        if connection.connected and _was_reset(connection):
            self._disconnectSelectable(connection, main.CONNECTION_LOST, True)  # type: ignore[no-untyped-call]


def _kind_of_reactor() -> type[Reactor]:
    if not lanes.is_wanted() or reliance.missing("twisted."):
        return Reactor
    from roundtable.fastlane.reactor import LeanReactor

    return LeanReactor


def _was_reset(connection: tcp.Connection) -> bool:
    """Whether one that is open as far as Twisted knows is not."""
    error: int = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return error != 0


def _new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # uvloop is not made for it
        return asyncio.SelectorEventLoop()
    import uvloop

    return uvloop.new_event_loop()
