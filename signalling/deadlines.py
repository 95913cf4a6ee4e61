"""Deadlines of one kind, all equally long. Pure."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """What is due `seconds` after it was put in: in order of arrival, which is order of time: no heap, no timers.

    An entry is not taken out when it no longer matters; whoever takes it looks whether it still does.
    """

    __slots__ = ("_entries", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._entries: deque[tuple[float, T]] = deque()

    def put(self, entry: T, now: float) -> None:
        """From now on the clock runs for this entry."""
        self._entries.append((now + self.seconds, entry))

    def next(self) -> float | None:
        """When the first is due, or None."""
        return self._entries[0][0] if self._entries else None

    def due(self, now: float) -> Iterator[T]:
        """Takes out what is due, the oldest first."""
        while self._entries and self._entries[0][0] <= now:
            yield self._entries.popleft()[1]
