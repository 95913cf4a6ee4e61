"""The frames that a session was sent, held in case they have not arrived. Pure: `now` is monotonic seconds."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signalling.limits import Limits


_NOTHING: deque[tuple[float, bytes]] = deque()
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

    __slots__ = ("_bytes", "_frames", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._frames = _NOTHING
        self._bytes = 0
        store.sessions += 1

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def limits(self) -> Limits:
        """The bounds that hold."""
        return self._store.limits

    def add(self, frame: bytes, now: float) -> None:
        """Holds one frame more."""
        frames, store = self._frames, self._store
        if not frames:
            frames = self._frames = deque()
        frames.append((now, frame))
        size = len(frame)
        self._bytes += size
        store.bytes += size
        while len(frames) > store.most_frames or store.is_too_much(self._bytes):
            self._drop_oldest()

    def last(self, count: int) -> list[bytes]:
        """The last `count` frames, in their order."""
        return [frame for _, frame in islice(self._frames, len(self._frames) - count, None)]

    def forget(self, before: float) -> None:
        """Lets go of what was sent before that moment."""
        while self._frames and self._frames[0][0] < before:
            self._drop_oldest()

    def close(self) -> None:
        """Lets go of all, for good."""
        self._frames = _NOTHING
        self._count(-self._bytes)
        self._store.sessions -= 1

    def _drop_oldest(self) -> None:
        _, frame = self._frames.popleft()
        if not self._frames:
            self._frames = _NOTHING
        self._count(-len(frame))

    def _count(self, size: int) -> None:
        self._bytes += size
        self._store.bytes += size
