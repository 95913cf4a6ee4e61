"""Pairs that call each other all the time, in a process of their own: whoever else drives a server does not delay them.

    python -m benchmarks.pulse PORT PeerJS

writes a line when the pairs are there, lets them call until its standard input ends, and then writes when each call
began (monotonic seconds) and how long it took from the offer to its answer, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from time import monotonic
from typing import TYPE_CHECKING

import uvloop

from benchmarks.client import WITHIN_SECONDS, Crowd, Fault, Pair
from benchmarks.dialects import PeerJS, Roundtable
from tests.serverprocess import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.dialects import Dialect
    from benchmarks.servers import Server

NETWORK = 90
PAIRS = 20
EVERY_SECONDS = 0.4
"""One pair calls so often: 50 calls a second in all."""
DIALECTS: dict[str, Callable[[], Dialect]] = {"PeerJS": PeerJS, "Roundtable": Roundtable}

Beats = list[tuple[float, float]]
"""When each call began, and how many seconds it took."""


class Pulse:
    """That process, seen from the one that started it."""

    def __init__(self, server: Server) -> None:
        command = [sys.executable, "-m", "benchmarks.pulse", str(server.port), type(server.dialect).__name__]
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    async def begin(self) -> None:
        """Returns when the pairs call. Raises Fault."""
        assert self._process.stdout is not None
        if not await asyncio.wait_for(asyncio.to_thread(self._process.stdout.readline), WITHIN_SECONDS):
            raise Fault("the pairs that call did not begin")

    async def end(self) -> Beats:
        """The calls that were made. Raises Fault when it failed."""
        output, _ = await asyncio.to_thread(self._process.communicate, b"", WITHIN_SECONDS)
        if self._process.returncode:
            raise Fault("the pairs that call failed; the reason is above")
        return [(began, took) for began, took in json.loads(output)]

    def kill(self) -> None:
        """Ends it, however it is."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


async def beat(crowd: Crowd, pair: Pair, beats: Beats, delay: float) -> None:
    """This pair calls again and again, the first time after this delay."""
    await asyncio.sleep(delay)
    dialect = crowd.dialect
    answered = asyncio.Event()
    call = ""

    def offered(frame: bytes) -> None:
        if frame.startswith(dialect.opening("offer")):
            pair.callee.say(dialect.say("answer", call, pair.caller.peer))

    def taken(frame: bytes) -> None:
        if frame.startswith(dialect.opening("answer")):
            answered.set()

    pair.callee.take, pair.caller.take = offered, taken
    while True:
        call, began = str(uuid.uuid4()), monotonic()
        answered.clear()
        pair.caller.say(dialect.say("offer", call, pair.callee.peer))
        await asyncio.wait_for(answered.wait(), WITHIN_SECONDS)
        beats.append((began, monotonic() - began))
        pair.caller.say(dialect.say("hangup", call, pair.callee.peer))
        await asyncio.sleep(EVERY_SECONDS)


async def run(port: int, name: str) -> Beats:
    """All pairs, until standard input ends."""
    crowd = Crowd(port, DIALECTS[name](), NETWORK)
    await crowd.pair_up(PAIRS)
    print("calling", flush=True)
    beats: Beats = []
    pairs = [
        asyncio.create_task(beat(crowd, pair, beats, EVERY_SECONDS * number / PAIRS))
        for number, pair in enumerate(crowd.pairs)
    ]
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    done, _ = await asyncio.wait({told, *pairs}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    for task in pairs:
        task.cancel()
    await asyncio.gather(*pairs, return_exceptions=True)
    await crowd.disperse()
    return beats


if __name__ == "__main__":
    json.dump(uvloop.run(run(int(sys.argv[1]), sys.argv[2])), sys.stdout)
