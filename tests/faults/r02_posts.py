"""R2: many post offers for answerers that listen over HTTP: each has one outcome, and causes at most one request."""

import asyncio
import time
import uuid
from dataclasses import dataclass

from tests.faults.findings import Findings
from tests.faults.posts import Answerers, Manner, Posts, addresses, answerers_at
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.posting import offer
from tests.serverprocess import Server, server

TITLE = "offers over HTTP to answerers over HTTP"
ADMITTED = ("answer", "503 target_failed")
"""Outcomes of offers that were posted on; all others were refused before."""
CALLERS, ANSWERERS = 200, 180
"""The first network of each: 127.200.0.0 and so on."""


@dataclass(frozen=True)
class Size:
    """A source may post 2/s and a known answerer be asked 5/s, so both must be many."""

    answerers: int
    sources: int
    seconds: float
    posts_per_second: float


QUICK = Size(answerers=10, sources=20, seconds=1.5, posts_per_second=30)
FULL = Size(answerers=50, sources=120, seconds=60, posts_per_second=200)


async def run(size: Size) -> Findings:
    """Some answerers are slow, some fail now and then."""
    hosts = addresses(ANSWERERS, size.answerers)
    manners = {host: _manner(number) for number, host in enumerate(hosts)}
    posts = Posts()
    with server({"loglevel": "info", "forwardallow": ["127.0.0.0/8"]}) as running:
        before = memory_megabytes(running.process.pid)
        async with answerers_at(manners) as answerers:
            await _post_all(running, answerers, posts, size)
        after = memory_megabytes(running.process.pid)
        running.stop()
        assert_empty(running)
        assert_empty(running, "draining")
    posts.assert_accounted()
    requests = answerers.requests.total()
    accepted = sum(posts.outcomes[outcome] for outcome in ADMITTED)
    assert requests == accepted, f"{accepted} offers were accepted, and {requests} requests were made"
    assert posts.outcomes["answer"] > 0.8 * posts.offers, posts.outcomes
    return Findings(
        {
            **posts.findings(),
            "memory before MB": before,
            "memory after MB": after,
            "accepted": accepted,
            "outbound requests": requests,
        }
    )


def _manner(number: int) -> Manner:
    """Of ten answerers one is slow, and one fails now and then."""
    if number % 10 == 1:
        return Manner(seconds=0.3)
    return Manner(fails_every=20 if number % 10 == 2 else 0)


async def _post_all(running: Server, answerers: Answerers, posts: Posts, size: Size) -> None:
    sources, hosts = addresses(CALLERS, size.sources), list(answerers.manners)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(int(size.seconds * size.posts_per_second)):
            await asyncio.sleep(max(0.0, began + number / size.posts_per_second - time.monotonic()))
            host, source = hosts[number % len(hosts)], sources[number % len(sources)]
            group.create_task(_post_one(running, answerers.prefix(host), posts, source))


async def _post_one(running: Server, prefix: str, posts: Posts, source: str) -> None:
    call = str(uuid.uuid4())
    reply = await posts.post(running.http_url, offer(at=prefix, call=call), source)
    if reply is not None and reply.status == 200:
        assert reply.json["OfferUUID"] == call, "the answer of another call"
