"""R25: half an hour in which people come, go, get lost and come back; in the end nothing of them is left.

Memory and sockets are sampled: the samples go to docs/figures/soak.csv, and their chart to docs/images/soak.svg.
"""

import asyncio
import csv
import time
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import astuple, dataclass, fields

from tests.faults.crowd import MIXED, Crowd, crowd_at
from tests.faults.findings import Findings
from tests.faults.plot import Curve, write_chart
from tests.faults.posts import Posts
from tests.faults.vitals import (
    Samples,
    allocated_megabytes,
    assert_empty,
    memory_megabytes,
    open_sockets,
    resident_megabytes,
)
from tests.posting import offer
from tests.serverprocess import ROOT, Server, server
from tests.waiting import comes_true

TITLE = "churn: peers come, go, get lost and come back"
LIMIT_SECONDS = 2_400.0
SAMPLES = ROOT / "docs" / "figures" / "soak.csv"
CHART = ROOT / "docs" / "images" / "soak.svg"
MOST_MEGABYTES_PER_MINUTE = 0.3
JUDGED_SECONDS = 600.0
"""A shorter run says nothing about memory: it is still warming up."""
WAIT_SECONDS = 40.0
"""For all to be back, and for the sessions of those who are not."""
CALLERS = 220


@dataclass(frozen=True)
class Size:
    """`changes_per_second`: who is cut off, who goes for good and is replaced, who posts, who calls nobody."""

    sockets: int
    seconds: float
    offers_per_second: float
    changes_per_second: float
    sample_seconds: float
    is_kept: bool


QUICK = Size(sockets=64, seconds=2, offers_per_second=40, changes_per_second=20, sample_seconds=0.5, is_kept=False)
FULL = Size(sockets=500, seconds=1_800, offers_per_second=60, changes_per_second=10, sample_seconds=5, is_kept=True)


@dataclass(frozen=True)
class Sample:
    """The server at one moment, `seconds` after the beginning."""

    seconds: float
    allocated_mb: float
    pss_mb: float
    rss_mb: float
    sockets: int
    offers: int


async def run(size: Size) -> Findings:
    """Everything is drawn by lot with a fixed seed."""
    posts = Posts()
    with server({"loglevel": "info", "timeout": 5}) as running:
        async with crowd_at(
            running, size.sockets, seats=8, manners=MIXED, comes_back=True, jitter_seconds=min(1.0, size.seconds / 60)
        ) as crowd:
            samples, faults = await _churn(running, crowd, posts, size)
            back = await comes_true(lambda: crowd.present == size.sockets, WAIT_SECONDS)
            assert back, f"{crowd.present} of {size.sockets} are there in the end"
            await crowd.settle(within=6, is_lossless=False)
            await crowd.leave()
        running.stop()
        assert_empty(running, "draining")
        assert_empty(running)
    crowd.assert_content()
    crowd.ledger.assert_accounted()
    crowd.ledger.assert_none_broken()
    crowd.ledger.assert_in_order()
    posts.assert_accounted()
    memory = Samples([sample.seconds for sample in samples], [sample.allocated_mb for sample in samples])
    if size.is_kept:
        _keep(samples)
    if size.seconds >= JUDGED_SECONDS:
        slope = memory.megabytes_per_minute
        assert slope < MOST_MEGABYTES_PER_MINUTE, f"memory grows by {slope:.2f} MB a minute"
    return Findings(
        {
            "sockets held": size.sockets,
            **crowd.ledger.findings(),
            "faults injected": faults,
            "survived": faults,
            "memory before MB": samples[0].pss_mb,
            "memory after MB": samples[-1].pss_mb,
            "minutes": size.seconds / 60,
            "resumed": crowd.resumed,
            "begun anew": crowd.begun_anew,
            "offers over HTTP": posts.offers,
            "MB a minute": memory.megabytes_per_minute,
        }
    )


async def _churn(running: Server, crowd: Crowd, posts: Posts, size: Size) -> tuple[list[Sample], int]:
    """The samples, and how many connections were cut."""
    changes = _Changes(running, crowd, posts)
    load = asyncio.create_task(crowd.talk(size.seconds, size.offers_per_second))
    turmoil = asyncio.create_task(changes.go_on(size.seconds, size.changes_per_second))
    samples, began = [], time.monotonic()
    while not load.done():
        pid = running.process.pid
        seconds = time.monotonic() - began
        memory = allocated_megabytes(pid), memory_megabytes(pid), resident_megabytes(pid)
        samples.append(Sample(round(seconds, 1), *memory, open_sockets(pid), crowd.ledger.offers))
        await asyncio.sleep(size.sample_seconds)
    await load
    await turmoil
    return samples, changes.cuts


class _Changes:
    """What happens to the clients beside their calls."""

    def __init__(self, running: Server, crowd: Crowd, posts: Posts) -> None:
        self._running = running
        self._crowd = crowd
        self._posts = posts
        self._tasks: set[asyncio.Task[object]] = set()
        self.cuts = 0

    async def go_on(self, seconds: float, per_second: float) -> None:
        """At this rate, each by lot."""
        began = time.monotonic()
        kinds = (self._cut, self._replace, self._post, self._call_nobody)
        for number in range(int(seconds * per_second)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            self._crowd.chance.choice(kinds)(self._crowd.chance.randrange(len(self._crowd.clients)))
        await asyncio.gather(*self._tasks)

    def _cut(self, number: int) -> None:
        client = self._crowd.clients[number]
        if client.is_present:
            self.cuts += 1
            client.line.abort()

    def _replace(self, number: int) -> None:
        if self._crowd.clients[number].is_present:
            self._begin(self._crowd.replace(number))

    def _post(self, number: int) -> None:
        client = self._crowd.clients[number]
        body = offer(str(client.peer))
        source = f"127.{CALLERS}.1.{1 + number % 250}"
        self._begin(self._posts.post(self._running.http_url, body, source))

    def _call_nobody(self, number: int) -> None:
        client = self._crowd.clients[number]
        if client.is_present:
            client.call(str(uuid.uuid4()))

    def _begin(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _keep(samples: Sequence[Sample]) -> None:
    SAMPLES.parent.mkdir(exist_ok=True)
    with SAMPLES.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([field.name for field in fields(Sample)])
        table.writerows([round(value, 1) for value in astuple(sample)] for sample in samples)
    minutes = [sample.seconds / 60 for sample in samples]
    curves = [
        Curve("memory, MB (anonymous)", [sample.allocated_mb for sample in samples]),
        Curve("sockets", [sample.sockets for sample in samples]),
    ]
    write_chart(CHART, "Memory and sockets of the server under churn", minutes, curves)
