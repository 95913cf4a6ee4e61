"""The end of the process when an operator asks for it, and the waiting that is the same whoever asks.

Everybody is told, those who are here are waited for, and then the server program has the signal at which it stops, as
if a supervisor had sent it. What the program does then is its own business (roundtable/drain.py).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING

from roundtable.logs import logger

if TYPE_CHECKING:
    from signalling.runtime import Runtime

log = logger("signalling")

POLL_SECONDS = 0.02
SPARE_SECONDS = 2.0
"""Of the draining time, a quarter at most: for the server program, to close what is still open."""
MOMENT_SECONDS = 1.0
"""Even when nobody is here, so that whoever asked for it has an answer and sees that it has begun."""


class Parting:
    """One for each process."""

    def __init__(self, runtime: Runtime) -> None:
        self.kill: Callable[[int, int], None] = os.kill
        self._runtime = runtime
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> bool:
        """Starts it, on the event loop; False when it has begun already."""
        if self._runtime.draining:
            return False
        # The program's own line comes with its signal, when hardly anybody is left.
        log.info("draining begun by the operator", **self._runtime.census())
        self._runtime.drain()
        # In a context of its own: it is not about the request that happened to ask for it.
        self._task = asyncio.get_running_loop().create_task(self._part(), context=Context())
        return True

    def hand_over(self) -> None:
        """The program has had a signal and stops by itself; it must not get another, which would hurry it."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._runtime.drain()

    async def gone(self, until: float) -> None:
        """Returns when no WebSocket and no offer over HTTP is left, or at this time of the runtime's clock."""
        while self._is_busy() and self._runtime.clock() < until:  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(POLL_SECONDS)

    @property
    def ends(self) -> float:
        """When the process is to have ended, by the runtime's clock; counted from when draining began."""
        began = self._runtime.switchboard.drain_began
        return (self._runtime.clock() if began is None else began) + self._seconds

    @property
    def _seconds(self) -> float:
        return self._runtime.configuration.limits.drain_seconds

    async def _part(self) -> None:
        await asyncio.sleep(min(MOMENT_SECONDS, self._seconds / 4))
        await self.gone(self.ends - min(SPARE_SECONDS, self._seconds / 4))
        self._task = None
        self.kill(os.getpid(), signal.SIGTERM)

    def _is_busy(self) -> bool:
        census = self._runtime.census()
        return bool(census["connections"] or census["exchanges"])
