"""A client that sends octets as it is told to, and keeps each frame of the server and how the connection ended."""

import asyncio
import socket
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Self

from tests.rawframes import CLOSE, ServerFrame, ServerFrames, check_handshake, handshake

HOST = "127.0.0.1"
OPENED_WITHIN_SECONDS = 10.0
TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8
"""Linux, include/net/tcp_states.h: nothing is left of a connection, though nobody has read that."""


class RawSocket:
    """One connection, upgraded to a WebSocket by hand. It answers nothing of itself, neither ping nor close.

    It reads from the socket itself: asyncio's streams withhold what came before a reset.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._incoming = ServerFrames()
        self.frames: list[ServerFrame] = []
        self.has_ended = False
        """The server has ended the connection, by FIN or by RST."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, port: int, source: str, *, is_narrow: bool = False) -> AsyncIterator[Self]:
        """It is open; the client's address is `source`. A narrow one holds some kilobytes unread."""
        with socket.socket() as connection:
            connection.setblocking(False)
            if is_narrow:
                make_narrow(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.bind((source, 0))
            client = cls(connection)
            async with asyncio.timeout(OPENED_WITHIN_SECONDS):
                await client._open(port)
            yield client

    @property
    def closing(self) -> ServerFrame | None:
        """The close frame that has come."""
        return next((frame for frame in self.frames if frame.opcode == CLOSE), None)

    @property
    def is_reset(self) -> bool:
        """Whether the server has aborted the connection; nothing need be read to know."""
        return is_reset(self._connection)

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Sends each piece by a write of its own. What a server that has gone would not read is not sent."""
        with suppress(ConnectionError):
            for piece in pieces:
                await self._loop.sock_sendall(self._connection, piece)
                await asyncio.sleep(0)

    async def read_frames(self, number: int, within: float) -> None:
        """Reads until so many frames have come in all, the connection has ended or time is up. Raises BrokenFrame."""
        await self.read_until(lambda: len(self.frames) >= number, within)

    async def read_until(self, fact: Callable[[], bool], within: float) -> None:
        """Reads until the fact holds, the connection has ended or time is up. Raises BrokenFrame."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not fact() and not self.has_ended:
                    await self._read()

    async def _open(self, port: int) -> None:
        await self._loop.sock_connect(self._connection, (HOST, port))
        await self.write([handshake(f"{HOST}:{port}")])
        response = b""
        while b"\r\n\r\n" not in response:
            received = await self._loop.sock_recv(self._connection, 65_536)
            assert received, f"no WebSocket: {response!r}"
            response += received
        head, _, first = response.partition(b"\r\n\r\n")
        check_handshake(head)
        self.frames += self._incoming.feed(first)

    async def _read(self) -> None:
        octets = b""
        with suppress(ConnectionError):
            octets = await self._loop.sock_recv(self._connection, 65_536)
        self.frames += self._incoming.feed(octets)
        if not octets:
            self.has_ended = True
            self._incoming.end()


def make_narrow(connection: socket.socket) -> None:
    """Both kernels hold little for it: some 40 segments, which on loopback are of 64 KiB otherwise."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


def is_reset(connection: socket.socket | TransportSocket) -> bool:
    """Whether the other side has aborted this connection."""
    return _state(connection) == TCP_CLOSE


def is_over(connection: socket.socket | TransportSocket) -> bool:
    """Whether the other side has aborted this connection, or closed it and has nothing more to send."""
    return _state(connection) in (TCP_CLOSE, TCP_CLOSE_WAIT)


def _state(connection: socket.socket | TransportSocket) -> int:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
