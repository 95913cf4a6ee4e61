"""Each limit of the launcher's: what is one past it is refused, and counted under its name where the operator looks.

Those that the core enforces are in tests/core/test_refusal_counts.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.loopback import fresh_address
from tests.prometheus import families
from tests.rawframes import PING, TEXT, ClientFrame, encode
from tests.rawsocket import RawSocket
from tests.server.connections import assert_closed, connection
from tests.serverprocess import Server, server

pytestmark = pytest.mark.usefixtures("lane")

BURST = 5
PER_ADDRESS = 2
WITHIN_SECONDS = 5.0
LIMITS = {
    "small_frames_burst": BURST,
    "small_frames_per_second": 0.1,
    "silence_seconds": 0.8,
    "heartbeat_seconds": 0.3,
    "request_seconds": 0.8,
    "http_connections_per_address": PER_ADDRESS,
    "unsent_bytes": 131_072,
    "buffer_bytes": 131_072,
}


@pytest.fixture(scope="module")
def here(lane: str) -> Iterator[Server]:
    with server({"loglevel": "info", "limits": LIMITS}) as running:
        yield running


async def one_ping_too_many(running: Server) -> None:
    async with RawSocket.opened(running.port, fresh_address()) as raw:
        await raw.write([encode(ClientFrame(PING, b"%d" % number)) for number in range(BURST)])
        await raw.read_frames(BURST, WITHIN_SECONDS)
        assert raw.closing is None
        await raw.write([encode(ClientFrame(PING))])
        await assert_closed_with(raw, 4003)


async def a_message_too_large(running: Server) -> None:
    async with RawSocket.opened(running.port, fresh_address()) as raw:
        await raw.write([encode(ClientFrame(TEXT, b"x" * 65_537))])
        await assert_closed_with(raw, 1009)


async def silence(running: Server) -> None:
    async with RawSocket.opened(running.port, fresh_address()) as raw:
        await raw.write([encode(ClientFrame(TEXT, b'{"type":"hello"}'))])
        await assert_closed_with(raw, 4002)


async def assert_closed_with(raw: RawSocket, code: int) -> None:
    await raw.read_until(lambda: raw.closing is not None, WITHIN_SECONDS)
    assert raw.closing is not None
    assert raw.closing.close_code == code


async def a_body_too_large(running: Server) -> None:
    async with connection(running) as sender:
        sender.send(b"POST /signal HTTP/1.1\r\nHost: here\r\nContent-Length: 65537\r\n\r\n")
        assert (await sender.response())[0] == 413


async def half_a_request(running: Server) -> None:
    async with connection(running) as sender:
        sender.send(b"GET /healthz HTTP/1.1\r\n")
        assert (await sender.response())[0] == 408


async def pages_that_are_not_read(running: Server) -> None:
    async with connection(running, is_narrow=True) as deaf:
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]
        deaf.send(b"GET /static/signalling/roundtable.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        await assert_closed(deaf)


async def one_connection_too_many(running: Server) -> None:
    address = fresh_address()
    async with AsyncExitStack() as stack:
        for _ in range(PER_ADDRESS):
            await stack.enter_async_context(connection(running, address))
        one_more = await stack.enter_async_context(connection(running, address))
        assert await one_more.rest() == b""


OFFENCES: list[tuple[str, Callable[[Server], Awaitable[None]]]] = [
    ("small_frames_per_second", one_ping_too_many),
    ("message_bytes", a_message_too_large),
    ("silence_seconds", silence),
    ("message_bytes", a_body_too_large),
    ("request_seconds", half_a_request),
    ("unsent_bytes", pages_that_are_not_read),
    ("http_connections_per_address", one_connection_too_many),
]


@pytest.mark.parametrize(("limit", "offence"), OFFENCES, ids=[offence.__name__ for _, offence in OFFENCES])
async def test_one_past_a_limit_is_refused_and_counted_once(
    here: Server, limit: str, offence: Callable[[Server], Awaitable[None]]
) -> None:
    before = await counted(here)
    await offence(here)
    after = await counted(here)
    assert {name: count - before[name] for name, count in after.items() if count != before[name]} == {limit: 1}


async def counted(running: Server) -> dict[str, float]:
    """How often each limit has refused, as Prometheus is told."""
    status, body = await asyncio.to_thread(running.get, "/metrics", address=fresh_address())
    assert status == 200
    return {
        sample.labels["limit"]: sample.value for sample in families(body.decode())["roundtable_refusals_total"].samples
    }
