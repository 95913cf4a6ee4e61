"""The end that an operator asks for, under each program: everybody is told, pages still answer, and it is gone in time.

It is the end that SIGTERM makes, and on bare daphne, which makes none, it is all there is.
"""

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.posting import offer, post
from tests.programs.commands import PROGRAMS
from tests.programs.leaver import leaver
from tests.server.sockets import DeafSocket
from tests.serverprocess import Program, Server, server
from tests.wsclient import Peer

DRAIN_SECONDS = 2
SPARE_SECONDS = 8.0
"""For a machine that has other things to do."""
AT_SIGTERM = {"serve": {0}, "runserver": {0}, "uvicorn": {0}, "daphne": {0, -signal.SIGSEGV}}
"""The exit status. Bare daphne (4.2.3) may fall over open sockets."""
LEAVING: Mapping[str, Any] = {"loglevel": "info", "limits": {"drain_seconds": DRAIN_SECONDS}}


async def asked(running: Server, path: str) -> dict[str, Any]:
    """What the desk says at this path."""
    status, body = await asyncio.to_thread(running.get, path)
    assert status == 200
    progress: dict[str, Any] = json.loads(body)
    return progress


async def gone(running: Server, within: float = DRAIN_SECONDS + SPARE_SECONDS) -> int:
    """Its exit status, when it has gone by itself."""
    return await asyncio.to_thread(running.process.wait, within)


@pytest.mark.parametrize("program", PROGRAMS)
async def test_everybody_is_told_and_the_program_ends_well(program: Program) -> None:
    with server(LEAVING, program=leaver(program)) as running:
        async with Peer.welcomed(running.ws_url) as bob:
            posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
            await bob.expect("offer")
            assert (await asked(running, "/progress"))["draining"] is False
            told = await asked(running, "/leave")
            assert (told["draining"], told["connections"], told["exchanges"]) == (True, 1, 0)
            await bob.expect("going_away")
            await bob.expect("hangup")
            await bob.expect_close(4000)
            reply = await posting
            assert (reply.status, reply.code) == (503, "draining")
        assert (await asyncio.to_thread(running.get, "/readyz"))[0] == 503
        assert (await asked(running, "/progress"))["left"] == 0
        assert await gone(running) == 0


@pytest.mark.parametrize("program", PROGRAMS)
async def test_who_does_not_go_is_counted_and_holds_nothing_up(program: Program) -> None:
    with server(LEAVING, program=leaver(program)) as running:
        async with DeafSocket.opened(running.ws_url) as deaf:
            deaf.send_text('{"type":"hello"}')
            await deaf.text()
            began = time.monotonic()
            await asked(running, "/leave")
            assert await deaf.close_code() == 4000
            assert (await asked(running, "/leave"))["left"] == 1  # asking again changes nothing
            assert await gone(running) == 0
            assert time.monotonic() - began < DRAIN_SECONDS + SPARE_SECONDS


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_signal_meanwhile_ends_it_too_with_the_status_that_it_has_anyway(program: Program) -> None:
    with server(LEAVING, program=leaver(program)) as running:
        async with DeafSocket.opened(running.ws_url) as deaf:
            deaf.send_text('{"type":"hello"}')
            await deaf.text()
            await asked(running, "/leave")
            running.process.send_signal(signal.SIGTERM)
            assert await gone(running) in AT_SIGTERM[program]


async def test_a_development_server_that_watches_its_code_ends_with_its_watcher() -> None:
    with server(LEAVING, program=leaver("runserver", reloads=True)) as running:
        async with Peer.welcomed(running.ws_url) as bob:
            await asked(running, "/leave")
            await bob.expect("going_away")
            await bob.expect_close(4000)
        assert await gone(running) == 0
