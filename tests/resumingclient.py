"""A client that does exactly what docs/protocol.md says under "Resuming", over real sockets, and checks its server.

    async with ResumingClient.welcomed(host, port, source) as ada: ...

Its session outlives its connections: `say` and `expect` neither know nor care how many there have been.
"""

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from signalling.identity import certified_id, encode_proof
from tests.faults.line import Line, Refused
from tests.strictframes import UNNUMBERED, decode_frame

Frame = dict[str, Any]

WITHIN_SECONDS = 10.0
WELCOME_SECONDS = 5.0
UNCOUNTED = frozenset({"hello", "ping"})
"""Messages that the server does not count in `received`."""


class ResumingClient:
    """One peer with a self-certifying id. `received` holds the numbered frames of its sessions, in their order."""

    def __init__(
        self,
        host: str,
        port: int,
        source: str,
        *,
        first_wait_seconds: float = 1.0,
        most_wait_seconds: float = 30.0,
        patience_seconds: float = WITHIN_SECONDS,
    ) -> None:
        self._server = (host, port, source)
        self._first_wait_seconds = first_wait_seconds
        self._most_wait_seconds = most_wait_seconds
        self._patience_seconds = patience_seconds
        secret = secrets.token_bytes(32)
        self.peer, self._proof = certified_id(secret), encode_proof(secret)
        self.received: list[Frame] = []
        self.resumed = 0
        """How often its session was resumed."""
        self.restarted = 0
        """How often it got a new one instead."""
        self.close_codes: list[int] = []
        self._resume: str | None = None
        self._seq = 0
        self._said: list[bytes] = []
        """What counts in this session, from its beginning."""
        self._line: Line | None = None
        self._is_welcome = False
        self._untaken: list[Frame] = []
        self._news = asyncio.Event()
        self._fault: Exception | None = None
        self._coming: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def welcomed(cls, host: str, port: int, source: str, **waits: float) -> AsyncIterator[Self]:
        """It comes, and comes again whenever it is cut off; in the end it vanishes."""
        client = cls(host, port, source, **waits)
        client._coming = asyncio.create_task(client._come())
        try:
            await client._until(lambda: client._is_welcome, "a welcome")
            yield client
        finally:
            client._coming.cancel()
            await asyncio.gather(client._coming, return_exceptions=True)
            if client._line is not None:
                client._line.abort()

    # What it says and gets

    def say(self, kind: str, **fields: Any) -> None:
        """Says it now, or when it is welcome again."""
        text = json.dumps({"type": kind, **fields}).encode()
        if kind not in UNCOUNTED:
            self._said.append(text)
        if self._is_welcome and self._line is not None:
            self._line.send(text)

    async def expect(self, kind: str, **fields: Any) -> Frame:
        """The first frame of this type, with these fields, that was not taken yet. Raises AssertionError."""
        wanted = {"type": kind, **fields}

        def found() -> Frame | None:
            return next((frame for frame in self._untaken if wanted.items() <= frame.items()), None)

        await self._until(lambda: found() is not None, f"{wanted}")
        frame = found()
        assert frame is not None
        self._untaken.remove(frame)
        return frame

    def cut(self) -> None:
        """Resets its own connection."""
        if self._line is not None:
            self._line.abort()

    def stop_reading(self) -> None:
        """Takes nothing from its connection for a while, which stays open."""
        self._transport.pause_reading()

    def read_again(self) -> None:
        """Takes what has come meanwhile."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        assert self._line is not None and self._line._transport is not None, "not connected"
        return self._line._transport

    async def comes_back(self) -> bool:
        """Waits until it has been welcome once more than before; whether its session was resumed."""
        resumed, restarted = self.resumed, self.restarted
        await self._until(lambda: (self.resumed, self.restarted) != (resumed, restarted), "a welcome")
        return self.resumed > resumed

    def received_as(self, *kinds: str) -> list[Frame]:
        """The frames of these types that it got, in their order."""
        return [frame for frame in self.received if frame["type"] in kinds]

    async def _until(self, fact: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                while not fact():
                    if self._fault is not None:
                        raise self._fault
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            got = [(frame["type"], frame.get("code"), frame.get("reason")) for frame in self._untaken[-5:]]
            state = f"resumed {self.resumed}, restarted {self.restarted}, closed with {self.close_codes}"
            raise AssertionError(f"no {what} within {self._patience_seconds} s; last: {got}; {state}") from None

    # Its connections

    async def _come(self) -> None:
        """Connects until it is told not to come back: full jitter, doubled each time (docs/protocol.md)."""
        wait_seconds = self._first_wait_seconds
        while not self.close_codes or is_invitation(self.close_codes[-1]):
            if await self._stay():
                wait_seconds = self._first_wait_seconds
            await asyncio.sleep(random.uniform(0, wait_seconds))
            wait_seconds = min(2 * wait_seconds, self._most_wait_seconds)

    async def _stay(self) -> bool:
        """One connection, until it is lost. Whether it was welcome on it."""
        self._lost.clear()
        line: Line = Line(lambda text: self._hear(line, text), lambda code: self._lose(line, code))
        with suppress(OSError, Refused):
            await line.open(*self._server)
            self._line = line
            line.send(self._hello())
            with suppress(TimeoutError):
                async with asyncio.timeout(WELCOME_SECONDS):  # wait_for of Python 3.11 may swallow a cancellation
                    await self._lost.wait()
            if self._is_welcome:
                await self._lost.wait()
        welcome, self._is_welcome, self._line = self._is_welcome, False, None
        line.abort()
        return welcome

    def _hello(self) -> bytes:
        resume = {} if self._resume is None else {"resume": self._resume, "seq": self._seq}
        return json.dumps({"type": "hello", "peer": self.peer, "proof": self._proof, **resume}).encode()

    def _lose(self, line: Line, code: int) -> None:
        if line is self._line:
            self.close_codes.append(code)
            self._is_welcome = False
            self._lost.set()

    # What comes

    def _hear(self, line: Line, text: bytes) -> None:
        if line is not self._line:
            return
        self._news.set()
        try:
            decode_frame(text.decode())
            self._take(line, json.loads(text))
        except (AssertionError, ValueError) as fault:
            self._fault = self._fault or AssertionError(f"{text[:200]!r}: {fault}")

    def _take(self, line: Line, frame: Frame) -> None:
        if frame["type"] == "welcome":
            self._be_welcome(line, frame)
        elif frame["type"] not in UNNUMBERED and self._is_welcome:
            assert frame["seq"] == self._seq + 1, f"seq {frame['seq']} after {self._seq}"
            self._seq += 1
            self.received.append(frame)
        self._untaken.append(frame)

    def _be_welcome(self, line: Line, welcome: Frame) -> None:
        assert not self._is_welcome, "a connection is welcome once"
        if welcome["resumed"]:
            assert welcome["seq"] >= self._seq, "the server has forgotten what it sent"
            assert welcome["received"] <= len(self._said), "the server has taken up what was never said"
            self.resumed += 1
        else:
            assert welcome["seq"] == 0
            self.restarted += self._resume is not None
            self._seq = 0
            self._said.clear()
        self._resume = welcome["resume"]
        self._is_welcome = True
        for unsaid in self._said[welcome.get("received", 0) :]:
            line.send(unsaid)


def is_invitation(code: int) -> bool:
    """Whether a client comes back after this close code."""
    return code not in {1002, 1007, 1009} and not 4500 <= code <= 4999
