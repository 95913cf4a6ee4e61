"""One WebSocket with as little Python as will do, so that one process can be thousands of clients.

It knows frames, pings and closing; what the messages mean is client.py's business. It takes the server's frames as
RFC 6455 has them but relies on what this server does: text frames are whole, and nothing is compressed.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

ABNORMAL = 1006
"""RFC 6455, section 7.1.5: the connection ended without a close frame."""

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_NO_MASK = b"\0\0\0\0"
"""A masking key like any other (RFC 6455, section 5.3), which saves us the work and the server nothing."""
_POLL_SECONDS = 0.01
_HANDSHAKE = (
    "GET /signal HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Refused(Exception):
    """The handshake was answered with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the handshake was answered with {status}")
        self.status = status


class Line(asyncio.Protocol):
    """A WebSocket: `heard` gets each text message, `lost` the close code when it is over."""

    def __init__(self, heard: Callable[[bytes], None], lost: Callable[[int], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._buffer = b""
        self._code = ABNORMAL
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_open = False
        self.is_deaf = False

    async def open(self, host: str, port: int, source: str, receive_buffer_bytes: int | None = None) -> None:
        """Connects from the address `source`. Raises OSError, or Refused when the server does not switch protocols."""
        ours = socket.socket()
        ours.setblocking(False)
        if receive_buffer_bytes is not None:  # before it is connected, or the window is already larger
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        loop = asyncio.get_running_loop()
        try:
            ours.bind((source, 0))
            await loop.sock_connect(ours, (host, port))
        except BaseException:
            ours.close()
            raise
        transport, _ = await loop.create_connection(lambda: self, sock=ours)
        transport.write(_HANDSHAKE.format(host=host, port=port).encode())
        await self._opened

    # What a client does

    def send(self, text: bytes) -> None:
        """One text message; nothing when the connection is gone."""
        self._write(TEXT, text)

    def send_bytes(self, data: bytes) -> None:
        """Bytes that need not be a frame."""
        if self._transport is not None:
            self._transport.write(data)

    async def drained(self, at_most_bytes: int = 262_144) -> bool:
        """Waits until no more than this is unsent; whether the connection is still there."""
        while self._unsent_bytes > at_most_bytes:  # noqa: ASYNC110 (a flooder needs no flow control, but a bound)
            await asyncio.sleep(_POLL_SECONDS)
        return self._transport is not None

    @property
    def _unsent_bytes(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Says goodbye on the WebSocket, without a word to the application."""
        self._write(CLOSE, b"\x03\xe8")

    def abort(self) -> None:
        """Resets the connection."""
        if self._transport is not None:
            self._transport.abort()

    def go_deaf(self) -> None:
        """Reads nothing and answers nothing from now on, as if the machine had lost its network. It stays open."""
        self.is_deaf = True
        if self._transport is not None:
            self._transport.pause_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no class of asyncio

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._transport = None
        if self._is_open:
            self._lost(self._code)
        elif not self._opened.done():
            self._opened.set_exception(exc or ConnectionResetError("lost within the handshake"))

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._opened.cancelled() or not (self._is_open or self._shake_hands()):
            return
        self._take_frames()

    def _shake_hands(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            self._opened.set_exception(Refused(status))
            self.abort()
            return False
        self._buffer = rest
        self._is_open = True
        self._opened.set_result(None)
        return True

    def _take_frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) < start + length:
                break
            opcode, at = buffer[at] & 0xF, start + length
            self._take(opcode, buffer[start:at])
        self._buffer = buffer[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self._heard(payload)
        elif opcode == PING:
            self._write(PONG, payload)
        elif opcode == CLOSE:
            self._code = int.from_bytes(payload[:2], "big") if payload else 1005
            self._write(CLOSE, payload)

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is None:
            return
        length = len(payload)
        if length < 126:
            head = bytes((0x80 | opcode, 0x80 | length))
        elif length < 65_536:
            head = bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big")
        with suppress(OSError):
            self._transport.write(head + _NO_MASK + payload)
