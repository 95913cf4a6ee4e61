"""The servers that are compared, started and measured in turn."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.figures import Figures
from benchmarks.posting import posted_on, posts
from benchmarks.servers import Keys, PeerJSServer, RoundtableServer, Server, TextbookServer, started
from benchmarks.sizes import Sizes
from benchmarks.workloads import Workload, at_a_rate, calls, candidates, connects, offers, prepare, visits

Lineup = Mapping[str, Callable[[str], Server]]
"""How each server is made, by the name that it then has."""

WORKLOADS: tuple[Workload, ...] = (offers, candidates, calls, at_a_rate, connects, visits)
POSTING: tuple[Workload, ...] = (posts, posted_on)
"""What only our servers can do."""


def lineup(keys: Keys) -> Lineup:
    """All of them; ours with these keys of the configuration."""
    return {
        "PeerJS": PeerJSServer,
        "serve": lambda name: RoundtableServer(name, "serve", keys),
        "uvicorn": lambda name: RoundtableServer(name, "uvicorn", keys),
        "textbook": TextbookServer,
    }


async def interleave(
    sizes: Sizes, servers: Lineup, figures: Figures, workloads: Sequence[Workload] = (*WORKLOADS, *POSTING)
) -> None:
    """All servers are there all the time, and one of them is at work."""
    async with started(*(make(name) for name, make in servers.items())) as running:
        for server in running:
            await prepare(server, sizes)
        gc.freeze()
        for number in range(sizes.all_rounds):
            began = time.monotonic()
            for workload in workloads:
                for server in _rotated(running, number):
                    costs = await _measured(workload, server, sizes)
                    if number >= sizes.warm_ups:
                        figures.add(server.name, costs)
            gc.collect()  # nobody is being measured
            tell(f"round {number + 1} of {sizes.all_rounds}: {time.monotonic() - began:.0f} s")
        for server in running:
            await server.crowd.disperse()


async def _measured(workload: Workload, server: Server, sizes: Sizes) -> Mapping[str, float]:
    if workload in POSTING and not isinstance(server, RoundtableServer):
        return {}
    return await workload(server, sizes)


def _rotated(servers: Sequence[Server], number: int) -> Sequence[Server]:
    """Another begins in each round."""
    first = number % len(servers)
    return [*servers[first:], *servers[:first]]


def tell(line: str) -> None:
    """Progress, for whoever waits."""
    print(line, file=sys.stderr, flush=True)
