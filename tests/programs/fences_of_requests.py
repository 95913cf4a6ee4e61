"""Measures what a program lets an HTTP request do. Each measure says in a word what came of an attempt."""

import asyncio
import resource
from contextlib import AsyncExitStack, suppress

from tests.ambiguousheaders import AMBIGUOUS, request_with
from tests.loopback import fresh_address
from tests.programs.places import PATIENT, SOFT_OPEN_FILES, Place
from tests.server.connections import Connection, connection
from tests.serverprocess import Server

BODY_BYTES = 65_536
PER_ADDRESS = PATIENT["limits"]["http_connections_per_address"]
REQUEST_SECONDS = 1.0
NOTHING_SECONDS = 2.5
"""What has not come by then does not come: more than twice the time that a request has."""


def head(path: str, *headers: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


async def status(sender: Connection, within: float = NOTHING_SECONDS) -> int:
    """The status of the response; 0 if none comes in time, or the connection ends."""
    with suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        async with asyncio.timeout(within):
            return int((await sender.reader.readuntil(b"\r\n")).split()[1])
    return 0


async def status_of(running: Server, *pieces: bytes) -> int:
    async with connection(running) as sender:
        for piece in pieces:
            sender.send(piece)
        return await status(sender)


async def large_body(place: Place) -> str:
    """Whole, in chunks, and for a page."""
    body, running = b"x" * (BODY_BYTES + 1), place.patient
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    statuses = {
        await status_of(running, head("/signal", f"Content-Length: {len(body)}"), body),
        await status_of(running, head("/signal", "Transfer-Encoding: chunked"), chunks),
        await status_of(running, head("/", f"Content-Length: {len(body)}"), body),
        await status_of(running, head("/", "Transfer-Encoding: chunked"), chunks),
    }
    return "yes" if statuses == {413} else "no"


async def body_unread(place: Place) -> str:
    """Refused while most of it is still to come."""
    declared = await status_of(place.patient, head("/signal", "Content-Length: 200000000"))
    endless = head("/signal", "Transfer-Encoding: chunked") + b"%x\r\n" % 100_000 + b"x" * 100_000
    assert (await status_of(place.patient, endless) == 413) == (declared == 413)
    return "yes" if declared == 413 else "no"


async def slow_head(place: Place) -> str:
    """When time is over, the rest of it is no request any more."""
    return await late(place.hasty, b"GET /healthz HTTP/1.1\r\n", b"Host: localhost\r\n\r\n")


async def slow_body(place: Place) -> str:
    return await late(place.hasty, head("/signal", "Content-Length: 2") + b"{", b"}")


async def late(running: Server, beginning: bytes, rest: bytes) -> str:
    async with connection(running) as sender:
        sender.send(beginning)
        early = await status(sender)
        if early:
            return "yes" if early == 408 else str(early)
        sender.send(rest)
        assert await status(sender), "it was closed without a word"
        return "no"


async def many_connections(place: Place) -> str:
    address = fresh_address()
    async with AsyncExitStack() as stack:
        for _ in range(PER_ADDRESS):
            await stack.enter_async_context(connection(place.patient, address))
        one_more = await stack.enter_async_context(connection(place.patient, address))
        with suppress(ConnectionError):
            one_more.send(head("/healthz", method="GET"))
        return "no" if await status(one_more) == 200 else "yes"


async def ambiguity(place: Place) -> str:
    replies = await asyncio.gather(*(ambiguous(place.patient, headers) for headers in AMBIGUOUS))
    refused = [reply for reply in replies if reply.startswith(b"HTTP/1.1 400 ") and b"bad_message" not in reply]
    return "yes" if len(refused) == len(AMBIGUOUS) else f"{len(refused)} of {len(AMBIGUOUS)}"


async def ambiguous(running: Server, headers: str) -> bytes:
    """What a request with these gets. `bad_message` is said by the application: the program let it through."""
    async with connection(running) as sender:
        sender.send(request_with(headers))
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTHING_SECONDS):
                return await sender.rest()
    return b"nothing"


async def open_files(place: Place) -> str:
    soft, hard = resource.prlimit(place.patient.process.pid, resource.RLIMIT_NOFILE)
    assert hard > SOFT_OPEN_FILES
    return "yes" if soft == hard else "no"
