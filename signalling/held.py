"""The frames that a session was sent, held in case they have not arrived. Pure: `now` is monotonic seconds."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signalling.limits import Limits


_NOTHING: deque[Any] = deque()
"""Of all who hold nothing, as most do: an empty deque of one's own takes 760 bytes."""


class Store:
    """What all sessions together hold. Beyond the total, nobody holds more than an equal share of it."""

    __slots__ = ("_most_bytes", "_total_bytes", "bytes", "limits", "most_frames", "sessions")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.most_frames = limits.buffer_frames
        self._most_bytes = limits.buffer_bytes
        self._total_bytes = limits.buffer_total_bytes
        self.sessions = 0
        self.bytes = 0

    def is_too_much(self, held: int) -> bool:
        """Whether a session that holds so many bytes must let go of some."""
        total = self._total_bytes
        return held > self._most_bytes or (self.bytes > total and held > total // self.sessions)


class HeldFrames:
    """The latest frames of one session: so many at most, and so many bytes; the oldest give way."""

    __slots__ = ("_bytes", "_entries", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries = _NOTHING
        """When a frame was sent, then the frame, then when the next one was: pairs would be work for the collector."""
        self._bytes = 0
        store.sessions += 1

    def __len__(self) -> int:
        return len(self._entries) // 2

    @property
    def limits(self) -> Limits:
        """The bounds that hold."""
        return self._store.limits

    def add(self, frame: bytes, now: float) -> bool:
        """Holds one frame more; says whether there was none before."""
        entries, store = self._entries, self._store
        is_first = not entries
        if is_first:
            entries = self._entries = deque()
        entries.append(now)
        entries.append(frame)
        size = len(frame)
        self._bytes += size
        store.bytes += size
        while len(entries) > 2 * store.most_frames or store.is_too_much(self._bytes):
            self._drop_oldest()
        return is_first

    def last(self, count: int) -> list[bytes]:
        """The last `count` frames, in their order."""
        frames = islice(self._entries, 1, None, 2)
        return list(islice(frames, len(self) - count, None))

    def forget(self, before: float) -> None:
        """Lets go of what was sent before that moment."""
        entries = self._entries
        while entries and entries[0] < before:
            self._drop_oldest()

    def close(self) -> None:
        """Lets go of all, for good."""
        self._entries = _NOTHING
        self._count(-self._bytes)
        self._store.sessions -= 1

    def _drop_oldest(self) -> None:
        entries = self._entries
        entries.popleft()
        frame = entries.popleft()
        if not entries:
            self._entries = _NOTHING
        self._count(-len(frame))

    def _count(self, size: int) -> None:
        self._bytes += size
        self._store.bytes += size
