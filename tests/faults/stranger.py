"""A client of a real server whose input may be anything, and what holds for it all the same: each frame that it gets is
read strictly, numbered without gap, and no fault of the server's."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, Self

from tests.faults.line import ABNORMAL, Line
from tests.strictframes import UNNUMBERED, decode_frame

WITHIN_SECONDS = 5.0
FAULTS = {1011, ABNORMAL}
"""Ends of a connection that are the server's fault: an error of its own, or no goodbye."""


class Door(NamedTuple):
    """Where the server is, and from which address somebody comes."""

    host: str
    port: int
    source: str


class Stranger:
    """One WebSocket. What it gets is checked as it comes; the first fault is kept, and raised when it is waited for."""

    def __init__(self) -> None:
        self.line = Line(self._hear, self._lose)
        self.close_code: int | None = None
        self.fault: Exception | None = None
        self._seq: int | None = None
        self._frames: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def connected(cls, door: Door) -> AsyncIterator[Self]:
        """It has connected; the connection is reset in the end."""
        stranger = cls()
        await stranger.line.open(*door)
        try:
            yield stranger
        finally:
            stranger.line.abort()

    def say(self, kind: str, **fields: Any) -> None:
        """A message of this type."""
        self.write(json.dumps({"type": kind, **fields}).encode())

    def write(self, text: bytes) -> None:
        """Any text."""
        self.line.send(text)

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first frame of this type with these fields; those before it are forgotten."""
        wanted = {"type": kind, **fields}
        for frame in await self.takes_until(wanted):
            if wanted.items() <= frame.items():
                return frame
        raise AssertionError(f"closed with {self.close_code} and no {wanted}")

    async def takes_until(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """What comes up to a frame with these fields, which is the last, or to the end of the connection."""
        taken: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                while not (taken and wanted.items() <= taken[-1].items()):
                    if self.fault is not None:
                        raise self.fault
                    if self._frames:
                        taken.append(self._frames.popleft())
                    elif self.close_code is not None:
                        break
                    else:
                        self._news.clear()
                        await self._news.wait()
        except TimeoutError:
            got = [(frame["type"], frame.get("code")) for frame in taken]
            raise AssertionError(f"no {wanted} within {WITHIN_SECONDS} s, but {got}") from None
        return taken

    async def is_lost_within(self, seconds: float) -> bool:
        """Whether the connection ends within so many seconds. Raises what was wrong with a frame."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.close_code is None and self.fault is None:
                    self._news.clear()
                    await self._news.wait()
        if self.fault is not None:
            raise self.fault
        return self.close_code is not None

    def _hear(self, text: bytes) -> None:
        self._news.set()
        try:
            self._frames.append(self._checked(text))
        except (AssertionError, ValueError) as fault:
            self.fault = self.fault or AssertionError(f"{text[:200]!r}: {fault}")

    def _checked(self, text: bytes) -> dict[str, Any]:
        decode_frame(text.decode())
        frame: dict[str, Any] = json.loads(text)
        if frame["type"] == "welcome":
            self._seq = frame["seq"]
        elif frame["type"] not in UNNUMBERED and self._seq is not None:
            self._seq += 1
            assert frame["seq"] == self._seq, f"seq {frame['seq']} instead of {self._seq}"
        assert frame.get("code") != "internal", "an error of the server's own"
        return frame

    def _lose(self, code: int) -> None:
        self.close_code = code
        self._news.set()
