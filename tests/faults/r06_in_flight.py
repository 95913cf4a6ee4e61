"""R6: SIGTERM with offers over HTTP in flight and answerers that never answer: each caller gets its response."""

import asyncio
from dataclasses import dataclass

from tests import answerers
from tests.faults.crowd import Crowd, crowd_at
from tests.faults.findings import Findings
from tests.faults.posts import Posts, addresses
from tests.faults.r05_sigterm import stop, told_share
from tests.faults.vitals import assert_empty
from tests.posting import offer
from tests.serverprocess import Server, server
from tests.waiting import comes_true

TITLE = "SIGTERM with HTTP in flight and stuck answerers"
DRAINING = "503 draining"
CALLERS, STUCK = 210, 190
AT_ONE_STRANGER = 3
"""What may be posted at once to an address that never answered."""
TO_ONE_CALLEE = 8
"""Unanswered offers of one source to one callee."""


@dataclass(frozen=True)
class Size:
    """`waiting` offers wait for peers here, three more at each stuck answerer."""

    sockets: int
    waiting: int
    stuck: int
    drain_seconds: float


QUICK = Size(sockets=16, waiting=16, stuck=2, drain_seconds=3)
FULL = Size(sockets=1_000, waiting=240, stuck=3, drain_seconds=10)


async def run(size: Size) -> Findings:
    """Nobody answers, so everything is in flight when the signal comes."""
    posts = Posts()
    limits = {"drain_seconds": size.drain_seconds}
    with server({"loglevel": "info", "forwardallow": ["127.0.0.0/8"], "limits": limits}) as running:
        async with (
            crowd_at(running, size.sockets, manners={"silence": 1.0}) as crowd,
            answerers.listening(answerers.tarpit, "0.0.0.0") as stuck,
        ):
            in_flight = _post_to_peers(running, crowd, posts, size) + _post_to_stuck(running, stuck.port, posts, size)
            asked = await comes_true(lambda: len(stuck.requests) == AT_ONE_STRANGER * size.stuck, within=8)
            assert asked, f"{len(stuck.requests)} offers have come to the stuck answerers: {posts.outcomes}"
            assert posts.outcomes.total() == 0, f"some were answered: {posts.outcomes}"
            seconds = await stop(running, size.drain_seconds)
            await asyncio.gather(*in_flight)
            told = await told_share(crowd)
        assert_empty(running)
    posts.assert_accounted()
    assert set(posts.outcomes) == {DRAINING}, posts.outcomes
    return Findings(
        {
            "sockets held": size.sockets,
            **posts.findings(),
            "faults injected": 1,
            "survived": 1,
            "drain seconds": seconds,
            "told": told,
            "responses of those in flight": f"{posts.outcomes[DRAINING]} of {posts.offers}",
        }
    )


def _post_to_peers(running: Server, crowd: Crowd, posts: Posts, size: Size) -> list[asyncio.Task[object]]:
    sources = addresses(CALLERS, size.waiting // TO_ONE_CALLEE)
    callees = [str(client.peer) for client in crowd.clients]
    return [
        asyncio.create_task(posts.post(running.http_url, offer(callees[number % len(callees)]), sources[number // 8]))
        for number in range(size.waiting)
    ]


def _post_to_stuck(running: Server, port: int, posts: Posts, size: Size) -> list[asyncio.Task[object]]:
    """They share the rate of no network: each is in one of its own."""
    hosts = addresses(STUCK, size.stuck)
    return [
        asyncio.create_task(posts.post(running.http_url, offer(at=f"http://{host}:{port}"), host))
        for host in hosts
        for _ in range(AT_ONE_STRANGER)
    ]
