"""The end of a server: it stops listening, says goodbye, waits for what is under way, and only then goes.

Daphne cancels every application at once: sockets see 1006 and requests get nothing. Uvicorn closes every WebSocket with
1012 at once, and lets offers over HTTP wait for answers that can no longer come.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

from roundtable.logs import logger

if TYPE_CHECKING:
    from roundtable.launcher import Launcher

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

    def __init__(self, server: Launcher) -> None:
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
        server.dismiss_requests()
        await self._wait(end - min(FAREWELL_SECONDS, seconds / 4))
        server.close_sockets()
        if self._is_hurried:
            end = time.monotonic() + HURRIED_SECONDS
            self._is_hurried = False  # for this last moment nothing makes it shorter
        await self._wait(end)
        left = server.left()
        await server.cancel_what_is_left(CANCELLED_SECONDS)
        if server.control is not None:
            await server.control.close()
        log.info("stopped", left=left, **server.runtime.census())

    def _heed_second_signal(self) -> None:
        """The program would try to stop once more, which is a traceback of Twisted's."""
        if self._server.signal_handlers:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._hurry)

    def _hurry(self, *_: object) -> None:
        self._is_hurried = True

    async def _wait(self, end: float) -> None:
        while self._server.is_busy() and not self._is_hurried and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)  # nothing tells of it
