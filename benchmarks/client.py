"""Clients of one server: lean, for they must not be what is measured, and strict, for a figure of errors is none."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from signalling.limits import Limits

if TYPE_CHECKING:
    from benchmarks.dialects import Dialect, Kind

HOST = "127.0.0.1"
PER_ADDRESS = Limits().connections_per_address
"""So many clients share an address: no limit that counts by address need be raised for them."""
WITHIN_SECONDS = 60.0
"""For anything to arrive: a benchmark that hangs must end."""
ABREAST = 50

Take = Callable[[bytes], None]

_loners = count()


class Fault(Exception):
    """Something that must not happen in a measurement: it is worth nothing."""


class Refused(Fault):
    """A client was not let in; where that may be, it tries again."""


def _ignore(frame: bytes) -> None:
    """Takes what nobody wants."""


def lone_address() -> str:
    """A loopback address that nobody else has."""
    return f"127.{228 + (number := next(_loners)) // 62_500 % 20}.{number // 250 % 250}.{1 + number % 250}"


class Gate:
    """Opens when so many messages have arrived."""

    def __init__(self, missing: int) -> None:
        assert missing > 0
        self.missing = missing
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrive(self) -> None:
        """One of them has arrived."""
        self.missing -= 1
        if self.missing == 0 and not self._opened.done():
            self._opened.set_result(None)

    def fail(self, fault: Fault) -> None:
        """They will not all arrive."""
        if not self._opened.done():
            self._opened.set_exception(fault)

    async def opened(self) -> None:
        """Waits for them. Raises Fault."""
        try:
            await asyncio.wait_for(self._opened, WITHIN_SECONDS)
        except TimeoutError:
            raise Fault(f"{self.missing} messages did not arrive in {WITHIN_SECONDS:.0f} s") from None


class Client(WSListener):
    """One connection."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.path = self.peer = ""
        self.welcome = b""
        self.take: Take = crowd.stray
        """Who gets the next text frame."""
        self.transport: WSTransport
        self.is_leaving = False
        """Whether its connection may end."""
        self._arrival: asyncio.Future[bytes] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame; pings are answered by picows."""
        if frame.msg_type is WSMsgType.TEXT:
            self.take(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            if not self.is_leaving:
                self.crowd.fault(f"the server closed with {frame.get_close_code()} {frame.get_close_reason()!r}")
            if not transport.is_close_frame_sent:
                transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_exception(Refused("a client was sent away"))
        if not self.is_leaving:
            self.crowd.fault("a connection was lost")

    async def arrive(self, path: str, hello: bytes | None, within: float = WITHIN_SECONDS) -> None:
        """Connects there and says this; returns when it is welcome. Raises Refused, or what picows and sockets do.

        It waits for so many seconds for the connection, and as long for the welcome.
        """
        arrival: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        crowd, self.path, self.is_leaving, self._arrival = self.crowd, path, True, arrival

        def take(frame: bytes) -> None:
            self.take = crowd.stray
            arrival.set_result(frame)

        self.take = take
        url, source = f"ws://{HOST}:{crowd.port}{path}", (crowd.fresh_address(), 0)
        await ws_connect(lambda: self, url, local_addr=source, websocket_handshake_timeout=within)
        if hello is not None:
            self.say(hello)
        self.welcome = await asyncio.wait_for(arrival, within)
        try:
            self.peer = crowd.dialect.welcomed(path, self.welcome)
        except ValueError as error:
            raise Refused(f"a client was not welcomed: {error}") from error
        self.is_leaving = False

    def say(self, frame: bytes) -> None:
        """Sends one text frame."""
        self.transport.send(WSMsgType.TEXT, frame)

    async def leave(self, bye: bytes | None = None) -> None:
        """Closes the connection, after this frame if there is one (the server is then the one who closes)."""
        self.is_leaving = True
        if bye is None:
            self.transport.send_close(WSCloseCode.OK)
        else:
            self.say(bye)
        await asyncio.wait_for(self.transport.wait_disconnected(), WITHIN_SECONDS)

    async def cut(self) -> None:
        """Is gone, without a word."""
        self.is_leaving = True
        self.transport.disconnect(graceful=False)
        await asyncio.wait_for(self.transport.wait_disconnected(), WITHIN_SECONDS)


class Pair:
    """Two clients who call each other, and their lasting call."""

    def __init__(self, caller: Client, callee: Client) -> None:
        self.caller, self.callee = caller, callee
        self.call = str(uuid.uuid4())

    def turned(self) -> Pair:
        """The same pair, the other way round."""
        turned = Pair(self.callee, self.caller)
        turned.call = self.call
        return turned


class Crowd:
    """The clients of one server; crowds in other processes have other networks (up to 90)."""

    def __init__(self, port: int, dialect: Dialect, network: int = 0) -> None:
        self.port, self.dialect = port, dialect
        self._network, self._numbers = network, count()
        self.clients: list[Client] = []
        self.pairs: list[Pair] = []
        self._gate: Gate | None = None
        self._faults: list[Fault] = []

    # Coming and going

    def fresh_address(self) -> str:
        """A loopback address; `PER_ADDRESS` times in a row it is the same. Far from those that the tests use."""
        block = next(self._numbers) // PER_ADDRESS
        return f"127.{128 + self._network + block // 62_500}.{block // 250 % 250}.{1 + block % 250}"

    async def connect(self) -> Client:
        """A client that is welcome. Raises Fault."""
        client = Client(self)
        await client.arrive(self.dialect.path(), self.dialect.hello)
        return client

    async def gather(self, number: int, abreast: int = ABREAST) -> Sequence[Client]:
        """So many more clients come, some of them at the same time, and stay."""
        queue = iter(range(number))
        arrived: list[Client] = []

        async def enter() -> None:
            for _ in queue:
                arrived.append(await self.connect())

        await asyncio.gather(*(enter() for _ in range(min(abreast, number))))
        self.clients += arrived
        return arrived

    async def pair_up(self, number: int) -> None:
        """So many pairs come."""
        arrived = await self.gather(2 * number)
        self.pairs += [Pair(*two) for two in zip(arrived[::2], arrived[1::2], strict=True)]

    async def disperse(self) -> None:
        """All leave. Raises Fault when something went wrong before; what they hear of each other now is nothing."""
        self.check()
        for client in self.clients:
            client.take = _ignore
        await asyncio.gather(*(client.leave() for client in self.clients))
        self.clients.clear()
        self.pairs.clear()

    # Messages

    async def relay(self, kind: Kind, calls: Sequence[tuple[Pair, str]]) -> None:
        """The caller of each pair says this in that call, all at once; returns when all of it has arrived."""
        frames = [(pair.caller, self.dialect.say(kind, call, pair.callee.peer)) for pair, call in calls]
        gate = self.gate(len(frames))
        take = self.passing(kind, gate)
        for pair, _ in calls:
            pair.callee.take = take
        for client, frame in frames:
            client.say(frame)
        await gate.opened()
        for pair, _ in calls:
            pair.callee.take = self.stray

    def gate(self, number: int) -> Gate:
        """One that a fault shuts for good. Raises Fault when there was one already."""
        self.check()
        self._gate = Gate(number)
        return self._gate

    def passing(self, kind: Kind, gate: Gate) -> Take:
        """Takes frames of this kind to the gate."""
        opening, stray = self.dialect.opening(kind), self.stray

        def take(frame: bytes) -> None:
            if frame.startswith(opening):
                gate.arrive()
            else:
                stray(frame)

        return take

    def stray(self, frame: bytes) -> None:
        """A frame that nobody waits for."""
        self.fault(f"not expected: {frame[:200].decode(errors='replace')}")

    def fault(self, what: str) -> None:
        """Whatever is being measured is worth nothing."""
        fault = Fault(what)
        self._faults.append(fault)
        if self._gate is not None:
            self._gate.fail(fault)

    def check(self) -> None:
        """Raises the first Fault that there was."""
        if self._faults:
            raise self._faults[0]
