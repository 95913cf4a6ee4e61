"""How connections end whose clients take no part in it: they neither read what comes nor answer a close frame."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.loopback import fresh_address
from tests.posting import OFFER
from tests.rawframes import CLOSE, TEXT, ClientFrame, encode
from tests.rawsocket import RawSocket, is_over
from tests.server.connections import connection
from tests.serverprocess import Server, server
from tests.waiting import until
from tests.wsclient import Peer

pytestmark = pytest.mark.usefixtures("every_lane")

GONE_WITHIN_SECONDS = 5.0
"""Three for a connection to close, one for its session to be resumed, and one for a busy machine."""
AT_ONCE_SECONDS = 2.5
"""Less than a connection has for closing."""
BURST, REFUSED = 40, 5
UNREAD = 10
"""Candidates of 60 kB each: more than a narrow client's kernel holds, and less than may be unsent."""


@pytest.fixture(scope="module")
def hasty(every_lane: str) -> Iterator[Server]:
    limits = {
        "resume_seconds": 0.5,
        "messages_per_second": 1,
        "messages_burst": BURST,
        "refused_messages": REFUSED,
        "unsent_bytes": 1_048_576,
    }
    with server({"limits": limits}) as running:
        yield running


@pytest.fixture(scope="module")
def crowded(every_lane: str) -> Iterator[Server]:
    """A server with room for two from one address, and for three in all."""
    with server({"limits": {"connections_per_address": 2, "connections": 3}}) as running:
        yield running


@pytest.fixture
def table() -> str:
    """One at which nobody sits from another test."""
    return str(uuid.uuid4())


def said(kind: str, **fields: object) -> bytes:
    return encode(ClientFrame(TEXT, json.dumps({"type": kind, **fields}).encode()))


def closing(code: int) -> bytes:
    return encode(ClientFrame(CLOSE, code.to_bytes(2)))


@asynccontextmanager
async def raw_peer(
    running: Server, table: str, *, is_narrow: bool = False
) -> AsyncIterator[tuple[RawSocket, dict[str, str]]]:
    """One that is seated at this table, and its welcome; it answers nothing of itself."""
    async with RawSocket.opened(running.port, fresh_address(), is_narrow=is_narrow) as raw:
        await raw.write([said("hello"), said("join", table=table)])
        await raw.read_frames(2, GONE_WITHIN_SECONDS)
        yield raw, json.loads(raw.frames[0].payload)


async def fill(caller: Peer, deaf: str) -> str:
    """Calls it and sends it more than it will read; the call."""
    call = await caller.dial(deaf, OFFER)
    for number in range(UNREAD):
        await caller.send("candidate", id=str(number), call=call, candidate={"candidate": "x" * 60_000})
        assert (await caller.expect("ack", id=str(number)))["state"] == "delivered"
    return call


async def test_r8_one_that_closes_and_does_not_read_the_rest_is_gone_soon_and_its_table_is_told_once(
    hasty: Server, table: str
) -> None:
    async with Peer.welcomed(hasty.ws_url) as mate:
        await mate.send("join", table=table)
        await mate.expect("joined")
        async with raw_peer(hasty, table, is_narrow=True) as (deaf, welcome):
            call = await fill(mate, welcome["peer"])
            await deaf.write([closing(1000)])
            await mate.expect("error", call=call, code="peer_gone", within=GONE_WITHIN_SECONDS)
            await mate.expect("peer_left", peer=welcome["peer"], reason="gone")
            await until(lambda: deaf.is_reset, GONE_WITHIN_SECONDS)
            await mate.expect("peer_joined")
            await mate.expect_nothing_else()
    assert "slow consumer" not in await hasty.whole_log()


async def test_nothing_is_sent_after_the_close_frame_though_that_waits_to_be_read(hasty: Server, table: str) -> None:
    async with (
        Peer.welcomed(hasty.ws_url) as mate,
        raw_peer(hasty, table, is_narrow=True) as (slow, welcome),
    ):
        call = await fill(mate, welcome["peer"])
        await slow.write([closing(1000)])
        for number in range(3):  # each is a round trip, so that the last comes when the close has been read
            await mate.send("candidate", id=f"late {number}", call=call, candidate=None)
            await mate.expect("ack", id=f"late {number}")
        await slow.read_until(lambda: slow.has_ended, GONE_WITHIN_SECONDS)
        assert slow.frames[-1] is slow.closing


async def test_t20_whoever_is_closed_and_does_not_read_the_rest_is_gone_soon(hasty: Server, table: str) -> None:
    async with asyncio.TaskGroup() as both:  # at once: each takes three seconds
        both.create_task(assert_gone_after_too_many_messages(hasty, table))
        both.create_task(assert_gone_after_a_bad_handshake(hasty))
    assert "slow consumer" not in await hasty.whole_log()


