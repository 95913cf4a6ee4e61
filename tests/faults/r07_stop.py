"""R7: the process is stopped for a while and then continued, under load: it has lost nobody and nothing."""

import asyncio
import signal
from dataclasses import dataclass

from tests.faults.crowd import crowd_at
from tests.faults.findings import Findings
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.serverprocess import server

TITLE = "the process is stopped, then continued"


@dataclass(frozen=True)
class Size:
    """`seconds` of load before and after; the process stands still for `stopped_seconds`."""

    sockets: int
    seconds: float
    stopped_seconds: float
    offers_per_second: float


QUICK = Size(sockets=64, seconds=0.3, stopped_seconds=1, offers_per_second=60)
FULL = Size(sockets=2_000, seconds=10, stopped_seconds=15, offers_per_second=50)


async def run(size: Size) -> Findings:
    """Clients go on talking while it stands still."""
    with server({"loglevel": "info"}) as running:
        before = memory_megabytes(running.process.pid)
        async with crowd_at(running, size.sockets, seats=16) as crowd:
            load = asyncio.create_task(crowd.talk(3_600, size.offers_per_second))
            await asyncio.sleep(size.seconds)
            running.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(size.stopped_seconds)
            running.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(size.seconds)
            load.cancel()
            await crowd.settle(within=20)
            held, after = crowd.held, memory_megabytes(running.process.pid)
            lost = dict(crowd.closes)
            await crowd.leave()
        running.stop()
        assert_empty(running)
        assert_empty(running, "draining")
    assert held == size.sockets, f"{size.sockets - held} sockets were lost: {lost}"
    crowd.assert_content()
    crowd.ledger.assert_accounted()
    crowd.ledger.assert_none_broken()
    crowd.ledger.assert_nothing_lost()
    return Findings(
        {
            "sockets held": held,
            **crowd.ledger.findings(),
            "faults injected": 1,
            "survived": 1,
            "memory before MB": before,
            "memory after MB": after,
        }
    )
