"""R22: strangers flood the server in every way they know, all at once; good calls beside them notice nothing."""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass

from signalling.limits import Limits
from tests.faults.attacks import REACHED, aimed
from tests.faults.crowd import Crowd, crowd_at
from tests.faults.findings import Findings, percentile
from tests.faults.vitals import memory_megabytes, sampling
from tests.serverprocess import ROOT, Server, server

TITLE = "attacks T6, T14, T19 to T23 at once, beside good calls"
PAIRS = 20
GOOD_SECONDS = 0.5
"""The 99th percentile of the time from an offer to its answer."""
SPARE_SECONDS = 30.0


@dataclass(frozen=True)
class Size:
    """`strength` of the attacks; 1 is, of slow requests for example, 500 at a time."""

    seconds: float
    strength: float
    offers_per_second: float
    is_latency_judged: bool


QUICK = Size(seconds=3, strength=0.1, offers_per_second=20, is_latency_judged=False)
FULL = Size(seconds=60, strength=1, offers_per_second=40, is_latency_judged=True)


async def run(size: Size) -> Findings:
    """The good ones are pairs who call each other all the time."""
    with server({"loglevel": "warn", "forwardallow": ["127.0.0.0/8"]}) as running:
        before = memory_megabytes(running.process.pid)
        async with (
            crowd_at(running, 2 * PAIRS, seats=2) as crowd,
            sampling(running.process.pid, every_seconds=0.5) as samples,
        ):
            seen = await _talk_under_attack(running, crowd, size)
            held = crowd.held
            await crowd.leave()
    assert held == 2 * PAIRS, f"good clients were thrown out: {crowd.closes}"
    crowd.assert_content()
    crowd.ledger.assert_accounted()
    crowd.ledger.assert_none_broken()
    crowd.ledger.assert_nothing_lost()
    answered = crowd.ledger.outcomes["answer"]
    assert answered == crowd.ledger.offers, f"good calls failed: {crowd.ledger.outcomes}"
    _assert_victim_is_spared(seen)
    slow = percentile(crowd.ledger.answer_seconds, 0.99)
    if size.is_latency_judged:
        assert slow < GOOD_SECONDS, f"good calls were answered within {slow:.2f} s (p99)"
    return Findings(
        {
            "sockets held": held,
            **crowd.ledger.findings(),
            "memory before MB": before,
            "memory after MB": samples.megabytes[-1],
            "good calls": f"{100 * answered / crowd.ledger.offers:.0f} %",
            "most memory MB": max(samples.megabytes),
            **dict(sorted(seen.items())),
        }
    )


async def _talk_under_attack(running: Server, crowd: Crowd, size: Size) -> Counter[str]:
    """What the attackers saw."""
    attack = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.attacks", str(running.port), str(size.seconds), str(size.strength)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await crowd.talk(size.seconds, size.offers_per_second)
        await crowd.settle(within=SPARE_SECONDS)
        async with asyncio.timeout(SPARE_SECONDS):
            output, _ = await attack.communicate()
    finally:
        if attack.returncode is None:
            attack.kill()
    assert attack.returncode == 0, "the attackers failed; the reason is above"
    return Counter(json.loads(output))


def _assert_victim_is_spared(seen: Counter[str]) -> None:
    limits = Limits()
    most = limits.silent_target_burst + limits.silent_target_per_second * seen["seconds"]
    assert aimed(seen) > most, f"only {aimed(seen)} offers were aimed at the victim"
    assert seen[REACHED] <= most, f"the victim got more than {most} requests: {seen}"