async def assert_gone_after_too_many_messages(running: Server, table: str) -> None:
    """The client answers the close frame, which waits behind all the rest, unseen."""
    async with Peer.welcomed(running.ws_url) as caller, raw_peer(running, table, is_narrow=True) as (deaf, welcome):
        await fill(caller, welcome["peer"])
        await deaf.write([said("leave", table="nowhere") for _ in range(BURST + REFUSED + 5)])
        await until(lambda: "limit=refused_messages" in running.log)
        await deaf.write([closing(4003)])
        await until(lambda: deaf.is_reset, GONE_WITHIN_SECONDS)


async def assert_gone_after_a_bad_handshake(running: Server) -> None:
    """Before it the client has asked for pages, and reads none of them."""
    page = b"GET /static/signalling/roundtable.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    bad = (
        b"POST /signal HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"
    )
    async with connection(running, is_narrow=True) as deaf:
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]
        deaf.send(page * 5 + bad)
        await until(lambda: is_over(deaf.writer.get_extra_info("socket")), GONE_WITHIN_SECONDS)


async def test_t17_one_whose_frame_is_too_long_has_no_session_any_more_though_it_does_not_close(
    hasty: Server, table: str
) -> None:
    async with Peer.welcomed(hasty.ws_url) as mate:
        await mate.send("join", table=table)
        await mate.expect("joined")
        async with raw_peer(hasty, table) as (rude, welcome):
            await rude.write([encode(ClientFrame(TEXT, b"x" * 70_000))])
            await rude.read_until(lambda: rude.closing is not None, GONE_WITHIN_SECONDS)
            assert rude.closing is not None and rude.closing.close_code == 1009
            await mate.expect("peer_left", peer=welcome["peer"], reason="disconnected", within=AT_ONCE_SECONDS)
        assert await is_resumed(hasty, welcome) is False


async def test_one_that_says_itself_that_we_broke_the_protocol_may_come_back(hasty: Server, table: str) -> None:
    async with raw_peer(hasty, table) as (ada, welcome):
        await ada.write([closing(1002)])
        await ada.read_until(lambda: ada.has_ended, GONE_WITHIN_SECONDS)
    assert await is_resumed(hasty, welcome) is True


async def is_resumed(running: Server, welcome: dict[str, str]) -> bool:
    """Whether its session still lives."""
    async with Peer.connected(running.ws_url) as again:
        hello = {name: welcome[name] for name in ("peer", "resume", "proof")}
        return bool((await again.hello(**hello))["resumed"])


async def test_t23_one_too_many_that_does_not_close_is_dropped_and_takes_nobodys_place(crowded: Server) -> None:
    address = fresh_address()
    async with (
        RawSocket.opened(crowded.port, address),
        RawSocket.opened(crowded.port, address),
        RawSocket.opened(crowded.port, address) as refused,
        RawSocket.opened(crowded.port, address) as refused_too,
        Peer.welcomed(crowded.ws_url) as elsewhere,
    ):
        for one in (refused, refused_too):
            await one.read_until(lambda one=one: one.has_ended, AT_ONCE_SECONDS)  # type: ignore[misc]
            assert one.has_ended
            assert one.closing is not None and one.closing.close_code == 4004
        await elsewhere.expect_nothing_else()


async def test_t20_the_log_names_the_slow_connection_and_the_limit(table: str) -> None:
    limits = {"unsent_bytes": 131_072, "buffer_bytes": 131_072}
    with server({"limits": limits}) as running:
        async with Peer.welcomed(running.ws_url) as caller, raw_peer(running, table, is_narrow=True) as (_, welcome):
            call = await caller.dial(welcome["peer"], OFFER)
            for _ in range(UNREAD):
                await caller.trickle(call, {"candidate": "x" * 60_000})
            await running.until_logged("slow consumer")
            (line,) = [line for line in running.log.splitlines() if "slow consumer" in line]
            (opened,) = [
                line for line in running.log.splitlines() if "session opened" in line and welcome["peer"] in line
            ]
        assert connection_in(line) == connection_in(opened)
        assert " limit=unsent_bytes" in line
        assert 131_072 < int(line.partition(" unsent=")[2].split()[0]) < 2 * 131_072 + 65_536
        await asyncio.to_thread(running.stop)
        (stopped,) = [line for line in running.log.splitlines() if "msg=stopped" in line]
        assert not {" connection=", " request="} & set(re.findall(r" \w+=", stopped))


def connection_in(line: str) -> str:
    """The connection that a line of the log is about."""
    (found,) = re.findall(r" connection=(\S+)", line)
    return str(found)
