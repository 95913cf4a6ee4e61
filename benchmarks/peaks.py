"""What is left of a peak's memory when it is over? `make peaks`.

Thousands of clients come to each server and go again, some times over. The anonymous memory of its process is read
before, while they are there, and when they have been gone for so long that their sessions have ended, too.
"""

from __future__ import annotations

import argparse
import asyncio

import uvloop

from benchmarks import machine
from benchmarks.client import Fault
from benchmarks.figures import Figures, Measure
from benchmarks.report import PEAKS, aligned
from benchmarks.rounds import Lineup, tell
from benchmarks.servers import Server, SparingServer, started
from benchmarks.storm import braving

GONE_SECONDS = 60.0
"""Sessions end half a minute after their connections, and some time later memory is given back (roundtable/ebb.py)."""
KIB_A_MEGABYTE = 1024
BEFORE, DURING, AFTER = "memory of a new server", "memory with the peak's sessions", "memory after the peak"
MEASURES = tuple(Measure(name, "MB", is_compared=False) for name in (BEFORE, DURING, AFTER))


def peaking() -> Lineup:
    """The servers that are put to it; ours by Python's own allocator, and by jemalloc."""
    return {
        **braving(),
        "serve, jemalloc": lambda name: SparingServer(name, "serve", {}),
        "uvicorn, jemalloc": lambda name: SparingServer(name, "uvicorn", {}),
    }


async def peaks(server: Server, figures: Figures, number: int, clients: int, gone_seconds: float) -> None:
    """So many peaks at this server."""
    figures.add(server.name, {BEFORE: megabytes(server)})
    for _ in range(number):
        await server.crowd.gather(clients)
        figures.add(server.name, {DURING: megabytes(server)})
        await server.crowd.disperse()
        await asyncio.sleep(gone_seconds)
        figures.add(server.name, {AFTER: megabytes(server)})


def megabytes(server: Server) -> float:
    """The anonymous memory of its process."""
    return server.meter.anonymous_kib / KIB_A_MEGABYTE


async def measure(
    servers: Lineup, number: int = 3, clients: int = 5_000, gone_seconds: float = GONE_SECONDS
) -> Figures:
    """Peaks at one server after the other. Raises Fault."""
    figures = Figures(MEASURES)
    for name, make in servers.items():
        async with started(make(name)) as (server,):
            await peaks(server, figures, number, clients, gone_seconds)
        tell(f"peaks at {name}")
    return figures


def main() -> None:
    """Prints the figures and keeps them."""
    argparse.ArgumentParser(prog="make peaks", description=__doc__).parse_args()
    try:
        rows = uvloop.run(measure(peaking())).rows()
    except Fault as fault:
        raise SystemExit(str(fault)) from None
    print(aligned(rows))
    PEAKS.keep(rows, machine.remarks())


if __name__ == "__main__":
    main()
