"""Clients that send more than anybody can take up: what the launcher lets in, and that the others do not notice."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from statistics import median

import pytest
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from tests.loopback import fresh_address
from tests.rawsocket import RawSocket
from tests.server.sleeper import sleeper
from tests.server.sockets import DeafSocket
from tests.serverprocess import Server, server
from tests.wsclient import Peer

pytestmark = pytest.mark.usefixtures("every_lane")

MEBIBYTE = 1_048_576
TEXTS_OF_A_READ = 4_000
"""Of 8 octets each: Twisted reads 64 KiB at once. To refuse them all takes a fifth of a second, and 420 KB."""


@pytest.fixture(scope="module")
def here(every_lane: str) -> Iterator[Server]:
    unlimited = {"messages_per_second": 100_000, "messages_burst": 1_000_000, "misbehaviour": 1_000_000}
    with server({"loglevel": "info", "limits": unlimited}) as running:
        yield running


@pytest.fixture(scope="module")
def asleep(every_lane: str) -> Iterator[Server]:
    with server({"loglevel": "info"}, program=sleeper) as running:
        yield running


class TestBackpressure:
    async def test_t19_what_is_not_taken_up_stays_with_the_sender_and_nothing_is_lost(self, asleep: Server) -> None:
        """40 MB for an application that sleeps for two seconds."""
        count, padding = 1_000, "x" * 40_000
        before = asleep.watch_memory()
        async with connect(f"ws://127.0.0.1:{asleep.port}/2", compression=None, proxy=None) as socket:
            began = time.monotonic()
            for number in range(count):
                await socket.send(f"{number} {padding}")
            waited = time.monotonic() - began
            grown = asleep.peak_bytes - before
            await socket.send("how many?")
            assert json.loads(await socket.recv()) == {"taken": count, "in_order": True}
        assert waited > 1, "nobody held the sender back"
        assert grown < 10 * MEBIBYTE, f"{grown / MEBIBYTE:.1f} MiB"

    async def test_t19_nor_does_one_read_of_many_tiny_frames(self, asleep: Server) -> None:
        """A dozen senders, each of 5,000 messages at once: 55 KB on the wire, two megabytes as events in a queue."""
        count = 5_000
        flood = b"".join(Frame(Opcode.TEXT, b"%d" % number).serialize(mask=True) for number in range(count))
        before = asleep.watch_memory()
        async with AsyncExitStack() as stack:
            opening = [DeafSocket.opened(f"ws://127.0.0.1:{asleep.port}/1") for _ in range(12)]
            senders = [await stack.enter_async_context(one) for one in opening]
            for sender in senders:
                sender.send_bytes(flood)
                sender.send_frames(Frame(Opcode.TEXT, b"how many?"))
            for sender in senders:
                assert json.loads(await sender.text()) == {"taken": count, "in_order": True}
        assert asleep.peak_bytes - before < 10 * MEBIBYTE

    @pytest.mark.parametrize("first", ["a text", "a ping", "fragments"])
    async def test_t19_one_read_of_thousands_of_messages_holds_up_nobody(self, here: Server, first: str) -> None:
        """Whatever they begin with, the others have their turn between them."""
        text = Frame(Opcode.TEXT, b"{}")
        begins = {
            "a text": [text],
            "a ping": [Frame(Opcode.PING, b"")],
            "fragments": [Frame(Opcode.TEXT, b"{", fin=False), Frame(Opcode.CONT, b"}")],
        }
        flood = b"".join(frame.serialize(mask=True) for frame in [*begins[first], *[text] * TEXTS_OF_A_READ])
        lags = []
        async with Peer.welcomed(here.ws_url) as other, RawSocket.opened(here.port, fresh_address()) as mallory:
            for number in range(1, 4):
                await mallory.write([flood])
                lags.append(await lag(other))
                answers = number * (1 + TEXTS_OF_A_READ)
                await mallory.read_frames(answers, within=20)
                assert len(mallory.frames) == answers
        assert median(lags) < 0.1, lags

    async def test_t19_our_own_application_answers_each_of_ten_thousand_messages(self, here: Server) -> None:
        count = 10_000
        async with Peer.welcomed(here.ws_url) as ada:
            sending = asyncio.create_task(ask(ada, count))
            async with asyncio.timeout(30):
                for number in range(count):
                    assert (await ada.expect("pong"))["id"] == str(number)
            await sending


GENEROUS = {
    "small_frames_per_second": 1e6,
    "small_frames_burst": 10_000_000,
    "unsent_bytes": 131_072,
    "buffer_bytes": 131_072,
}


async def ask(peer: Peer, count: int) -> None:
    for number in range(count):
        await peer.send("ping", id=str(number))


A_MILLION = 1_000_000
FLOODS = {
    "pings": [Frame(Opcode.PING, b"")],
    "pongs": [Frame(Opcode.PONG, b"")],
    "full pings": [Frame(Opcode.PING, b"x" * 125)],
    "empty fragments": [Frame(Opcode.CONT, b"", fin=False)],
    "fragments of a byte": [Frame(Opcode.CONT, b"x", fin=False)],
    "pings within a message": [Frame(Opcode.CONT, b"", fin=False), Frame(Opcode.PING, b"")],
}


class TestControlFrames:
    @pytest.mark.parametrize("flood", FLOODS)
    async def test_t21_a_million_end_that_connection_within_two_seconds_and_hold_up_nobody(
        self, here: Server, flood: str
    ) -> None:
        frames = b"".join(frame.serialize(mask=True) for frame in FLOODS[flood])
        async with Peer.welcomed(here.ws_url) as other, DeafSocket.opened(here.ws_url) as mallory:
            if "fragment" in flood or "message" in flood:
                mallory.send_frames(Frame(Opcode.TEXT, b"", fin=False))
            flooding = asyncio.create_task(mallory.flood(frames * 1_000, A_MILLION // 1_000))
            ending = asyncio.create_task(ended_with(mallory))
            lags = [await lag(other) for _ in range(100)]
            assert await ending < 2
            await flooding
        assert sorted(lags)[98] < 0.1, max(lags)

    async def test_t21_a_lively_client_may_ping_and_send_in_fragments(self, here: Server) -> None:
        """A hundred pings at once, and ten messages of the largest size in 64 fragments each."""
        message = json.dumps({"type": "ping", "id": "p", "padding": "x" * 65_000}).encode()
        pieces = [message[start : start + 1024] for start in range(0, len(message), 1024)]
        kinds = [Opcode.TEXT] + [Opcode.CONT] * (len(pieces) - 1)
        fragments = [Frame(kind, piece, fin=piece is pieces[-1]) for kind, piece in zip(kinds, pieces, strict=True)]
        async with DeafSocket.opened(here.ws_url) as lively:
            lively.send_frames(*[Frame(Opcode.PING, b"")] * 100)
            lively.send_frames(*fragments * 10)
            lively.send_text('{"type":"ping","id":"last"}')
            while b"last" not in await lively.next_text():
                pass

    async def test_t20_pings_whose_answers_nobody_reads_end_the_connection(self) -> None:
        with server({"limits": GENEROUS}) as running:
            async with DeafSocket.opened(running.ws_url) as deaf:
                deaf.send_text('{"type":"hello"}')  # nothing but what is unread shall end it
                await deaf.flood(Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 1_000, 200)
                await deaf.ended()


async def ended_with(mallory: DeafSocket) -> float:
    """The seconds until it was told why it is cut off, and was."""
    began = time.monotonic()
    assert await mallory.close_code() == 4003
    await mallory.ended()
    return time.monotonic() - began


async def lag(peer: Peer) -> float:
    """Seconds that a ping over the protocol takes; asked a hundred times a second."""
    await asyncio.sleep(0.005)
    began = time.monotonic()
    await peer.send("ping")
    await peer.expect("pong")
    return time.monotonic() - began
