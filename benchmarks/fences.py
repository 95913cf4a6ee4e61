"""The fences stay up while we measure: which of their numbers are others than the defaults, and that each holds.

Every check is executed. Clients come from so many addresses that nothing which counts by address need be changed, and
offers are posted to so many answerers that nothing need be which counts by them. What remains is in `limits_for`, with
numbers that this run cannot reach, and `show` goes one further.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picows import ws_connect

from benchmarks.client import HOST, WITHIN_SECONDS, Client, Fault, lone_address
from benchmarks.workloads import CANDIDATES
from signalling.codes import CloseCode
from signalling.limits import Limits

if TYPE_CHECKING:
    from benchmarks.servers import Server
    from benchmarks.sizes import Sizes

MARGIN = 100
AT_ONCE = 500
"""Messages of a client that waits for their replies then."""
DEFAULTS = Limits()


def keys_for(sizes: Sizes) -> dict[str, object]:
    """The configuration of our servers in a run of these sizes; all else has its default."""
    return {"forwardallow": ["127.0.0.0/8"], "limits": limits_for(sizes)}


def limits_for(sizes: Sizes) -> dict[str, int]:
    """What `limits` are changed to."""
    in_a_round = 2 * sizes.offers + sizes.candidates + sizes.calls * (CANDIDATES + 2)
    at_the_rate = int(sizes.per_second * sizes.seconds / sizes.pairs) + 1
    present = (sizes.many + 2 * sizes.flat_pairs, 2 * (sizes.pairs + sizes.connects_abreast), sizes.sessions)
    return {
        "connections": max(*present, 2 * sizes.all_rounds * sizes.connects) + MARGIN,
        "messages_burst": 2 * sizes.all_rounds * (in_a_round + at_the_rate) + MARGIN,
    }


@dataclass(frozen=True)
class Shown:
    """What came of going one further than a limit."""

    limit: str
    number: int
    passed: int
    seconds: float
    refusal: str

    def __str__(self) -> str:
        default = getattr(DEFAULTS, self.limit)
        return (
            f"{self.limit}: {self.number} (default {default}): "
            f"{self.passed} in {self.seconds:.1f} s passed, the next was refused: {self.refusal}"
        )

    def check(self, per_second: float) -> Shown:
        """Itself. Raises Fault when more passed than the number and what flows in, or when less did."""
        most = self.number + per_second * self.seconds + 1
        if not self.number <= self.passed <= most:
            raise Fault(f"not as configured: {self}")
        return self


async def show(server: Server, limits: Mapping[str, int]) -> list[Shown]:
    """Goes one further than each of these limits, at one of our servers that has nobody else.

    Connections first: whoever is cut off in the other may still be there for a moment, and would be one of them.
    """
    return [
        await _connections(server, limits["connections"]),
        await _messages(server, limits["messages_burst"]),
    ]


async def _messages(server: Server, number: int) -> Shown:
    client = await server.crowd.connect()
    client.is_leaving = True  # with so many messages refused the server may close
    replies: asyncio.Queue[bytes] = asyncio.Queue()
    client.take = replies.put_nowait
    passed, began = 1, time.monotonic()  # the hello was one
    while True:
        for _ in range(AT_ONCE):
            client.say(b'{"type":"ping","id":"p"}')
        for _ in range(AT_ONCE):
            reply = json.loads(await asyncio.wait_for(replies.get(), WITHIN_SECONDS))
            if reply["type"] == "error":
                shown = Shown("messages_burst", number, passed, time.monotonic() - began, reply["code"])
                await client.cut()
                return shown.check(DEFAULTS.messages_per_second)
            passed += 1


async def _connections(server: Server, number: int) -> Shown:
    began = time.monotonic()
    await server.crowd.gather(number)
    seconds = time.monotonic() - began
    client = Client(server.crowd)
    client.is_leaving = True
    url = f"ws://{HOST}:{server.port}{server.dialect.path()}"
    await ws_connect(lambda: client, url, local_addr=(lone_address(), 0))
    await asyncio.wait_for(client.transport.wait_disconnected(), WITHIN_SECONDS)
    received = client.transport.close_handshake.recv
    code = int(received.code) if received is not None else None  # type: ignore[call-overload]
    if code != CloseCode.TOO_MANY_CONNECTIONS:
        raise Fault(f"one connection too many was closed with {code}")
    await server.crowd.disperse()
    return Shown("connections", number, number, seconds, f"closed with {code}")
