"""The pulse of the event loop: a timer that goes off twice a second and tells how late it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

BEAT_SECONDS = 0.5


class Pulse:
    """Of one process; it beats on the loop on which it was started last."""

    def __init__(self, beat: Callable[[float], None]) -> None:
        """`beat` is told by how many seconds the loop was late."""
        self._beat = beat
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """To be called whenever something comes in: there is no other start that every server program has."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        self.stop()
        self._loop = loop
        self._wait(loop)

    def stop(self) -> None:
        """It does not beat until it is started again."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + BEAT_SECONDS
        # In a context of its own: it is not about the request that happened to start it.
        self._timer = loop.call_at(self._due, self._go_off, loop, context=Context())

    def _go_off(self, loop: asyncio.AbstractEventLoop) -> None:
        # asyncio may call up to its clock's resolution early.
        late_seconds = max(0.0, loop.time() - self._due)
        self._wait(loop)
        self._beat(late_seconds)
