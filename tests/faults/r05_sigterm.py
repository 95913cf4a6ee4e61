"""R5: SIGTERM under load: everybody is told, every offer ends, and the process is gone in time."""

import asyncio
import time
from dataclasses import dataclass

from tests.faults.crowd import HESITANT, Crowd, crowd_at
from tests.faults.findings import Findings
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.serverprocess import Server, server
from tests.waiting import comes_true

TITLE = "SIGTERM under load"
DRAINING, SERVICE_RESTART = 4000, 1012
SPARE_SECONDS = 1.0
"""For the end of the process itself, on a machine that is busy."""


@dataclass(frozen=True)
class Size:
    """`seconds` of load before the signal."""

    sockets: int
    seconds: float
    offers_per_second: float
    drain_seconds: float


QUICK = Size(sockets=64, seconds=0.7, offers_per_second=60, drain_seconds=3)
FULL = Size(sockets=2_000, seconds=15, offers_per_second=150, drain_seconds=10)


async def run(size: Size) -> Findings:
    """The load goes on while the server drains."""
    limits = {"drain_seconds": size.drain_seconds}
    with server({"loglevel": "info", "limits": limits}) as running:
        before = memory_megabytes(running.process.pid)
        async with crowd_at(running, size.sockets, seats=16, manners=HESITANT) as crowd:
            load = asyncio.create_task(crowd.talk(3_600, size.offers_per_second))
            await asyncio.sleep(size.seconds)
            outstanding, after = crowd.ledger.unaccounted, memory_megabytes(running.process.pid)
            seconds = await stop(running, size.drain_seconds)
            load.cancel()
            told = await told_share(crowd)
        assert_empty(running)
    assert outstanding, "nothing was outstanding at the signal"
    crowd.assert_content()
    crowd.ledger.assert_accounted()
    crowd.ledger.assert_none_broken()
    crowd.ledger.assert_in_order()
    return Findings(
        {
            "sockets held": size.sockets,
            **crowd.ledger.findings(),
            "faults injected": 1,
            "survived": 1,
            "memory before MB": before,
            "memory after MB": after,
            "drain seconds": seconds,
            "told": told,
            "outstanding at the signal": outstanding,
        }
    )


async def stop(running: Server, drain_seconds: float) -> float:
    """Sends SIGTERM; how long it took until the process had gone, with status 0. Fails when that is too long."""
    began = time.monotonic()
    status = await asyncio.to_thread(running.stop, drain_seconds + SPARE_SECONDS)
    assert status == 0, f"it ended with status {status}:\n{running.log[-2_000:]}"
    return time.monotonic() - began


async def told_share(crowd: Crowd) -> str:
    """The share of clients that were told, which is all. Told: `going_away` and then 4000, or 1012."""
    gone = await comes_true(lambda: crowd.held == 0, within=10)
    assert gone, f"{crowd.held} connections are still open after the process has ended"
    last = [client.close_codes[-1] for client in crowd.clients]
    told = sum(
        code == SERVICE_RESTART or (client.was_told and code == DRAINING)
        for client, code in zip(crowd.clients, last, strict=True)
    )
    assert told == len(crowd.clients), f"{told} of {len(crowd.clients)} were told; the codes: {dict(crowd.closes)}"
    return f"{100 * told / len(crowd.clients):.0f} %"
