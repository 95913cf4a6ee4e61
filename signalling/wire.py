"""A WebSocket's way out: over ASGI's `send`, or past it where the server program offers that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, Protocol

from signalling.codes import CloseCode

GRACE_SECONDS = 0.1
"""A burst is not yet a slow reader: the writer gets this long to hand it on."""

DIRECT = "roundtable.direct"
"""The key of the scope's `extensions` under which a server program offers a `Direct`."""

AsgiSend = Callable[[Any], Awaitable[None]]
TakeText = Callable[[str], None]


class Direct(Protocol):
    """An extension of the ASGI scope of a WebSocket that was accepted: text messages go past `receive` and `send`.

    Of a server program that calls the application on its own event loop. Everything else is as ASGI has it: binary
    messages, and the end, come by `receive`, and what is sent by `send` takes its place among what is written here.
    What is done here may be done in anybody's context, and what the server program logs of it is about this connection.
    """

    def take_texts_by(self, take: TakeText) -> None:
        """From now on text messages are handed to `take`; those that wait for `receive` come first.

        What `take` raises comes out of `receive`, and nothing is handed to it any more.
        """

    def write_text(self, payload: bytes) -> None:
        """Writes one text message, in UTF-8. The server program sees to clients that do not read."""

    def close_with(self, code: int, reason: str) -> None:
        """Closes after what was written."""


class DirectWire:
    """The outbox's `Wire` over a `Direct`."""

    __slots__ = ("_closed", "_count", "_direct")

    def __init__(self, direct: Direct, count: Callable[[int], None]) -> None:
        """`count` is told the bytes of each frame that was handed on."""
        self._direct = direct
        self._count = count
        self._closed = False

    def send(self, frame: bytes) -> None:
        """Writes one text frame after those before it."""
        if not self._closed:
            self._direct.write_text(frame)
            self._count(len(frame))

    def close(self, code: CloseCode, reason: str) -> None:
        """Closes after what was written; nothing is sent from now on."""
        if not self._closed:
            self._closed = True
            self._direct.close_with(int(code), reason)

    def dispose(self) -> None:
        """The connection is gone: nothing more can be written."""
        self._closed = True


class AsgiWire:
    """The outbox's `Wire` over an ASGI `send`. Nobody who sends here waits for this client to read.

    `cut_off` is called when more than `limit` bytes have waited for a moment: the server program takes no more for a
    client that does not read. (Daphne takes everything; there, this never happens.)
    """

    __slots__ = (
        "_closing",
        "_context",
        "_count",
        "_cut_off",
        "_judging",
        "_limit",
        "_pending",
        "_send",
        "_unsent",
        "_writer",
    )

    def __init__(self, send: AsgiSend, limit: int, cut_off: Callable[[], None], count: Callable[[int], None]) -> None:
        """`count` is told the bytes of each frame that was handed on."""
        self._send = send
        self._context = copy_context()  # what is written here is about this connection, whoever's message caused it
        self._limit = limit
        self._cut_off = cut_off
        self._count = count
        self._judging = False
        self._pending: deque[bytes] = deque()
        self._unsent = 0
        self._closing: tuple[CloseCode, str] | None = None
        self._writer: asyncio.Task[None] | None = None

    def send(self, frame: bytes) -> None:
        """Writes one text frame after those before it."""
        if self._closing is not None:
            return
        self._unsent += len(frame)
        self._pending.append(frame)
        self._wake()
        if self._unsent > self._limit and not self._judging:
            self._judging = True
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._judge)

    def _judge(self) -> None:
        self._judging = False
        if self._unsent <= self._limit or self._closing is not None:
            return
        self._pending.clear()
        if self._writer is not None:
            self._writer.cancel()  # it waits for the client, and the close must not wait behind it
            self._writer = None
        self._cut_off()

    def close(self, code: CloseCode, reason: str) -> None:
        """Closes after what is pending; nothing is sent from now on."""
        if self._closing is None:
            self._closing = (code, reason)
            self._wake()

    def dispose(self) -> None:
        """The connection is gone: nothing more can be written."""
        self._closing = self._closing or (CloseCode.NORMAL, "")
        self._pending.clear()
        if self._writer is not None:
            self._writer.cancel()

    def _wake(self) -> None:
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write(), context=self._context)

    async def _write(self) -> None:
        try:
            while self._pending:
                frame = self._pending.popleft()
                await self._send({"type": "websocket.send", "text": frame.decode()})
                self._unsent -= len(frame)
                self._count(len(frame))
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
        except (OSError, RuntimeError):
            # Servers raise one or the other for a send after the client has gone; its disconnect event is on the way.
            self.dispose()
        finally:
            if self._writer is asyncio.current_task():
                self._writer = None
