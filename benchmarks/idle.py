"""What sessions cost that say nothing: their memory, the housekeeping for them, and what they add to a relay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping

from benchmarks.figures import Figures
from benchmarks.rounds import Lineup, tell
from benchmarks.servers import Server, started
from benchmarks.sizes import Sizes
from benchmarks.workloads import candidate_cost, establish, share

WARM_UP_CLIENTS = 200
MILLISECONDS = 1000
NOT_FLAT = ("textbook",)
"""At 10,000 sessions one relay takes it 50 ms (its channel layer walks all channels), and each connect as long."""


async def measure_memory(sizes: Sizes, servers: Lineup, figures: Figures) -> None:
    """Of an idle session, on a server that is new; the first clients, with whom a server grows, do not count."""
    for number in range(sizes.memory_rounds):
        async with started(*(make(name) for name, make in servers.items())) as running:
            for server in running:
                figures.add(server.name, {"memory of an idle session": await _session_kib(server, sizes)})
        tell(f"memory, round {number + 1} of {sizes.memory_rounds}")


async def _session_kib(server: Server, sizes: Sizes) -> float:
    number = share(server, sizes.sessions)
    await server.crowd.gather(min(WARM_UP_CLIENTS, number))
    await asyncio.sleep(sizes.calm_seconds)
    before = server.meter.anonymous_kib
    await server.crowd.gather(number)
    await asyncio.sleep(sizes.calm_seconds)
    grown = server.meter.anonymous_kib - before
    await server.crowd.disperse()
    return grown / number


async def measure_flatness(sizes: Sizes, servers: Lineup, figures: Figures) -> None:
    """What a candidate costs among many idle sessions and among few, at two servers of each kind, in turn."""
    for name, make in servers.items():
        if name not in NOT_FLAT:
            await _compare(name, make, sizes, figures)
            tell(f"flatness of {name}")


async def _compare(name: str, make: Callable[[str], Server], sizes: Sizes, figures: Figures) -> None:
    async with started(make(name), make(name)) as (few, many):
        for server, idle in ((few, sizes.few), (many, sizes.many)):
            await server.crowd.pair_up(sizes.flat_pairs)
            await establish(server)
            await server.crowd.gather(idle)
        await asyncio.sleep(sizes.calm_seconds)
        await _ratio(few, many, sizes)  # warms up
        async for _ in _spread(sizes.flat_rounds, sizes.idle_seconds):
            figures.add(name, await _ratio(few, many, sizes))
        figures.add(name, {"many idle sessions": await _housekeeping(many, sizes.idle_seconds)})
        for server in (few, many):
            await server.crowd.disperse()


async def _spread(rounds: int, seconds: float) -> AsyncIterator[None]:
    """So many rounds, evenly over so many seconds: who came at the same time is pinged at the same time, too, and all
    rounds in the midst of that, or none, would be chance."""
    began = time.monotonic()
    for number in range(rounds):
        await asyncio.sleep(max(0.0, began + number * seconds / rounds - time.monotonic()))
        yield


async def _ratio(few: Server, many: Server, sizes: Sizes) -> Mapping[str, float]:
    costs = [await candidate_cost(server, sizes.candidates) for server in (few, many, many, few)]
    return {"relay, many idle to few": (costs[1] + costs[2]) / (costs[0] + costs[3])}


async def _housekeeping(server: Server, seconds: float) -> float:
    """Milliseconds of processor time in a second in which nobody says anything: pings, and looking at the clock."""
    before = server.meter.cpu_seconds
    await asyncio.sleep(seconds)
    return (server.meter.cpu_seconds - before) / seconds * MILLISECONDS
