"""The queue between a WebSocket and its application."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

FAULT = "roundtable.fault"
"""The only key of an entry that is no event."""

Event = dict[str, Any]


class Inbox:
    """Events that the application has yet to take; one task at a time takes them.

    An `asyncio.Queue` that is empty, as nearly all are, takes 3 KB.
    """

    __slots__ = ("_events", "_taker")

    def __init__(self) -> None:
        self._events: deque[Event] | None = None
        """None when there are none."""
        self._taker: asyncio.Future[None] | None = None

    def qsize(self) -> int:
        """How many wait."""
        return 0 if self._events is None else len(self._events)

    def empty(self) -> bool:
        """Whether none waits; one that has been put in waits until the application's task has run."""
        return self._events is None

    def put_nowait(self, event: Event) -> None:
        """One more."""
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    def fail(self, fault: Exception) -> None:
        """The application failed at what it was handed past this queue: `get` raises that after what is in it."""
        self.put_nowait({FAULT: fault})

    async def get(self) -> Event:
        """The next one, as soon as there is one."""
        while self._events is None:
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        event = self._events.popleft()
        if not self._events:
            self._events = None
        if FAULT in event:
            raise event[FAULT]
        return event
