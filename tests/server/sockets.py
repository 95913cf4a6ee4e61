"""WebSockets that a well-behaved client does not open: from any loopback address, and deaf ones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event, State
from websockets.uri import parse_uri

from tests.wsclient import Peer

WITHIN_SECONDS = 8.0


@asynccontextmanager
async def peer_from(address: str, ws_url: str) -> AsyncIterator[Peer]:
    """A peer that connects from this address and has not said hello."""
    async with connect(ws_url, local_addr=(address, 0), compression=None, proxy=None) as socket:
        yield Peer(socket)


class DeafSocket:
    """A WebSocket whose client reads and sends what it is told to, but never answers: no pong, no closing handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = protocol
        self.received: list[Frame] = []
        self._taken = 0
        self.response_headers = Headers()
        """Of the server's handshake."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, ws_url: str, extensions: str = "") -> AsyncIterator[Self]:
        """It is open; `extensions` are those that it offers."""
        uri = parse_uri(ws_url)
        reader, writer = await asyncio.open_connection(uri.host, uri.port)
        protocol = ClientProtocol(uri)
        socket = cls(reader, writer, protocol)
        handshake = protocol.connect()
        if extensions:
            handshake.headers["Sec-WebSocket-Extensions"] = extensions
        protocol.send_request(handshake)
        socket._flush()
        await socket._read_until(lambda: protocol.state is State.OPEN)
        try:
            yield socket
        finally:
            writer.close()

    def send_text(self, text: str) -> None:
        self._protocol.send_text(text.encode())
        self._flush()

    def send_bytes(self, data: bytes) -> None:
        """Bytes that need not be a frame."""
        self._writer.write(data)

    def send_frames(self, *frames: Frame) -> None:
        """These frames as they stand, masked."""
        for frame in frames:
            self._writer.write(frame.serialize(mask=True))

    async def flood(self, data: bytes, times: int) -> None:
        """Writes these bytes so often, as fast as the server takes them, and until it takes no more."""
        with suppress(ConnectionError):
            for _ in range(times):
                self._writer.write(data)
                await self._writer.drain()

    async def next_text(self) -> bytes:
        """The text frame after those that were taken so."""
        await self._read_until(lambda: len(self._texts()) > self._taken)
        self._taken += 1
        return bytes(self._texts()[self._taken - 1].data)

    def _texts(self) -> list[Frame]:
        return [frame for frame in self.received if frame.opcode is Opcode.TEXT]

    async def text(self) -> str:
        """The first text frame that comes."""
        await self._read_until(lambda: any(frame.opcode is Opcode.TEXT for frame in self.received))
        return bytes(next(frame for frame in self.received if frame.opcode is Opcode.TEXT).data).decode()

    async def close_code(self) -> int:
        """The code of the close frame that comes. Fails if the connection ends without one."""
        await self._read_until(lambda: any(frame.opcode is Opcode.CLOSE for frame in self.received))
        (closing,) = [frame for frame in self.received if frame.opcode is Opcode.CLOSE]
        return int(Close.parse(closing.data).code)

    async def ended(self) -> None:
        """Returns when the server has dropped the connection."""
        async with asyncio.timeout(WITHIN_SECONDS):
            with suppress(ConnectionResetError):
                while await self._reader.read(65_536):
                    pass

    async def _read_until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_SECONDS):
            while not fact():
                read = await self._reader.read(65_536)
                assert read, f"the connection ended after {self.received}"
                self._protocol.receive_data(read)
                for event in self._protocol.events_received():
                    self._take(event)
                self._protocol.data_to_send()  # its answers, which nobody gets

    def _take(self, event: Event) -> None:
        if isinstance(event, Frame):
            self.received.append(event)
        elif isinstance(event, Response):
            self.response_headers = event.headers

    def _flush(self) -> None:
        self._writer.writelines(self._protocol.data_to_send())
