"""R11: a client is away for too long, or too much is said to it meanwhile: it starts anew and everybody is told."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.core.wording import ANSWER, CANDIDATE, OFFER
from tests.faults.findings import Findings
from tests.faults.flaky import HOST, Flaky, How
from tests.faults.together import together
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.loopback import fresh_address
from tests.resumingclient import ResumingClient
from tests.serverprocess import Server, server

TITLE = "cut for longer than sessions are kept, and more said meanwhile than is held: a clean restart"


LONG_SECONDS = 120.0
"""For which sessions are kept where their time must not be up before something else happens."""
WAITS = {"first_wait_seconds": 0.05, "most_wait_seconds": 0.5, "patience_seconds": 20.0}
"""Clients that are back as soon as they are let through."""


@dataclass(frozen=True)
class Size:
    """How many pairs at once, how long a session is kept, and for how long its client is cut off."""

    pairs: int
    resume_seconds: float
    down_seconds: float
    buffer_frames: int


QUICK = Size(pairs=6, resume_seconds=0.5, down_seconds=1, buffer_frames=40)
FULL = Size(pairs=50, resume_seconds=30, down_seconds=35, buffer_frames=512)


@dataclass
class Established:
    """A call of two who sit at a table; the proxy is before the caller."""

    ada: ResumingClient
    bob: ResumingClient
    flaky: Flaky
    call: str
    table: str


async def run(size: Size) -> Findings:
    """Raises AssertionError when a client gets its session back with a gap, or is not told that it has a new one."""
    with server(_config(size, size.resume_seconds)) as hasty, server(_config(size, LONG_SECONDS)) as patient:
        before = memory_megabytes(patient.process.pid)
        ways = itertools.cycle(How)
        passing = [_window_passes(hasty, size, next(ways)) for _ in range(size.pairs)]
        overrunning = [_buffer_overruns(patient, size) for _ in range(size.pairs)]
        filling = [_buffer_is_just_filled(patient, size) for _ in range(size.pairs)]
        await together(passing + overrunning + filling)
        after = memory_megabytes(patient.process.pid)
        for running in (hasty, patient):
            await asyncio.to_thread(running.stop)
            assert_empty(running)
    cuts = 3 * size.pairs
    return Findings(
        {
            "sockets held": 2 * cuts,
            "offers sent": cuts,
            "accounted for": cuts,
            "unaccounted": 0,
            "faults injected": cuts,
            "survived": cuts,
            "memory before MB": before,
            "memory after MB": after,
            "resumed": size.pairs,
            "started anew": 2 * size.pairs,
        }
    )


def _config(size: Size, resume_seconds: float) -> dict[str, Any]:
    buffer_seconds = resume_seconds + 45
    limits = {"resume_seconds": resume_seconds, "buffer_seconds": buffer_seconds, "buffer_frames": size.buffer_frames}
    return {"limits": limits}


async def _window_passes(running: Server, size: Size, how: How) -> None:
    """Cut for too long. When the server does not see it, the session is the client's still, and is resumed."""
    async with _established(running) as here:
        here.flaky.go_down(how)
        await asyncio.sleep(size.down_seconds)
        if how is not How.UNSEEN:
            await _told_that_ada_is_gone(here)
        is_resumed = await _comes_up(here)
        assert is_resumed == (how is How.UNSEEN), f"cut for {size.down_seconds} s ({how}), resumed: {is_resumed}"
        if not is_resumed:
            await _begin_again(here)


async def _buffer_overruns(running: Server, size: Size) -> None:
    """One frame more than is held: the session ends at that moment, long before its time is up."""
    async with _established(running) as here:
        here.flaky.go_down()
        await _until_held(here)  # which is the first frame since she is away
        for number in range(size.buffer_frames):
            _trickle(here, f"{number}")
        await _told_that_ada_is_gone(here)
        assert not await _comes_up(here), "resumed with a gap"
        await _begin_again(here)


async def _buffer_is_just_filled(running: Server, size: Size) -> None:
    """As many frames as are held: all come, in their order."""
    async with _established(running) as here:
        here.flaky.go_down()
        probes = await _until_held(here)
        more = [str(number) for number in range(size.buffer_frames - probes)]
        for name in more:
            _trickle(here, name)
        assert await _comes_up(here), "a full buffer was not enough"
        await here.ada.expect("candidate", candidate={**CANDIDATE, "candidate": more[-1]})
        names = [frame["candidate"]["candidate"] for frame in here.ada.received_as("candidate")]
        assert names == ["probe"] * probes + more


async def _until_held(here: Established) -> int:
    """Says something until the server has seen that she is away and holds it; how often. All of it is hers to get."""
    for probes in itertools.count(1):
        _trickle(here, "probe", id=f"{probes}")
        if (await here.bob.expect("ack", id=f"{probes}"))["state"] == "held":
            break
    return probes


def _trickle(here: Established, name: str, **fields: str) -> None:
    here.bob.say("candidate", call=here.call, candidate={**CANDIDATE, "candidate": name}, **fields)


async def _comes_up(here: Established) -> bool:
    """Whether her session was resumed."""
    here.flaky.come_up()
    return await here.ada.comes_back()


async def _told_that_ada_is_gone(here: Established) -> None:
    await here.bob.expect("hangup", call=here.call, reason="gone")
    await here.bob.expect("peer_left", peer=here.ada.peer, reason="gone")


async def _begin_again(here: Established) -> None:
    """They sit at their table again, and call again."""
    here.ada.say("join", table=here.table)
    joined = await here.ada.expect("joined", table=here.table)
    assert [seated["peer"] for seated in joined["peers"]] == [here.bob.peer]
    await _call(here.ada, here.bob, str(uuid.uuid4()))


async def _call(ada: ResumingClient, bob: ResumingClient, call: str) -> None:
    ada.say("offer", call=call, to=bob.peer, description=OFFER)
    await bob.expect("offer", call=call)
    bob.say("answer", call=call, description=ANSWER)
    await ada.expect("answer", call=call)


@asynccontextmanager
async def _established(running: Server) -> AsyncIterator[Established]:
    call, source = str(uuid.uuid4()), fresh_address()
    async with (
        Flaky.before(running.port) as flaky,
        ResumingClient.welcomed(HOST, flaky.port, source, **WAITS) as ada,
        ResumingClient.welcomed(HOST, running.port, source, **WAITS) as bob,
    ):
        table = f"table {call[:8]}"
        for client in (bob, ada):
            client.say("join", table=table)
            await client.expect("joined", table=table)
        await _call(ada, bob, call)
        yield Established(ada, bob, flaky, call, table)
