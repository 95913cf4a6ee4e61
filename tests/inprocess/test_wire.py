"""A WebSocket's way out: order, the end after what is pending, and clients that do not read."""

import asyncio
from typing import Any

import pytest

from signalling.codes import CloseCode
from signalling.wire import GRACE_SECONDS, AsgiWire
from tests.waiting import until

LIMIT = 1_000


class Client:
    """Takes what the server writes, when it reads."""

    def __init__(self, *, reads: bool = True, fault: Exception | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.fault = fault
        self.counted: list[int] = []
        """The bytes of each frame that was handed on, as the wire says."""
        self._reading = asyncio.Event()
        if reads:
            self.read_on()

    def read_on(self) -> None:
        self._reading.set()

    async def take(self, event: dict[str, Any]) -> None:
        await self._reading.wait()
        if self.fault is not None:
            raise self.fault
        self.events.append(event)

    @property
    def frames(self) -> list[str]:
        return [event["text"] for event in self.events if event["type"] == "websocket.send"]

    @property
    def closes(self) -> list[tuple[int, str]]:
        return [(event["code"], event["reason"]) for event in self.events if event["type"] == "websocket.close"]


def wire_to(client: Client) -> AsgiWire:
    """A wire that is closed as the core closes it when it is told that the client does not read."""

    def cut_off() -> None:
        wire.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    wire = AsgiWire(client.take, LIMIT, cut_off, client.counted.append)
    return wire


async def test_what_was_handed_on_is_counted_in_bytes() -> None:
    client = Client()
    wire = wire_to(client)
    wire.send("é".encode())
    wire.send(b"one")
    await until(lambda: len(client.counted) == 2)
    assert client.counted == [2, 3]


async def test_frames_leave_in_order_as_text() -> None:
    client = Client()
    wire = wire_to(client)
    for number in range(100):
        wire.send(b"%d" % number)
    await until(lambda: len(client.frames) == 100)
    assert client.frames == [str(number) for number in range(100)]


async def test_a_frame_sent_while_another_is_being_written_comes_after_it() -> None:
    client = Client(reads=False)
    wire = wire_to(client)
    wire.send(b"first")
    await asyncio.sleep(0)
    wire.send(b"second")
    client.read_on()
    await until(lambda: len(client.frames) == 2)
    assert client.frames == ["first", "second"]


async def test_it_closes_after_what_is_pending_and_sends_nothing_after_that() -> None:
    client = Client()
    wire = wire_to(client)
    wire.send(b"pending")
    wire.close(CloseCode.DRAINING, "going away")
    wire.send(b"too late")
    wire.close(CloseCode.PROTOCOL_ERROR, "too late as well")
    await until(lambda: bool(client.closes))
    assert client.events == [
        {"type": "websocket.send", "text": "pending"},
        {"type": "websocket.close", "code": 4000, "reason": "going away"},
    ]


async def test_a_close_alone_is_written_at_once() -> None:
    client = Client()
    wire_to(client).close(CloseCode.NORMAL, "bye")
    await until(lambda: client.closes == [(1000, "bye")])


async def test_exactly_the_limit_may_be_unsent() -> None:
    client = Client(reads=False)
    wire = wire_to(client)
    wire.send(b"x" * (LIMIT - 1))
    wire.send(b"y")
    client.read_on()
    await until(lambda: len(client.frames) == 2)
    assert not client.closes


async def test_t20_a_slow_consumer_is_cut_off_at_one_byte_more_and_what_was_pending_is_dropped() -> None:
    client = Client(reads=False)
    cut_off = asyncio.Event()
    wire = AsgiWire(client.take, LIMIT, cut_off.set, client.counted.append)
    wire.send(b"being written")
    await asyncio.sleep(0)
    wire.send(b"x" * (LIMIT - len(b"being written")))
    wire.send(b"y")
    await asyncio.wait_for(cut_off.wait(), 5)
    wire.close(CloseCode.SLOW_CONSUMER, "slow consumer")
    client.read_on()
    await until(lambda: bool(client.closes))
    assert client.events == [{"type": "websocket.close", "code": 4001, "reason": "slow consumer"}]


async def test_a_burst_to_a_client_that_reads_is_no_slow_consumer() -> None:
    client = Client()
    cut_off = asyncio.Event()
    wire = AsgiWire(client.take, LIMIT, cut_off.set, client.counted.append)
    for _ in range(20):
        wire.send(b"x" * LIMIT)
    await until(lambda: len(client.frames) == 20)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cut_off.wait(), 2 * GRACE_SECONDS)


async def test_what_was_written_no_longer_counts_as_unsent() -> None:
    client = Client()
    wire = wire_to(client)
    for written in range(1, 21):
        wire.send(b"x" * LIMIT)
        await until(lambda written=written: len(client.frames) == written)  # type: ignore[misc]
    assert not client.closes


@pytest.mark.parametrize("fault", [OSError("gone"), RuntimeError("send after close"), ConnectionResetError()])
async def test_a_server_that_raises_for_a_client_that_has_gone_is_written_to_no_more(fault: Exception) -> None:
    client = Client(fault=fault)
    wire = wire_to(client)
    wire.send(b"lost")
    wire.send(b"lost too")
    await _at_rest(wire)
    client.fault = None
    wire.send(b"nobody is there")
    wire.close(CloseCode.NORMAL, "bye")
    await _at_rest(wire)
    assert client.events == []


async def test_a_lost_connection_ends_the_writing_at_once() -> None:
    client = Client(reads=False)
    wire = wire_to(client)
    wire.send(b"never read")
    await asyncio.sleep(0)
    wire.dispose()
    await _at_rest(wire)
    client.read_on()
    wire.send(b"nobody is there")
    await _at_rest(wire)
    assert client.events == []


async def test_nothing_runs_for_a_client_to_whom_nothing_is_to_be_said() -> None:
    client = Client()
    wire = wire_to(client)
    before = len(asyncio.all_tasks())
    wire.send(b"hello")
    await until(lambda: len(client.frames) == 1)
    await _at_rest(wire)
    assert len(asyncio.all_tasks()) == before


async def _at_rest(wire: AsgiWire) -> None:
    await until(lambda: wire._writer is None)
