"""How many newcomers are accepted, and heard, in a turn of the event loop.

When thousands come at once, all of them have something to say in the same turn, and whoever is here already waits until
the last of them was heard. So some are heard in each turn, and between turns everybody else is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from roundtable.logs import logger

log = logger("roundtable.server")

HEARD_PER_TURN = 12
"""Handshakes or first requests; a client's way from the handshake to its welcome takes 0.5 to 1 ms of a processor."""
ACCEPTED_AT_A_TIME, PAUSE_SECONDS = 12, 0.004
"""Connections, and how long others then wait: at most 3,000 a second, which is more than can be welcomed. Whoever was
accepted counts against `http_connections` until heard, and accepting is so quick that it would use up all of that."""


class Newcomers:
    """Who has been accepted and waits to be heard, in the order of arrival."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._left = HEARD_PER_TURN
        """How many more may be heard in this turn."""

    def admit(self) -> bool:
        """Whether one may be heard now, which then counts; else it is to wait."""
        if not self._left:
            return False
        if self._left == HEARD_PER_TURN:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._left -= 1
        return True

    def wait(self, hear: Callable[[], None]) -> None:
        """Calls this in one of the next turns."""
        self._waiting.append(hear)

    def _begin_turn(self) -> None:
        self._left = HEARD_PER_TURN
        while self._waiting and self.admit():
            try:
                self._waiting.popleft()()
            except Exception:  # a fault of ours about one newcomer must not keep the others waiting for ever
                log.exception("a newcomer could not be heard")
