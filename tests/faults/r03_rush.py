"""R3: thousands connect at the same moment, and all are let in."""

import time
from dataclasses import dataclass

from tests.faults.crowd import Crowd
from tests.faults.findings import Findings
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.serverprocess import server

TITLE = "sockets at once"


@dataclass(frozen=True)
class Size:
    """How many."""

    sockets: int


QUICK = Size(sockets=150)
FULL = Size(sockets=2_000)


async def run(size: Size) -> Findings:
    """A handshake that is answered with anything but 101 ends the run, and so does one that is not answered."""
    with server({"loglevel": "info"}) as running:
        before = memory_megabytes(running.process.pid)
        crowd = Crowd(running.port)
        began = time.monotonic()
        try:
            await crowd.arrive(size.sockets, abreast=size.sockets)
            seconds = time.monotonic() - began
            held, after = crowd.held, memory_megabytes(running.process.pid)
            await crowd.leave()
        finally:
            crowd.stop()
        running.stop()
        assert_empty(running)
        assert_empty(running, "draining")
    assert held == size.sockets, f"{held} of {size.sockets} are in"
    assert not crowd.errors, crowd.errors
    crowd.assert_content()
    return Findings(
        {
            "sockets held": held,
            "memory before MB": before,
            "memory after MB": after,
            "seconds until all are in": seconds,
            "KB a socket": (after - before) * 1024 / held,
        }
    )
