"""Goodbye on a server program that has a lifespan: everybody is told before the program hears that it is to stop.

At a signal uvicorn (0.54) closes every WebSocket with 1012 at once, tells the application only when all is over, and
lets offers over HTTP wait for answers that can no longer come. `manage.py serve` drains by itself and has no lifespan.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signalling.runtime import Runtime

SIGNALS = (signal.SIGTERM, signal.SIGINT)
WAIT_SECONDS = 2.0
"""For clients to answer the close, `drain_seconds` if that is less. The program's own time to drain comes after it."""

Handler = Callable[[int, FrameType | None], object]


class Farewell:
    """Stands before the program's own signal handlers; a second signal is passed on at once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handlers: dict[int, Handler] = {}
        self._task: asyncio.Task[None] | None = None
        self._has_begun = False

    def stand_before(self) -> None:
        """Takes the place of the handlers there are; on the event loop, and only in the main thread are there any."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        # Uvicorn raises its signal again when it has ended, and takes only this one for no failure.
        self._runtime.parting.signal = signal.SIGINT
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._heed)

    def step_back(self) -> None:
        """The program's handlers are in their place again."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._heed:
                signal.signal(number, handler)

    def _heed(self, number: int, frame: FrameType | None) -> None:
        """In the middle of anything, so it only leaves word."""
        if self._has_begun:
            self._handlers[number](number, frame)
            return
        self._has_begun = True
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        self._task = self._loop.create_task(self._go(number))

    async def _go(self, number: int) -> None:
        parting = self._runtime.parting
        parting.hand_over()
        await parting.gone(min(self._runtime.clock() + WAIT_SECONDS, parting.ends))
        self._handlers[number](number, None)
