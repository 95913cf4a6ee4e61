"""A network that fails where it is told to: a proxy on loopback that cuts a WebSocket's connection at one exact octet.

It knows where frames end and does not read them. Control frames are passed on and not counted. Plain HTTP is passed on
as well, so that a page and its WebSocket can come through it; such connections have no frames to be cut at.
"""

import asyncio
import math
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal, Self

HOST = "127.0.0.1"
CONTROL = 0x8
"""RFC 6455, section 5.5: opcodes with this bit are control frames."""


Direction = Literal["server", "client"]


class How(Enum):
    """What becomes of the connection."""

    CLOSE = auto()
    """Both ends see it end."""
    RESET = auto()
    """Both ends see it reset: what was not read yet may be lost with it."""
    UNSEEN = auto()
    """Only the client sees it reset. To the server it looks open, and nothing comes."""


@dataclass(frozen=True)
class Cut:
    """Where one connection is cut: at a frame in one direction, counted from 1, of which so much is passed on."""

    to: Direction
    frame: int
    share: float = 0.0
    """Of the frame's octets: 0 is before it, 1 after it."""
    how: How = How.CLOSE


class Flaky:
    """The proxy. Its n-th connection is cut by the n-th of `cuts`; further ones are not cut."""

    def __init__(self, server_port: int, cuts: Sequence[Cut], down_seconds: float) -> None:
        self.port = 0
        self.links: list[Link] = []
        self._server_port = server_port
        self._cuts = list(cuts)
        self._down_seconds = down_seconds
        self._up_again = 0.0
        self._serving: set[asyncio.Task[None]] = set()
        self.all_cut = asyncio.Event()
        """Every cut was made."""
        if not cuts:
            self.all_cut.set()

    @classmethod
    @asynccontextmanager
    async def before(cls, server_port: int, cuts: Sequence[Cut] = (), down_seconds: float = 0) -> AsyncIterator[Self]:
        """It listens on a port of its own; after each cut nobody gets through for so long."""
        proxy = cls(server_port, cuts, down_seconds)
        listener = await asyncio.start_server(proxy._accept, HOST, 0)
        proxy.port = listener.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            listener.close()
            for task in proxy._serving:
                task.cancel()
            await asyncio.gather(*proxy._serving, return_exceptions=True)

    @property
    def cuts_made(self) -> int:
        return sum(link.is_cut for link in self.links)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        client = End(reader, writer)
        try:
            if asyncio.get_running_loop().time() >= self._up_again:
                await self._pass_on(client)
        except (OSError, asyncio.CancelledError):
            pass  # the server is not there, or the test is over
        finally:
            client.reset()

    async def _pass_on(self, client: "End") -> None:
        source = client.writer.get_extra_info("peername")[0]
        server = End(*await asyncio.open_connection(HOST, self._server_port, local_addr=(source, 0)))
        link = Link(client, server, self._cuts.pop(0) if self._cuts else None, self._rest)
        self.links.append(link)
        try:
            await link.pass_on()
        finally:
            server.reset()

    def go_down(self, how: How = How.CLOSE) -> None:
        """Cuts whatever connections there are, between two frames or not, and lets nobody through until `come_up`."""
        for link in self.links:
            link.cut_now(how)
        self._up_again = math.inf

    def come_up(self) -> None:
        """Lets everybody through again."""
        self._up_again = 0.0

    def _rest(self) -> None:
        if not self._cuts:
            self.all_cut.set()
        self._up_again = asyncio.get_running_loop().time() + self._down_seconds


@dataclass(frozen=True)
class End:
    """One end of a link, as the proxy holds it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reset(self) -> None:
        """At once, whatever it has not read yet; nothing if it has ended."""
        if self.writer.transport.is_closing():
            self.writer.transport.abort()
            return
        ours = self.writer.get_extra_info("socket")
        with suppress(OSError):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Link:
    """One connection through the proxy."""

    def __init__(self, client: End, server: End, cut: Cut | None, went_down: Callable[[], None]) -> None:
        self._client = client
        self._server = server
        self._cut = cut
        self._how = cut.how if cut is not None else How.CLOSE
        self._went_down = went_down
        self._pumps: list[asyncio.Task[None]] = []
        self.is_cut = False
        self.frames: Counter[str] = Counter()
        """How many began to pass to the server and to the client."""

    async def pass_on(self) -> None:
        """Returns when the connection is over."""
        self._pumps = [
            asyncio.create_task(self._pump("server", self._client.reader, self._server.writer)),
            asyncio.create_task(self._pump("client", self._server.reader, self._client.writer)),
        ]
        try:
            await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop_pumps()
            await asyncio.gather(*self._pumps, return_exceptions=True)
        await self._end(self._how if self.is_cut else How.CLOSE)

    def cut_now(self, how: How) -> None:
        """Wherever it is."""
        self.is_cut, self._how = True, how
        self._stop_pumps()

    def _stop_pumps(self) -> None:
        for pump in self._pumps:
            pump.cancel()

    async def _end(self, how: How) -> None:
        """Whoever calls this resets what is still open."""
        if how is How.CLOSE:
            for end in (self._client, self._server):
                end.writer.close()
                with suppress(OSError):
                    await end.writer.wait_closed()
        elif how is How.UNSEEN:
            self._client.reset()
            while await self._server.reader.read(65_536):
                pass  # what the server says to nobody, until it gives up

    async def _pump(self, to: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        if is_handshake(head):
            await self._pass_frames(to, reader, writer)
            return
        while read := await reader.read(65_536):
            writer.write(read)

    async def _pass_frames(self, to: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        unread = b""
        while read := await reader.read(65_536):
            unread += read
            while len(unread) >= (length := frame_length(unread)):
                if not self._pass(to, unread[:length], writer):
                    return
                unread = unread[length:]
            await writer.drain()  # who does not read is not read for, either

    def _pass(self, to: Direction, frame: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection lasts."""
        if not frame[0] & CONTROL:
            self.frames[to] += 1
        cut = self._cut
        if cut is None or self.is_cut or (cut.to, cut.frame) != (to, self.frames[to]):
            writer.write(frame)
            return True
        writer.write(frame[: round(cut.share * len(frame))])
        self.is_cut = True
        self._went_down()
        return False


def is_handshake(head: bytes) -> bool:
    """Whether frames follow this head of a request or a response (RFC 6455, section 4); else it is plain HTTP."""
    return b"\r\nupgrade: websocket\r\n" in head.lower()


def frame_length(octets: bytes) -> int:
    """Of the frame at the beginning, head included (RFC 6455, section 5.2); 2 while that is not known, or more."""
    if len(octets) < 2:
        return 2
    length, head = octets[1] & 0x7F, 2
    if length >= 126:
        more = 2 if length == 126 else 8
        length, head = int.from_bytes(octets[2 : 2 + more], "big"), 2 + more
    return head + length + (4 if octets[1] & 0x80 else 0)
