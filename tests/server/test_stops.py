"""A process that is stopped for longer than an offer may take, and goes on: what came meanwhile came in time (R7)."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.posting import ANSWER, offer
from tests.server.connections import connection
from tests.serverprocess import Server, server
from tests.wsclient import Peer

TIMEOUT_SECONDS = 1.0
STOPPED_SECONDS = 6.2
"""Daphne gives up a request five seconds after the offer's own time."""


@asynccontextmanager
async def stopped(running: Server) -> AsyncIterator[None]:
    """The process does not run for the block, and for longer than daphne would wait."""
    running.process.send_signal(signal.SIGSTOP)
    try:
        yield
        await asyncio.sleep(STOPPED_SECONDS)
    finally:
        running.process.send_signal(signal.SIGCONT)


def posted(body: bytes) -> bytes:
    return b"POST /signal HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def test_r7_an_answer_that_came_during_a_stop_is_delivered_and_who_got_none_is_told_so_in_json() -> None:
    with server({"timeout": TIMEOUT_SECONDS}) as running:
        async with (
            Peer.welcomed(running.ws_url) as bob,
            connection(running) as caller,
            connection(running) as unlucky,
        ):
            for one in (caller, unlucky):
                one.send(posted(offer(bob.id)))
            calls = [(await bob.expect("offer"))["call"] for _ in range(2)]
            async with stopped(running):
                await bob.answer(calls[0], ANSWER)
            replies = await asyncio.gather(caller.response(), unlucky.response())
        (answered,) = [body for status, _, body in replies if status == 200]
        assert json.loads(answered)["WebRTCSessionDescription"] == ANSWER
        ((headers, refusal),) = [(headers, body) for status, headers, body in replies if status == 503]
        assert headers["content-type"] == "application/problem+json"
        assert int(headers["retry-after"]) >= 1
        assert json.loads(refusal)["code"] == "answer_timeout"
