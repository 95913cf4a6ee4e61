"""R10: connections are cut at every frame boundary of a call's set-up, and inside frames, and sessions are resumed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice

from tests.faults.conversation import hold
from tests.faults.findings import Findings
from tests.faults.flaky import HOST, Cut, Direction, Flaky, How
from tests.faults.together import together
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.loopback import fresh_address
from tests.resumingclient import ResumingClient
from tests.serverprocess import Server, server

TITLE = "connections cut at every frame boundary of a call's set-up, and resumed"

BEFORE, INSIDE, AFTER = 0.0, 0.5, 1.0
MOST_WAIT_SECONDS = 5.0
"""Between two tries: with the protocol's 30 s, a client that is cut three times over may be late for its session."""


@dataclass(frozen=True)
class Size:
    """For how long a client is away, how many calls are cut at once, and how many times each boundary is cut."""

    down_seconds: float
    first_wait_seconds: float
    patience_seconds: float
    """How long a test waits for what must come."""
    calls_at_once: int
    ways: Sequence[How]
    """What becomes of the connection, in turn; each boundary has its turn with `rounds` of them."""
    rounds: int


QUICK = Size(0, 0.01, 10, calls_at_once=24, ways=tuple(How), rounds=1)
FULL = Size(2, 1, 60, calls_at_once=150, ways=tuple(How), rounds=len(How))


@dataclass(frozen=True)
class Case:
    """One call: whose connections are cut, and where; the first of them, then the one that took its place …"""

    cut_is_callers: bool
    cuts: tuple[Cut, ...]


async def run(size: Size) -> Findings:
    """Raises AssertionError that names the cut after which something was lost, came twice, or somebody left."""
    with server({"limits": {"connections_per_address": 64, "resume_seconds": 30}}) as running:
        before = memory_megabytes(running.process.pid)
        cases = [case for whose in (True, False) for case in _cases(whose, await _frames(running, whose), size)]
        gate = asyncio.Semaphore(size.calls_at_once)

        async def one(case: Case) -> tuple[int, int]:
            async with gate:
                return await _cut(running, case, size)

        made, leaving = map(sum, zip(*await together(one(case) for case in cases), strict=True))
        after = memory_megabytes(running.process.pid)
        await asyncio.to_thread(running.stop)
        assert_empty(running)
    assert not leaving, f"{leaving} times somebody was seen leaving"
    return Findings(
        {
            "sockets held": 2 * size.calls_at_once,
            "offers sent": len(cases),
            "accounted for": len(cases),
            "unaccounted": 0,
            "faults injected": made,
            "survived": made,
            "seen leaving": leaving,
            "memory before MB": before,
            "memory after MB": after,
        }
    )


async def _frames(running: Server, cut_is_callers: bool) -> dict[Direction, int]:
    """How many frames such a call has in each direction when nothing is cut."""
    async with _pair(running, Case(cut_is_callers, ()), QUICK) as (ada, bob, flaky):
        await hold(ada, bob)
        frames = flaky.links[0].frames
        return {"server": frames["server"], "client": frames["client"]}


def _cases(cut_is_callers: bool, frames: dict[Direction, int], size: Size) -> list[Case]:
    ways = cycle(size.ways)
    first = [
        Cut(to, frame, share, how)
        for to, count in frames.items()
        for frame in range(1, count + 1)
        for share in (BEFORE, INSIDE, AFTER)
        for how in islice(ways, size.rounds)
    ]
    return [Case(cut_is_callers, (cut, *_later(number))) for number, cut in enumerate(first)]


def _later(number: int) -> tuple[Cut, ...]:
    """Every other connection that takes the place of the one that was cut is cut, too: in its own hello, in its welcome
    (twice, even), or in what it gets and says again."""
    later: tuple[tuple[Cut, ...], ...] = (
        (Cut("client", 1, BEFORE),),
        (Cut("server", 1, AFTER, How.UNSEEN), Cut("client", 1, INSIDE)),
        (Cut("client", 1, AFTER, How.UNSEEN),),
        (Cut("server", 1, BEFORE),),
    )
    return () if number % 2 else later[number // 2 % len(later)]


async def _cut(running: Server, case: Case, size: Size) -> tuple[int, int]:
    """How many cuts were made in this call, and how often one of the two saw the other leaving."""
    try:
        async with _pair(running, case, size) as (ada, bob, flaky):
            await hold(ada, bob)
            async with asyncio.timeout(size.patience_seconds):
                await flaky.all_cut.wait()
            for client in (ada, bob):
                client.say("ice_servers", id="still here")
                await client.expect("ice_servers", id="still here")
                assert not client.restarted, "a session was not resumed"
            return flaky.cuts_made, len(ada.received_as("peer_left") + bob.received_as("peer_left"))
    except (AssertionError, TimeoutError) as failure:
        raise AssertionError(f"{case}: {failure}") from failure


@asynccontextmanager
async def _pair(running: Server, case: Case, size: Size) -> AsyncIterator[tuple[ResumingClient, ResumingClient, Flaky]]:
    """Caller, callee, and the proxy before one of them."""
    source = fresh_address()
    waits = {
        "first_wait_seconds": size.first_wait_seconds,
        "most_wait_seconds": MOST_WAIT_SECONDS,
        "patience_seconds": size.patience_seconds,
    }
    async with Flaky.before(running.port, case.cuts, size.down_seconds) as flaky:
        caller, callee = (flaky.port, running.port) if case.cut_is_callers else (running.port, flaky.port)
        async with (
            ResumingClient.welcomed(HOST, caller, source, **waits) as ada,
            ResumingClient.welcomed(HOST, callee, source, **waits) as bob,
        ):
            yield ada, bob, flaky
