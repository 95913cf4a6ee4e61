"""TCP connections to a server of which every byte is the test's."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.loopback import fresh_address
from tests.rawsocket import make_narrow
from tests.serverprocess import HOST, Server

WITHIN_SECONDS = 8.0


class Connection:
    """A TCP connection to the server, of which every byte is the test's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """The next response: status, headers by lower-case name, body."""
        async with asyncio.timeout(WITHIN_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            return int(status.split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def rest(self) -> bytes:
        """What still comes until the server closes."""
        received = b""
        async with asyncio.timeout(WITHIN_SECONDS):
            with suppress(ConnectionError):
                while read := await self.reader.read(65_536):
                    received += read
        return received


@asynccontextmanager
async def connection(
    running: Server, source: str | None = None, *, is_narrow: bool = False
) -> AsyncIterator[Connection]:
    """A connection from this address, or from one that nobody has had; a narrow one holds some kilobytes unread."""
    sender = socket.socket()
    sender.setblocking(False)
    if is_narrow:
        make_narrow(sender)
    sender.bind((source or fresh_address(), 0))
    await asyncio.get_running_loop().sock_connect(sender, (HOST, running.port))
    reader, writer = await asyncio.open_connection(sock=sender)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def assert_closed(sender: Connection) -> None:
    """What is written comes back as an error: nothing is read, so nothing else tells."""
    async with asyncio.timeout(WITHIN_SECONDS):
        with suppress(ConnectionError):
            while True:
                sender.send(b"\r\n")
                await sender.writer.drain()
                await asyncio.sleep(0.05)
