"""What do messages, calls, connections and offers over HTTP cost, compared with PeerJS' server? `make bench`.

Every server is a process of its own on loopback, and this is the process that drives them. They are measured in turn,
again and again, with the same work; in each round each is compared with PeerJS in that round, and what is shown are the
medians and quartiles of these ratios. A message that does not arrive, or one that was not expected, fails the run.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from dataclasses import replace

import uvloop

from benchmarks import machine
from benchmarks.client import Fault
from benchmarks.fences import Shown, keys_for, limits_for, show
from benchmarks.figures import BASE, MEASURES, Figures, Row
from benchmarks.idle import measure_flatness, measure_memory
from benchmarks.material import compact
from benchmarks.report import RELAYS, aligned
from benchmarks.rounds import WORKLOADS, Lineup, interleave, lineup
from benchmarks.servers import FloorServer, started
from benchmarks.sizes import FULL, QUICK, Sizes

OURS = ("serve", "uvicorn")
CHECKED = (BASE, "serve")
AGAIN = "again"
SLACK = 0.05
"""By so much a server may differ from itself, where its quartiles are closer together."""


async def measure(sizes: Sizes, servers: Lineup) -> Figures:
    """Everything. Raises Fault when a figure would not be one."""
    figures = Figures()
    await interleave(sizes, servers, figures)
    await measure_memory(sizes, servers, figures)
    await measure_flatness(sizes, servers, figures)
    return figures


async def show_fences(sizes: Sizes, servers: Lineup) -> list[Shown]:
    """Each limit that is not at its default, and what comes of going one further. Raises Fault when it is passed."""
    shown = []
    async with started(*(servers[name](name) for name in servers if name in OURS)) as running:
        for server in running:
            shown += await show(server, limits_for(sizes))
    return shown


async def check_ourselves(sizes: Sizes) -> list[Row]:
    """The ratios of servers to another of their own kind; latencies are the machine's, and not judged."""
    rows = []
    alike = [replace(measure, base="", times=1, aims={}) for measure in MEASURES]
    for name, make in lineup(keys_for(sizes)).items():
        if name not in CHECKED:
            continue
        figures = Figures(alike)
        await interleave(sizes, {BASE: make, f"{name} {AGAIN}": make}, figures)
        rows += [row for row in figures.rows() if row.server.endswith(AGAIN) and "latency" not in row.measure]
    return rows


async def compare_with_floor(sizes: Sizes) -> list[Row]:
    """What of a message's cost is the lane's, and what the rules'."""
    keys, figures = keys_for(sizes), Figures()
    servers = {name: make for name, make in lineup(keys).items() if name in CHECKED}
    await interleave(
        sizes, {**servers, "lane alone": lambda name: FloorServer(name, "serve", keys)}, figures, WORKLOADS
    )
    return figures.rows()


def strays(rows: Sequence[Row]) -> list[Row]:
    """Those whose ratio is not 1: neither nearly, nor within its spread."""
    return [row for row in rows if not _is_one(row)]


def _is_one(row: Row) -> bool:
    if row.ratio is None or row.ratio_low is None or row.ratio_high is None:
        return True
    return abs(row.ratio - 1) <= SLACK or row.ratio_low <= 1 <= row.ratio_high


async def run(arguments: argparse.Namespace) -> None:
    """What the arguments ask for. Raises Fault."""
    sizes = QUICK if arguments.quick else FULL
    if arguments.rounds:
        sizes = replace(sizes, rounds=arguments.rounds, flat_rounds=arguments.rounds)
    if arguments.self_check:
        rows = await check_ourselves(sizes)
        print(aligned(rows))
        if found := strays(rows):
            raise Fault(f"not like itself: {', '.join(f'{row.measure} of {row.server}' for row in found)}")
        return
    if arguments.floor:
        print(aligned(await compare_with_floor(sizes)))
        return
    servers = lineup(keys_for(sizes))
    settings = f"configuration of ours, all else at its default: {compact(keys_for(sizes))}"
    print(settings, flush=True)
    for line in await show_fences(sizes, servers):
        print(line, flush=True)
    if arguments.show_fences:
        return
    rows = (await measure(sizes, servers)).rows()
    print(aligned(rows))
    if not (arguments.quick or arguments.rounds):
        RELAYS.keep(rows, [*machine.remarks(), settings])


def main() -> None:
    """Prints the figures, and keeps those of a full run; status 1 when something went wrong."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see whether it works, in seconds")
    parser.add_argument("--rounds", type=int, help="another number of rounds; the figures are then not kept")
    parser.add_argument("--show-fences", action="store_true", help="only show that the raised limits hold")
    parser.add_argument("--floor", action="store_true", help="only compare with a lane that has no rules")
    parser.add_argument("--self-check", action="store_true", help="compare servers with others of their own kind")
    arguments = parser.parse_args()
    gc.disable()  # a pause of ours would be read as a latency of theirs
    try:
        uvloop.run(run(arguments))
    except Fault as fault:
        raise SystemExit(str(fault)) from None


if __name__ == "__main__":
    main()
