"""R9: some clients stop reading while much is sent to them: they are cut off, and only they."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.client import Client
from tests.faults.crowd import Crowd, crowd_at
from tests.faults.findings import Findings
from tests.faults.vitals import assert_empty, memory_megabytes, sampling
from tests.serverprocess import server

TITLE = "clients stop reading"
PADDING = b',"padding":"' + b"x" * 30_000 + b'"'
RECEIVE_BUFFER_BYTES = 4_096
"""Of clients that will be deaf: little fits into what the system would hold for them."""
MOST_MESSAGES = 300
"""To one deaf client: 9 MB. A session may send 600 at once."""
BATCH = 10
WITHIN_SECONDS = 40.0
"""Below the 45 s after which they would be closed because they answer no ping."""
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Size:
    """`deaf` clients, and as many who send to them; `sockets` others who go about their calls."""

    sockets: int
    deaf: int
    offers_per_second: float
    unsent_bytes: int


QUICK = Size(sockets=32, deaf=4, offers_per_second=50, unsent_bytes=131_072)
FULL = Size(sockets=1_000, deaf=50, offers_per_second=100, unsent_bytes=1_048_576)


async def run(size: Size) -> Findings:
    """Those who are deaf go on sending pings, so that nobody takes them for dead."""
    limits = {"unsent_bytes": size.unsent_bytes, "buffer_bytes": size.unsent_bytes}
    with server({"loglevel": "info", "limits": limits}) as running:
        before = memory_megabytes(running.process.pid)
        async with (
            crowd_at(running, size.sockets, seats=16) as others,
            crowd_at(running, 2 * size.deaf, is_meshed=True, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as pairs,
            sampling(running.process.pid, every_seconds=0.1) as samples,
        ):
            load = asyncio.create_task(others.talk(3_600, size.offers_per_second))
            await _flood(pairs, pairs.clients[: size.deaf], pairs.clients[size.deaf :])
            load.cancel()
            await others.settle(within=20)
            held, senders_held = others.held, sum(client.is_present for client in pairs.clients[size.deaf :])
            after = memory_megabytes(running.process.pid)
            await others.leave()
            await pairs.leave()
        running.stop()
        assert_empty(running)
    assert (held, senders_held) == (size.sockets, size.deaf), f"others went too: {others.closes} {pairs.closes}"
    others.assert_content()
    others.ledger.assert_accounted()
    others.ledger.assert_none_broken()
    others.ledger.assert_nothing_lost()
    return Findings(
        {
            "sockets held": held + senders_held,
            **others.ledger.findings(),
            "faults injected": size.deaf,
            "survived": size.deaf,
            "memory before MB": before,
            "memory after MB": after,
            "most memory MB": max(samples.megabytes),
        }
    )


async def _flood(pairs: Crowd, deaf: Sequence[Client], senders: Sequence[Client]) -> None:
    """Each sender calls its deaf client, and then sends to it until it is gone."""
    calls = [sender.call(str(client.peer)) for sender, client in zip(senders, deaf, strict=True)]
    await pairs.settle(within=10)
    pairs.ledger.assert_accounted()
    for client in deaf:
        client.line.go_deaf()
    for number in range(int(WITHIN_SECONDS / PAUSE_SECONDS)):
        listed = zip(calls, senders, deaf, strict=True)
        left = [(call, sender, client) for call, sender, client in listed if client.is_present]
        if not left:
            return
        for call, sender, client in left:
            client.line.send(b'{"type":"ping"}')  # which also tells us when the connection is no more
            for _ in range(BATCH if number < MOST_MESSAGES // BATCH else 0):
                sender.trickle(call, str(client.peer), PADDING)
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{len(left)} of {len(deaf)} that do not read are still connected")
