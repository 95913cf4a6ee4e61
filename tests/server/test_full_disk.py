"""A real server whose log finds no room on its disk: signalling goes on (R17)."""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.posting import ANSWER, OFFER
from tests.serverprocess import Server, server
from tests.wsclient import Peer

WITHIN_SECONDS = 10.0
LOST = "lines of this log were lost"


@contextmanager
def full_disk(running: Server, room_bytes: int) -> Iterator[None]:
    """Its files can grow to this size and no further, as on a disk that is full (setrlimit(2), RLIMIT_FSIZE)."""
    soft, hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (room_bytes, hard))
    yield
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


async def call(running: Server) -> None:
    """One good call."""
    async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
        dialled = await ada.dial(bob.id, OFFER)
        await bob.expect("offer", call=dialled)
        await bob.answer(dialled, ANSWER)
        await ada.expect("answer", call=dialled)
        await ada.bye()
        await bob.bye()


async def test_r17_a_log_on_a_full_disk_stops_nobody() -> None:
    with server({"logfile": "/dev/full"}) as running:
        for _ in range(10):
            await call(running)
        assert running.get("/readyz")[0] == 200
        assert running.stop() == 0
        assert running.log == ""


async def test_r17_when_there_is_room_again_the_log_goes_on_and_tells_how_much_it_lost(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with server({"logfile": str(log)}) as running:
        await call(running)
        with full_disk(running, log.stat().st_size + 100):
            for _ in range(10):
                await call(running)
        deadline = time.monotonic() + WITHIN_SECONDS
        while not (lost := [line for line in read(log) if line["msg"] == LOST]):
            assert time.monotonic() < deadline, "the log does not go on"
            await call(running)
        assert lost[0]["lines"] > 0
        assert running.stop() == 0
        assert read(log)[-1]["msg"] == "stopped"


def read(log: Path) -> list[dict[str, Any]]:
    """Its lines, each of which is whole but the one that found no room."""
    lines = log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]
