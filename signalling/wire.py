"""A WebSocket's way out: frames are written in order by one task that exists only while there is something to write."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from signalling.codes import CloseCode

AsgiSend = Callable[[Any], Awaitable[None]]


class AsgiWire:
    """The outbox's `Wire` over an ASGI `send`. Nobody who sends here waits for this client to read."""

    __slots__ = ("_closing", "_limit", "_pending", "_send", "_unsent", "_writer")

    def __init__(self, send: AsgiSend, limit: int) -> None:
        self._send = send
        self._limit = limit
        self._pending: deque[bytes] = deque()
        self._unsent = 0
        self._closing: tuple[CloseCode, str] | None = None
        self._writer: asyncio.Task[None] | None = None

    def send(self, frame: bytes) -> None:
        """Writes one text frame after those before it; beyond `limit` unsent bytes the client is cut off."""
        if self._closing is not None:
            return
        self._unsent += len(frame)
        if self._unsent > self._limit:
            self._pending.clear()
            self.close(CloseCode.SLOW_CONSUMER, "slow consumer")
            return
        self._pending.append(frame)
        self._wake()

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
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._pending:
                frame = self._pending.popleft()
                await self._send({"type": "websocket.send", "text": frame.decode()})
                self._unsent -= len(frame)
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
        except (OSError, RuntimeError):
            # Servers raise one or the other for a send after the client has gone; its disconnect event is on the way.
            self.dispose()
        finally:
            self._writer = None
