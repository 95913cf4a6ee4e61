"""The frames that a session was sent, held in case they have not arrived. Pure: `now` is monotonic seconds."""

from __future__ import annotations

from collections import deque
from itertools import islice


class HeldFrames:
    """The latest frames of one session: so many at most, and so many bytes; the oldest give way."""

    __slots__ = ("_bytes", "_frames", "_max_bytes", "_max_frames")

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._frames: deque[tuple[float, bytes]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: bytes, now: float) -> None:
        """Holds one frame more."""
        self._frames.append((now, frame))
        self._bytes += len(frame)
        while len(self._frames) > self._max_frames or self._bytes > self._max_bytes:
            self._drop_oldest()

    def last(self, count: int) -> list[bytes]:
        """The last `count` frames, in their order."""
        return [frame for _, frame in islice(self._frames, len(self._frames) - count, None)]

    def forget(self, before: float) -> None:
        """Lets go of what was sent before that moment."""
        while self._frames and self._frames[0][0] < before:
            self._drop_oldest()

    def clear(self) -> None:
        """Lets go of all."""
        self._frames.clear()
        self._bytes = 0

    def _drop_oldest(self) -> None:
        _, frame = self._frames.popleft()
        self._bytes -= len(frame)
