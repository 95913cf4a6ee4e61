"""Offers over HTTP: a lean client of `POST /signal`, callees who answer, and answerers elsewhere."""

from __future__ import annotations

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from benchmarks.client import HOST, WITHIN_SECONDS, Client, Fault, lone_address
from benchmarks.material import ANSWER, OFFER, compact
from benchmarks.workloads import MICROSECONDS, SETTLE_SECONDS, Costs, share
from tests.serverprocess import free_port

if TYPE_CHECKING:
    from benchmarks.servers import Server
    from benchmarks.sizes import Sizes

UUID_LENGTH = 36
POSTS_AT_ONE_ANSWERER = 4
"""`outbound_per_target` is no more."""
_OFFER, _ANSWER = compact(OFFER), compact(ANSWER)
_BLANK_LINE = b"\r\n\r\n"
_LENGTH = b"content-length:"


def request(path: str, host: str, body: bytes) -> bytes:
    """A POST of this JSON."""
    return _message(f"POST {path} HTTP/1.1\r\nHost: {host}", body)


def response(body: bytes) -> bytes:
    """A 200 with this JSON."""
    return _message("HTTP/1.1 200 OK", body)


def _message(head: str, body: bytes) -> bytes:
    return f"{head}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def posted_offer(uuid_of_callee: str, public_address: str) -> bytes:
    """The body for a new call from somebody new."""
    answering = f'{{"Uuid":"{uuid_of_callee}","PublicIP":"{public_address}"}}'
    offering = f'{{"Uuid":"{uuid.uuid4()}","PublicIP":""}}'
    return (
        f'{{"AnsweringPeerID":{answering},"OfferingPeerID":{offering},"OfferUUID":"{uuid.uuid4()}",'
        f'"WebRTCSessionDescription":{_OFFER}}}'
    ).encode()


class Messages(ABC, asyncio.Protocol):
    """HTTP messages with a Content-Length, one after the other, as both ends of this benchmark see them."""

    def __init__(self) -> None:
        self._buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(_BLANK_LINE)
        if not blank:
            return
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = b""
        self.take(head, rest)

    @abstractmethod
    def take(self, head: bytes, body: bytes) -> None:
        """A whole message."""


class Poster(Messages):
    """The caller's end of one connection."""

    def __init__(self) -> None:
        super().__init__()
        self._response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connected(cls, server: Server) -> Poster:
        """One that is connected to this server, from an address of its own."""
        loop = asyncio.get_running_loop()
        _, poster = await loop.create_connection(cls, HOST, server.port, local_addr=(lone_address(), 0))
        return poster

    async def exchange(self, offer: bytes) -> bytes:
        """Posts one offer; the response to it."""
        self._response = asyncio.get_running_loop().create_future()
        self.transport.write(offer)
        return await asyncio.wait_for(self._response, WITHIN_SECONDS)

    async def post(self, offer: bytes) -> None:
        """Posts one offer. Raises Fault when it is not answered with 200 and an answer."""
        answer = await self.exchange(offer)
        if not answer.startswith(b"HTTP/1.1 200") or b'"answer"' not in answer:
            raise Fault(f"an offer was not answered: {answer[:400].decode(errors='replace')}")

    def take(self, head: bytes, body: bytes) -> None:
        self._response.set_result(head + body)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._response.done():
            self._response.set_exception(Fault("the connection of an offer was lost"))


class Answerer(Messages):
    """A Roundtable client that waits for offers over HTTP."""

    def take(self, head: bytes, body: bytes) -> None:
        call = after(body, b'"OfferUUID":"')
        answer = f'{{"OfferUUID":"{call}","WebRTCSessionDescription":{_ANSWER}}}'.encode()
        self.transport.write(response(answer))


def after(text: bytes, name: bytes) -> str:
    """The UUID that stands after this."""
    begin = text.index(name) + len(name)
    return text[begin : begin + UUID_LENGTH].decode()


def answering(client: Client) -> Callable[[bytes], None]:
    """Answers every offer that comes over a WebSocket."""
    offered, call = client.crowd.dialect.opening("offer"), b'"call":"'

    def take(frame: bytes) -> None:
        if frame.startswith(offered):
            client.say(client.crowd.dialect.say("answer", after(frame, call), ""))
        else:
            client.crowd.stray(frame)

    return take


async def exchanges(server: Server, bodies: Sequence[Sequence[bytes]], *, is_kept_alive: bool) -> float:
    """The cost of an exchange; each row of bodies is posted one after the other, all rows at the same time."""
    host = f"{HOST}:{server.port}"
    posters = [await Poster.connected(server) for _ in bodies] if is_kept_alive else []

    async def post_row(number: int) -> None:
        for body in bodies[number]:
            poster = posters[number] if is_kept_alive else await Poster.connected(server)
            await poster.post(request("/signal", host, body))
            if not is_kept_alive:
                poster.transport.close()

    before = server.meter.cpu_seconds
    await asyncio.gather(*map(post_row, range(len(bodies))))
    await asyncio.sleep(SETTLE_SECONDS)
    cost = (server.meter.cpu_seconds - before) / sum(map(len, bodies)) * MICROSECONDS
    for poster in posters:
        poster.transport.close()
    return cost


async def posts(server: Server, sizes: Sizes) -> Costs:
    """To callees on WebSockets, over connections that are kept alive and over new ones."""
    callees = server.crowd.clients[: share(server, sizes.callees)]
    costs: Costs = {}
    for callee in callees:
        callee.take = answering(callee)
    for name, is_kept_alive in (("POST, kept alive", True), ("POST, new connection", False)):
        bodies = [[posted_offer(callee.peer, "") for _ in range(sizes.posts)] for callee in callees]
        costs[name] = await exchanges(server, bodies, is_kept_alive=is_kept_alive)
    for callee in callees:
        callee.take = server.crowd.stray
    server.crowd.check()
    return costs


async def posted_on(server: Server, sizes: Sizes) -> Costs:
    """To answerers elsewhere, whom the server posts to."""
    async with Elsewhere(sizes.answerers) as elsewhere:
        await exchanges(server, elsewhere.bodies(1, 1), is_kept_alive=True)  # whoever has answered once may have more
        bodies = elsewhere.bodies(POSTS_AT_ONE_ANSWERER, sizes.posts_elsewhere)
        return {"POST, posted on": await exchanges(server, bodies, is_kept_alive=True)}


class Elsewhere:
    """Answerers, each in a network of its own."""

    def __init__(self, number: int) -> None:
        self._hosts = [f"127.250.{n}.1" for n in range(number)]
        self._servers: list[asyncio.Server] = []
        self.addresses: list[str] = []

    async def __aenter__(self) -> Elsewhere:
        loop = asyncio.get_running_loop()
        for host in self._hosts:
            port = free_port()
            self._servers.append(await loop.create_server(Answerer, host, port))
            self.addresses.append(f"http://{host}:{port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()

    def bodies(self, abreast: int, times: int) -> list[list[bytes]]:
        """Rows of offers: for each answerer so many at the same time, so often."""
        nobody = str(uuid.UUID(int=0))
        rows = [address for address in self.addresses for _ in range(abreast)]
        return [[posted_offer(nobody, address) for _ in range(times)] for address in rows]
