"""The queue between a connection and its application, which says when it has been worked off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

FAULT = "roundtable.fault"
"""The only key of an entry that is no event."""


class Inbox(asyncio.Queue[dict[str, Any]]):
    """Events that the application has yet to take. Daphne's queue has no bound and tells nobody that it shrinks.

    `when_low` is called each time the queue has fallen to `low` events; it must not put anything in at once.
    """

    def __init__(self, low: int, when_low: Callable[[], None]) -> None:
        super().__init__()
        self._low = low
        self._when_low = when_low

    def fail(self, fault: Exception) -> None:
        """The application failed at what it was handed past this queue: `get` raises that after what is in it."""
        self.put_nowait({FAULT: fault})

    def _get(self) -> dict[str, Any]:
        """What `asyncio.Queue` leaves to its subclasses: takes the next one out."""
        event: dict[str, Any] = super()._get()
        if self.qsize() == self._low:
            self._when_low()
        if FAULT in event:
            raise event[FAULT]
        return event
