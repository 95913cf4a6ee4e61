"""What a connection took is free as soon as it is gone: Python's collector, which comes late when many go, has no part.

Five thousand connections that wait for it take as much memory as those that are here.
"""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.posting import ANSWER, OFFER, offer, post
from tests.server.connections import connection
from tests.server.uncollected import HELD, NOBODYS, NOTHING
from tests.serverprocess import Server, command, server
from tests.waiting import until
from tests.wsclient import Peer

HALF_A_HANDSHAKE = b"GET /signal HTTP/1.1\r\nHost: a\r\n"
SAID = re.compile(rf"^{HELD}: (.*); {NOBODYS}: (.*)$", re.MULTILINE)
FREE_WITHIN_SECONDS = 15.0
DUE_SECONDS = 1
"""Deadlines hold what they are about until then; and daphne looks once a second for what has ended."""
ASKED_EVERY_SECONDS = 0.2

Visit = Callable[[Server], Awaitable[object]]


async def a_call(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        call = await ada.dial(bob.id, OFFER)
        await bob.expect("offer")
        await bob.answer(call, ANSWER)
        await ada.expect("answer")
        await ada.bye()
        await bob.bye()


async def a_posted_call(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as bob:
        posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
        asked = await bob.expect("offer")
        await bob.answer(asked["call"], ANSWER)
        assert (await posting).status == 200
        await bob.bye()


async def a_connection_that_is_lost(running: Server) -> None:
    async with Peer.welcomed(running.ws_url):
        pass


async def half_a_request(running: Server) -> None:
    async with connection(running) as sender:
        sender.send(HALF_A_HANDSHAKE)


async def no_http(running: Server) -> None:
    async with connection(running) as sender:
        sender.send(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
        await sender.rest()


async def an_origin_that_may_not_come(running: Server) -> None:
    with suppress(InvalidStatus):
        async with Peer.connected(running.ws_url, origin="https://elsewhere.example"):
            pass


# What pages and breaches leave behind is Django's, autobahn's or websockets': exceptions that hold their traceback.
VISITS: tuple[Visit, ...] = (
    *(a_call, a_posted_call, a_connection_that_is_lost, half_a_request, no_http, an_origin_that_may_not_come),
)


@pytest.fixture(scope="module")
def running(either_server: str) -> Iterator[Server]:
    config = {
        "allowedorigins": ["https://app.example"],
        "timeout": DUE_SECONDS,
        "limits": {"resume_seconds": DUE_SECONDS, "hello_seconds": DUE_SECONDS},
    }
    with server(config, program=uncollected) as running:
        yield running


def uncollected(config: Path, port: int) -> list[str]:
    python, *arguments = command("serve", config, port)
    return [python, "-m", "tests.server.uncollected", *arguments]


@pytest.mark.parametrize("visit", VISITS)
async def test_nothing_of_it_is_left_to_the_collector(visit: Visit, running: Server) -> None:
    await visit(running)
    await left_by_all_that_have_gone(running)  # what is made once, at the first of its kind, is none of a connection
    await visit(running)
    assert await left_by_all_that_have_gone(running) == []


async def left_by_all_that_have_gone(running: Server) -> list[str]:
    """What the collector would have had to find by the time that no connection is held."""
    found: list[str] = []
    async with asyncio.timeout(FREE_WITHIN_SECONDS):
        while True:
            held, nobodys = await asked(running)
            found += [nobodys] if nobodys != NOTHING else []
            if held == NOTHING:
                return found
            await asyncio.sleep(ASKED_EVERY_SECONDS)


async def asked(running: Server) -> tuple[str, str]:
    """Whose connections the server holds, and what it has left to the collector since it was last asked."""
    before = len(SAID.findall(running.log))
    running.process.send_signal(signal.SIGUSR1)
    await until(lambda: len(SAID.findall(running.log)) > before)
    held, nobodys = SAID.findall(running.log)[-1]
    return held, nobodys
