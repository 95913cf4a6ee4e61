"""What when thousands of clients come back at once? `make storm`.

First as many connections, and then as many resumes, as one driver can bring about: how many a second. Then a crowd
loses its connections, all at the same moment, and is back a second later, all at the same moment too: whoever is not
let in tries again as docs/protocol.md says. Meanwhile others go on calling, from a process of their own. All limits
have their defaults. A client that is not welcomed in the end, or is somebody else then, fails the run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import uvloop
from picows import WSError

from benchmarks import machine
from benchmarks.client import Client, Fault, Refused
from benchmarks.figures import Figures, Measure
from benchmarks.pulse import Pulse
from benchmarks.report import STORMS, aligned
from benchmarks.rounds import Lineup, lineup, tell
from benchmarks.servers import Server, started
from benchmarks.workloads import percentile

ABREAST = 100
WARM_UP = 200
AWAY_SECONDS = 1.0
"""Between the loss and the storm: the server has noticed by then."""
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 30.0
"""Between attempts, at most; full jitter."""
ATTEMPTS = 10
OPENING_SECONDS = 15.0
"""Then an attempt is given up, as the browser client does: 5,000 are more than the system keeps for `accept`, and whom
it forgot it would answer after 31 s, when the session has ended."""
MILLISECONDS = 1000
LEFT_OUT = "textbook"
"""It holds so many clients, but takes minutes to let them in."""

MEASURES = (
    Measure("connects a second", "/s"),
    Measure("resumes a second", "/s"),
    Measure("welcomed after the storm, p50", "ms"),
    Measure("welcomed after the storm, p99", "ms"),
    Measure("all welcomed", "ms"),
    Measure("attempts for each client", "times", is_compared=False),
    Measure("a call before, p50", "ms"),
    Measure("a call before, p99", "ms"),
    Measure("a call meanwhile, p50", "ms"),
    Measure("a call meanwhile, p99", "ms"),
)


@dataclass(frozen=True)
class Scale:
    """How large a storm is."""

    clients: int
    at_a_time: int
    """Connections and resumes whose rate is measured."""
    calm_seconds: float
    rounds: int


FULL = Scale(clients=5_000, at_a_time=1_000, calm_seconds=5.0, rounds=3)
QUICK = Scale(clients=20, at_a_time=10, calm_seconds=1.0, rounds=1)


async def storm(server: Server, scale: Scale) -> dict[str, float]:
    """One storm at a server that is new."""
    figures = await rates(server, scale.at_a_time)
    clients = await server.crowd.gather(scale.clients)
    pulse = Pulse(server)
    try:
        await pulse.begin()
        await asyncio.sleep(scale.calm_seconds)
        calm_until = monotonic()
        cut(server, clients)
        await asyncio.sleep(AWAY_SECONDS)
        began = monotonic()
        attempts = await asyncio.gather(*(come_back(server, client) for client in clients))
        welcomed = sorted(arrival - began for _, arrival in attempts)
        beats = await pulse.end()
    finally:
        pulse.kill()
    before = [took for start, took in beats if start < calm_until]
    meanwhile = [took for start, took in beats if began <= start <= began + welcomed[-1]]
    await server.crowd.disperse()
    return figures | {
        "welcomed after the storm, p50": percentile(welcomed, 0.5) * MILLISECONDS,
        "welcomed after the storm, p99": percentile(welcomed, 0.99) * MILLISECONDS,
        "all welcomed": welcomed[-1] * MILLISECONDS,
        "attempts for each client": sum(number for number, _ in attempts) / len(attempts),
        **_calls("before", before),
        **_calls("meanwhile", meanwhile),
    }


def _calls(when: str, took: Sequence[float]) -> dict[str, float]:
    if not took:
        return {}
    return {
        f"a call {when}, p50": percentile(list(took), 0.5) * MILLISECONDS,
        f"a call {when}, p99": percentile(list(took), 0.99) * MILLISECONDS,
    }


async def rates(server: Server, number: int) -> dict[str, float]:
    """Connections a second, and resumes."""
    await server.crowd.gather(min(WARM_UP, number), ABREAST)
    began = monotonic()
    clients = await server.crowd.gather(number, ABREAST)
    connected = monotonic()
    cut(server, clients)
    await asyncio.sleep(AWAY_SECONDS)
    gate, resuming = asyncio.Semaphore(ABREAST), monotonic()

    async def resume(client: Client) -> None:
        async with gate:
            await come_back(server, client)

    await asyncio.gather(*map(resume, clients))
    return {
        "connects a second": number / (connected - began),
        "resumes a second": number / (monotonic() - resuming),
    }


def cut(server: Server, clients: Sequence[Client]) -> None:
    """Their connections are lost, all at once."""
    server.crowd.check()
    for client in clients:
        client.is_leaving = True
        client.transport.disconnect(graceful=False)


async def come_back(server: Server, client: Client) -> tuple[int, float]:
    """How many attempts that took, and when the client was welcome. Raises Fault when it is not, or is another."""
    peer, hello, delay = client.peer, server.dialect.hello_again(client.welcome), FIRST_DELAY_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await client.arrive(client.path, hello, OPENING_SECONDS)
        except (Refused, OSError, WSError, TimeoutError):
            await asyncio.sleep(random.uniform(0, delay))  # noqa: S311 (jitter, no secret)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            continue
        arrival = monotonic()
        if client.peer != peer or not server.dialect.is_back(client.welcome):
            raise Fault("a client came back as somebody else")
        return attempt, arrival
    raise Fault(f"a client was not let in, {ATTEMPTS} times")


async def measure(scale: Scale, servers: Lineup) -> Figures:
    """Storms at each server in turn. Raises Fault."""
    figures = Figures(MEASURES)
    for number in range(scale.rounds):
        for name, make in servers.items():
            async with started(make(name)) as (server,):
                figures.add(name, await storm(server, scale))
            tell(f"storm at {name}, {number + 1} of {scale.rounds}")
    return figures


def braving() -> Lineup:
    """The servers that are put to it."""
    return {name: make for name, make in lineup({}).items() if name != LEFT_OUT}


def main() -> None:
    """Prints the figures, and keeps those of a full run; status 1 when somebody was not welcomed."""
    parser = argparse.ArgumentParser(prog="make storm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see whether it works, in seconds")
    arguments = parser.parse_args()
    gc.disable()  # a pause of ours would be read as one of theirs
    try:
        rows = uvloop.run(measure(QUICK if arguments.quick else FULL, braving())).rows()
    except Fault as fault:
        raise SystemExit(str(fault)) from None
    print(aligned(rows))
    if not arguments.quick:
        STORMS.keep(rows, machine.remarks())


if __name__ == "__main__":
    main()
