"""R4: the process is killed under load and started again: everybody is back, as who they were."""

import asyncio
import time
from dataclasses import dataclass

from tests.faults.crowd import HESITANT, Crowd, crowd_at
from tests.faults.findings import Findings
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.serverprocess import Server, server
from tests.waiting import comes_true

TITLE = "kill -9 under load, and a restart"
BACK_WITHIN_SECONDS = 15.0
SHARE_BACK = 0.99
ALL_BACK_WITHIN_SECONDS = 40.0
"""Full jitter may leave a client that has failed a few times unluckily soon waiting for 30 s."""


@dataclass(frozen=True)
class Size:
    """`seconds` of load before the process is killed, and again when all are back."""

    sockets: int
    seconds: float
    offers_per_second: float
    answer_seconds: float
    jitter_seconds: float


QUICK = Size(sockets=64, seconds=0.5, offers_per_second=60, answer_seconds=1, jitter_seconds=0.02)
FULL = Size(sockets=2_000, seconds=15, offers_per_second=150, answer_seconds=5, jitter_seconds=1)


async def run(size: Size) -> Findings:
    """Offers that were outstanding have failed at the client when its session has; all others end as ever."""
    with server({"loglevel": "info", "timeout": size.answer_seconds}) as running:
        before = memory_megabytes(running.process.pid)
        async with crowd_at(
            running, size.sockets, seats=16, manners=HESITANT, comes_back=True, jitter_seconds=size.jitter_seconds
        ) as crowd:
            load = asyncio.create_task(crowd.talk(3_600, size.offers_per_second))
            await asyncio.sleep(size.seconds)
            outstanding = await _kill(running, crowd)
            seconds, share = await _restart(running, crowd)
            left = outstanding & crowd.ledger.open.keys()
            assert not left, f"{len(left)} offers have not ended though their clients are back, in new sessions"
            await asyncio.sleep(size.seconds)
            load.cancel()
            await crowd.settle(within=size.answer_seconds + 1, is_lossless=False)
            after = memory_megabytes(running.process.pid)
            await crowd.leave()
        running.stop()
        assert_empty(running)
    assert outstanding, "nothing was outstanding when it was killed"
    crowd.assert_content()
    crowd.ledger.assert_accounted()
    crowd.ledger.assert_in_order()
    assert crowd.begun_anew == size.sockets, f"{crowd.begun_anew} sessions began anew"
    return Findings(
        {
            "sockets held": size.sockets,
            **crowd.ledger.findings(),
            "faults injected": 1,
            "survived": 1,
            "memory before MB": before,
            "memory after MB": after,
            "outstanding when killed": len(outstanding),
            f"back within {BACK_WITHIN_SECONDS:.0f} s": f"{100 * share:.1f} %",
            "seconds until all are back": seconds,
        }
    )


async def _kill(running: Server, crowd: Crowd) -> set[str]:
    """The offers that were outstanding."""
    running.kill()
    gone = await comes_true(lambda: crowd.held == 0, within=5)
    assert gone, f"{crowd.held} clients have not noticed"
    return set(crowd.ledger.open)


async def _restart(running: Server, crowd: Crowd) -> tuple[float, float]:
    """How long it took until all were back, and the share of those who were soon."""
    everybody = len(crowd.clients)
    began = time.monotonic()
    running.restart()
    await comes_true(lambda: crowd.present == everybody, BACK_WITHIN_SECONDS)
    share = crowd.present / everybody
    assert share >= SHARE_BACK, f"{crowd.present} of {everybody} are back within {BACK_WITHIN_SECONDS:.0f} s"
    back = await comes_true(lambda: crowd.present == everybody, ALL_BACK_WITHIN_SECONDS - BACK_WITHIN_SECONDS)
    assert back, f"{crowd.present} of {everybody} are back within {ALL_BACK_WITHIN_SECONDS:.0f} s"
    return time.monotonic() - began, share
