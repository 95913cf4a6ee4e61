"""The end of a server: it stops listening, says goodbye, waits for what is under way, and only then goes.

Daphne cancels every application at once: sockets see 1006 and requests get nothing.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

from roundtable.logs import logger
from roundtable.websocketprotocol import RESTARTING, WebSocketProtocol

if TYPE_CHECKING:
    from roundtable.server import Server

log = logger("roundtable.server")

POLL_SECONDS = 0.02
FAREWELL_SECONDS = 1.0
"""The last of the draining time, a quarter at most: for closing what the application has not closed."""
HURRIED_SECONDS = 0.2
"""For the same after a second signal."""
CANCELLED_SECONDS = 0.5
"""For an application to end when it is cancelled."""


class Drain:
    """The end of one server, at most `drain_seconds` after its goodbye; a second signal makes it short."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._is_hurried = False

    async def run(self) -> None:
        """Returns when everybody has gone, or when the time is over."""
        server = self._server
        self._heed_second_signal()
        log.info("draining", **server.runtime.census())
        seconds = server.limits.drain_seconds
        await server.stop_listening()
        server.runtime.parting.hand_over()
        end = server.runtime.parting.ends - min(CANCELLED_SECONDS, seconds / 8)
        for channel in list(server.http_factory.channels):
            channel.dismiss()
        await self._wait(end - min(FAREWELL_SECONDS, seconds / 4))
        self._close_what_is_open()
        if self._is_hurried:
            end = time.monotonic() + HURRIED_SECONDS
            self._is_hurried = False  # for this last moment nothing makes it shorter
        await self._wait(end)
        left = sum(_is_open(*held) for held in server.connections.items())
        await self._cancel_what_is_left()
        log.info("stopped", left=left, **server.runtime.census())

    def _heed_second_signal(self) -> None:
        """Twisted would try to stop once more, which is a traceback."""
        if self._server.signal_handlers:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._hurry)

    def _hurry(self, *_: object) -> None:
        self._is_hurried = True

    async def _wait(self, end: float) -> None:
        while self._is_busy() and not self._is_hurried and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)  # nothing tells of it

    def _is_busy(self) -> bool:
        """Whether anybody is here, or anything written has not left; idle connections are nobody."""
        server = self._server
        if any(_is_open(*held) for held in server.connections.items()):
            return True
        return any(channel.unsent for channel in server.http_factory.channels)

    def _close_what_is_open(self) -> None:
        for connection in list(self._server.connections):
            if isinstance(connection, WebSocketProtocol) and connection.state == connection.STATE_OPEN:
                connection.say_goodbye(RESTARTING, "restarting")

    async def _cancel_what_is_left(self) -> None:
        """The connections to answerers, and applications. Daphne waits for ever for one that will not be cancelled."""
        closing = asyncio.ensure_future(self._server.runtime.close())
        left = [task for task in map(_application, self._server.connections.values()) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.wait([closing, *left], timeout=CANCELLED_SECONDS)


def _is_open(connection: Any, details: dict[str, Any]) -> bool:
    """Whether there is something to wait for; a request that has not arrived whole is nothing."""
    if _application(details) is not None:
        return True
    return isinstance(connection, WebSocketProtocol) and not details.get("disconnected")


def _application(details: dict[str, Any]) -> asyncio.Future[None] | None:
    """The application that still runs; daphne takes out those that are done, sooner or later."""
    application: asyncio.Future[None] | None = details.get("application_instance")
    return None if application is None or application.done() else application
