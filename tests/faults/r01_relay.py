"""R1: thousands of sockets at full tables; calls are offered and candidates trickle all the time; nothing is lost."""

from dataclasses import dataclass

from tests.faults.crowd import MIXED, crowd_at
from tests.faults.findings import Findings
from tests.faults.vitals import allocated_megabytes, assert_empty, sampling
from tests.serverprocess import server

TITLE = "sockets at tables of 16; offers and candidates all the time"
MOST_MEGABYTES_PER_MINUTE = 1.0


@dataclass(frozen=True)
class Size:
    """How much. Memory is judged over `seconds`, after `warming_seconds` of the same.

    What is held for sessions to be resumed may be 90 s old, so until then memory must grow; the allocator takes some
    minutes more to settle: 100 MB in the first 90 s, 10 in the next 150, and then about 1 a minute, less and less.
    """

    sockets: int
    warming_seconds: float
    seconds: float
    offers_per_second: float
    answer_seconds: float
    is_slope_judged: bool


QUICK = Size(sockets=64, warming_seconds=0, seconds=1.5, offers_per_second=100, answer_seconds=1, is_slope_judged=False)
FULL = Size(
    sockets=2_000, warming_seconds=360, seconds=120, offers_per_second=200, answer_seconds=5, is_slope_judged=True
)


async def run(size: Size) -> Findings:
    """Everybody calls table-mates; most are answered, some rejected, some left without an answer."""
    with server({"loglevel": "info", "timeout": size.answer_seconds}) as running:
        pid = running.process.pid
        before = allocated_megabytes(pid)
        async with crowd_at(running, size.sockets, seats=16, manners=MIXED) as crowd:
            await crowd.talk(size.warming_seconds, size.offers_per_second)
            async with sampling(pid, every_seconds=size.seconds / 60) as samples:
                await crowd.talk(size.seconds, size.offers_per_second)
            held = crowd.held
            await crowd.settle(within=size.answer_seconds + 1)
            await crowd.leave()
        running.stop()
        assert_empty(running)
        assert_empty(running, "draining")
    assert held == size.sockets, f"{held} of {size.sockets} sockets were held"
    crowd.assert_content()
    crowd.ledger.assert_accounted()
    crowd.ledger.assert_none_broken()
    crowd.ledger.assert_nothing_lost()
    slope = samples.megabytes_per_minute
    if size.is_slope_judged:
        assert slope < MOST_MEGABYTES_PER_MINUTE, f"memory grows by {slope:.1f} MB a minute"
    return Findings(
        {
            "sockets held": held,
            **crowd.ledger.findings(),
            "memory before MB": before,
            "memory after MB": samples.megabytes[-1],
            "MB a minute": slope,
        }
    )
