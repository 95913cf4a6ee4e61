"""Measures how a program goes at SIGTERM, and what it takes for the time of day. Each measure says it in a word."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.posting import ANSWER, Reply, offer, post
from tests.programs.fences_of_application import outcome
from tests.programs.places import DRAIN_SECONDS, ENDING, Place
from tests.server.connections import connection
from tests.server.sockets import DeafSocket
from tests.server.test_endurance import HOUR, NOTICED_SECONDS, WallClock
from tests.serverprocess import HOST, Server, server
from tests.wsclient import Peer

SPARE_SECONDS = 8.0
"""For a machine that has other things to do. What waits for its clients would wait for ever."""
OVERDUE_SECONDS = 3.0
"""Until a program that goes by the time of day has looked at it: daphne does every 2 s."""
TOO_LONG_SECONDS = 2 * DRAIN_SECONDS + SPARE_SECONDS
NEVER_ENDING = b"POST /signal HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{"


class Ending(NamedTuple):
    """What came of a SIGTERM, in words."""

    told: str
    in_flight: str
    gone: str


async def ending(place: Place) -> Ending:
    """One end, which several fences are about: with a peer, an offer over HTTP, and clients that do nothing."""
    if not isinstance(place.ending, Ending):
        command = place.command()
        with server(ENDING, program=command, makes_tracebacks=place.program == "daphne") as running:
            place.ending = await observed(running)
    return place.ending


async def observed(running: Server) -> Ending:
    async with (
        Peer.welcomed(running.ws_url) as bob,
        DeafSocket.opened(running.ws_url) as deaf,
        connection(running) as slow,
    ):
        deaf.send_text('{"type":"hello"}')
        await deaf.text()
        slow.send(NEVER_ENDING)
        posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
        await bob.expect("offer")
        stopping = asyncio.create_task(asyncio.to_thread(stopped_in_time, running))
        code = await bob.closed()
        is_told = "going_away" in {frame["type"] for frame in bob.received}
        assert is_told == (code == 4000)
        reply = await reply_of(posting)
        in_flight = "yes" if reply is not None and (reply.status, reply.code) == (503, "draining") else "no"
        return Ending(outcome(code, 4000), in_flight, "yes" if await stopping else "no")


def stopped_in_time(running: Server) -> bool:
    """Whether it goes at SIGTERM; it is gone afterwards anyway."""
    began = time.monotonic()
    with suppress(AssertionError):
        running.stop(TOO_LONG_SECONDS)
    return time.monotonic() - began < DRAIN_SECONDS + SPARE_SECONDS


async def reply_of(posting: "asyncio.Task[Reply]") -> Reply | None:
    with suppress(aiohttp.ClientError):
        return await posting
    return None


async def told(place: Place) -> str:
    return (await ending(place)).told


async def in_flight(place: Place) -> str:
    return (await ending(place)).in_flight


async def gone(place: Place) -> str:
    return (await ending(place)).gone


async def left_open(place: Place) -> str:
    """Of an application that closes nothing."""
    with server(ENDING, program=place.with_sleeper(), makes_tracebacks=place.program == "daphne") as running:
        async with connect(f"ws://{HOST}:{running.port}/0", compression=None, proxy=None) as socket:
            stopping = asyncio.create_task(asyncio.to_thread(running.stop, TOO_LONG_SECONDS))
            with suppress(ConnectionClosed):
                await socket.recv()
            code = socket.close_code or 0
            await stopping
    return outcome(code, 1012)


async def wall_clock(place: Place) -> str:
    """An offer waits for its answer while the time of day jumps ahead by two hours."""
    with TemporaryDirectory() as folder:
        clock = WallClock(Path(folder))
        command = place.command()
        makes_tracebacks = place.program == "daphne"
        with server(program=command, environment=clock.environment, makes_tracebacks=makes_tracebacks) as running:
            return await answered_across_a_jump(running, clock)


async def answered_across_a_jump(running: Server, clock: WallClock) -> str:
    async with Peer.welcomed(running.ws_url) as bob:
        posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
        call = (await bob.expect("offer"))["call"]
        clock.set(2 * HOUR)
        await asyncio.wait({posting}, timeout=NOTICED_SECONDS + OVERDUE_SECONDS)
        await bob.answer(call, ANSWER)
        reply = await reply_of(posting)
    return "yes" if reply is not None and reply.status == 200 else "no"
