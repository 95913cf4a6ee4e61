"""R8: peers vanish without a FIN: their connections are reaped, and their table-mates are told, once.

They vanish by neither reading nor answering any more while their TCP connection stays open, as when a machine loses
its network: the server hears nothing, no pong and no FIN.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.client import Client
from tests.faults.crowd import Crowd, crowd_at
from tests.faults.findings import Findings
from tests.faults.vitals import assert_empty, memory_megabytes, open_sockets
from tests.serverprocess import server
from tests.waiting import comes_true

TITLE = "peers vanish without FIN"
SEATS = 16
WATCHERS = 4
"""At each table; the others vanish."""


@dataclass(frozen=True)
class Size:
    """`reaped_seconds`: from the silence to the end of the connection. `told_seconds`: to the last `peer_left`."""

    tables: int
    heartbeat_seconds: float
    silence_seconds: float
    resume_seconds: float
    reaped_seconds: float
    told_seconds: float

    @property
    def limits(self) -> dict[str, float]:
        """The server's."""
        names = ("heartbeat_seconds", "silence_seconds", "resume_seconds")
        return {name: getattr(self, name) for name in names}


QUICK = Size(tables=2, heartbeat_seconds=0.5, silence_seconds=1.2, resume_seconds=0.3, reaped_seconds=7, told_seconds=8)
FULL = Size(tables=42, heartbeat_seconds=20, silence_seconds=45, resume_seconds=30, reaped_seconds=46, told_seconds=77)


async def run(size: Size) -> Findings:
    """Of sixteen at each table twelve vanish at the same moment."""
    with server({"loglevel": "info", "limits": size.limits}) as running:
        before = memory_megabytes(running.process.pid)
        async with crowd_at(running, size.tables * SEATS, seats=SEATS) as crowd:
            vanishing = [client for number, client in enumerate(crowd.clients) if number % SEATS >= WATCHERS]
            reaped, told = await _vanish(running.process.pid, crowd, vanishing, size)
            after = memory_megabytes(running.process.pid)
            crowd.clients = [client for client in crowd.clients if client not in vanishing]
            await crowd.leave()
            for client in vanishing:
                client.stop()
        running.stop()
        assert_empty(running)
        assert_empty(running, "draining")
    crowd.assert_content()
    told_once = _assert_told_once(crowd, vanishing)
    return Findings(
        {
            "sockets held": size.tables * SEATS,
            "faults injected": len(vanishing),
            "survived": len(vanishing),
            "memory before MB": before,
            "memory after MB": after,
            "seconds until all connections were reaped": reaped,
            "seconds until all were told": told,
            "told once": f"{told_once} of {len(vanishing) * WATCHERS}",
        }
    )


async def _vanish(pid: int, crowd: Crowd, vanishing: Sequence[Client], size: Size) -> tuple[float, float]:
    """Seconds until all connections were reaped, and until all who stayed had been told."""
    expected = len(vanishing) * WATCHERS
    sockets = open_sockets(pid)
    began = time.monotonic()
    for client in vanishing:
        client.line.go_deaf()
    gone = await comes_true(
        lambda: open_sockets(pid) <= sockets - len(vanishing), size.reaped_seconds, every_seconds=0.1
    )
    reaped = time.monotonic() - began
    left = open_sockets(pid) - (sockets - len(vanishing))
    assert gone, f"{left} of {len(vanishing)} connections are still there after {reaped:.1f} s"
    told = await comes_true(lambda: _heard(crowd) == expected, size.told_seconds - reaped)
    assert told, f"{_heard(crowd)} of {expected} times a table-mate was told after {size.told_seconds} s"
    told_after = max(when for events in crowd.departures.values() for _, when in events) - began
    await asyncio.sleep(min(1.0, size.silence_seconds))  # for a second time, which must not come
    return reaped, told_after


def _heard(crowd: Crowd) -> int:
    return sum(map(len, crowd.departures.values()))


def _assert_told_once(crowd: Crowd, vanished: Sequence[Client]) -> int:
    """How many pairs of a witness and a peer that vanished; the witness was told exactly once."""
    gone = {client.peer for client in vanished}
    told = [events for (_, peer), events in crowd.departures.items() if peer in gone]
    for events in told:
        assert [reason for reason, _ in events] == ["gone"], events
    return len(told)
