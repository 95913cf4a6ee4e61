"""R15: hundreds of table events to a session that does not take them: all come, or the session ends and says so."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.core.wording import ANSWER, CANDIDATE, OFFER
from tests.faults.findings import Findings
from tests.faults.flaky import HOST, Flaky
from tests.faults.together import together
from tests.faults.vitals import assert_empty, memory_megabytes
from tests.loopback import fresh_address
from tests.resumingclient import ResumingClient
from tests.serverprocess import Server, server

TITLE = "table events to a session that does not take them"
PROBE_SECONDS = 0.05
"""Between two, until the guest is cut off, a quarter of a second after too much waits for it."""
OVERRUN = 25
"""So many more are over 1 MiB, which is more than is held."""


@dataclass(frozen=True)
class Size:
    """How many events, to how many sessions one after the other, and how many frames are held for a session."""

    events: int
    sessions: int
    buffer_frames: int = 512


QUICK = Size(events=500, sessions=1)
FULL = Size(events=500, sessions=10)


@dataclass
class Table:
    """Whose events they are, and who is to get them, through a proxy."""

    name: str
    host: ResumingClient
    guest: ResumingClient
    flaky: Flaky


async def run(size: Size) -> Findings:
    """Raises AssertionError when an event is missing and nobody was told. Each way returns how many are."""
    assert size.events < size.buffer_frames
    with server({"limits": {"buffer_frames": size.buffer_frames, "messages_burst": 2_000}}) as running:
        before, lost = memory_megabytes(running.process.pid), 0
        for _ in range(size.sessions):
            missing = await together(
                (
                    _away(running, size.events),
                    _not_reading(running, size.events),
                    _away_for_too_many(running, size.buffer_frames + 1),
                    _not_reading_and_cut_off(running, size.events),
                )
            )
            lost += sum(missing)
        after = memory_megabytes(running.process.pid)
        await asyncio.to_thread(running.stop)
        assert_empty(running)
    assert not lost, f"{lost} events are missing, and nobody was told"
    return Findings(
        {
            "sockets held": 8,
            "faults injected": 4 * size.sessions,
            "survived": 4 * size.sessions,
            "memory before MB": before,
            "memory after MB": after,
            "events": size.sessions * (3 * size.events + size.buffer_frames + 1),
            "lost in silence": lost,
        }
    )


async def _away(running: Server, events: int) -> int:
    """The guest's connection is lost: all events come when it is back."""
    async with _table(running) as table:
        table.flaky.go_down()
        await _lock_over_and_over(table, events)
        table.flaky.come_up()
        assert await table.guest.comes_back(), "the session was not resumed"
        return events - await _come(table)


async def _not_reading(running: Server, events: int) -> int:
    """The guest is connected and reads nothing for a while: all events come when it reads."""
    async with _table(running) as table:
        table.guest.stop_reading()
        await _lock_over_and_over(table, events)
        table.guest.read_again()
        missing = events - await _come(table)
        assert not table.guest.resumed
        return missing


async def _away_for_too_many(running: Server, events: int) -> int:
    """One event more than is held: the others see the guest leave, and it is told that its session is another."""
    async with _table(running) as table:
        table.flaky.go_down()
        await _until_away(table)
        for number in range(events):
            table.host.say("lock", table=table.name, locked=number % 2 == 0)
        await table.host.expect("peer_left", peer=table.guest.peer, reason="gone")
        table.flaky.come_up()
        assert not await table.guest.comes_back(), "resumed with a gap"
        return 0


async def _not_reading_and_cut_off(running: Server, events: int) -> int:
    """So much else is sent to a guest which does not read that it is cut off: it gets all that is held, or is told."""
    async with _table(running) as table:
        await _call(table, call := str(uuid.uuid4()))
        table.guest.stop_reading()
        for number in range(events):
            table.host.say("candidate", call=call, candidate={**CANDIDATE, "candidate": "x" * 50_000})
            table.host.say("lock", table=table.name, locked=number % 2 == 0)
        await _until_not_delivered(table, call)
        for _ in range(OVERRUN):
            table.host.say("candidate", call=call, candidate={**CANDIDATE, "candidate": "x" * 50_000})
        await table.host.expect("peer_left", peer=table.guest.peer, reason="gone")
        table.guest.read_again()
        table.guest.cut()
        assert not await table.guest.comes_back(), "resumed with a gap"
        return 0


async def _call(table: Table, call: str) -> None:
    table.host.say("offer", call=call, to=table.guest.peer, description=OFFER)
    await table.guest.expect("offer", call=call)
    table.guest.say("answer", call=call, description=ANSWER)
    await table.host.expect("answer", call=call)


async def _until_away(table: Table) -> None:
    """What is said in a call to who is away is held."""
    call = str(uuid.uuid4())
    table.host.say("offer", call=call, to=table.guest.peer, description=OFFER)
    await _until_not_delivered(table, call)


async def _until_not_delivered(table: Table, call: str) -> None:
    """Says something in this call until it is held for the guest, or the guest is gone already."""
    while True:
        table.host.say("candidate", id="probe", call=call, candidate=CANDIDATE)
        if (await table.host.expect("ack", id="probe"))["state"] != "delivered":
            return
        await asyncio.sleep(PROBE_SECONDS)


async def _lock_over_and_over(table: Table, events: int) -> None:
    """So many events, all of which have happened when this returns."""
    for number in range(events):
        table.host.say("lock", table=table.name, locked=number % 2 == 0)
    table.host.say("ice_servers", id="all said")
    await table.host.expect("ice_servers", id="all said")


async def _come(table: Table) -> int:
    """How many have come to the guest: the first so many, in their order. That `seq` has no gap, the client checks."""
    table.guest.say("ice_servers", id="all read")
    await table.guest.expect("ice_servers", id="all read")
    states = [event["locked"] for event in table.guest.received_as("table")]
    assert states == [number % 2 == 0 for number in range(len(states))], f"{len(states)} events, not in their order"
    return len(states)


@asynccontextmanager
async def _table(running: Server) -> AsyncIterator[Table]:
    source = fresh_address()
    async with (
        Flaky.before(running.port) as flaky,
        ResumingClient.welcomed(HOST, running.port, source) as host,
        ResumingClient.welcomed(HOST, flaky.port, source, first_wait_seconds=0.05, most_wait_seconds=0.5) as guest,
    ):
        name = f"table {guest.peer[:8]}"
        for client in (host, guest):
            client.say("join", table=name)
            await client.expect("joined", table=name)
        yield Table(name, host, guest, flaky)
