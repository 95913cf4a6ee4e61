"""What a server is given to do, and what it costs it: processor time in µs for each message, call or connection.

Messages come from all pairs at once, one from each, and the next when all have arrived: what a busy server sees.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import cycle, islice
from typing import TYPE_CHECKING

from benchmarks.client import WITHIN_SECONDS

if TYPE_CHECKING:
    from benchmarks.client import Gate, Pair, Take
    from benchmarks.servers import Server
    from benchmarks.sizes import Sizes

SETTLE_SECONDS = 0.002
"""For what a server does after it has written the last message."""
PARTING_SECONDS = 0.05
"""For what it does after the last connection was closed."""
CANDIDATES = 10
"""From each party of a call."""
MICROSECONDS = 1e6

Costs = dict[str, float]
"""By the name of the measure."""
Workload = Callable[["Server", "Sizes"], Awaitable[Costs]]


def share(server: Server, number: int) -> int:
    """How many of them this server gets."""
    return max(1, round(number * server.effort))


async def prepare(server: Server, sizes: Sizes) -> None:
    """The pairs come, and each has a call that lasts."""
    await server.crowd.pair_up(share(server, sizes.pairs))
    await establish(server)


async def establish(server: Server) -> None:
    """Every pair has a call that lasts."""
    calls = [(pair, pair.call) for pair in server.crowd.pairs]
    await server.crowd.relay("offer", calls)
    await server.crowd.relay("answer", turned(calls))


def turned(calls: list[tuple[Pair, str]]) -> list[tuple[Pair, str]]:
    """The same calls, as their callees see them."""
    return [(pair.turned(), call) for pair, call in calls]


async def offers(server: Server, sizes: Sizes) -> Costs:
    """New calls: offered, answered and hung up, each by all pairs at once."""
    times = share(server, sizes.offers)
    spent = {"offer": 0.0, "answer": 0.0, "hangup": 0.0}
    for _ in range(times):
        calls = [(pair, str(uuid.uuid4())) for pair in server.crowd.pairs]
        answers = turned(calls)
        before = server.meter.cpu_seconds
        for kind, said in (("offer", calls), ("answer", answers), ("hangup", calls)):
            await server.crowd.relay(kind, said)  # type: ignore[arg-type]  # a tuple of Kinds
            await asyncio.sleep(SETTLE_SECONDS)
            before, spent[kind] = server.meter.cpu_seconds, spent[kind] + server.meter.cpu_seconds - before
    return {f"{kind} relayed": seconds / times / len(calls) * MICROSECONDS for kind, seconds in spent.items()}


async def candidates(server: Server, sizes: Sizes) -> Costs:
    """Candidates in the calls that last."""
    return {"candidate relayed": await candidate_cost(server, share(server, sizes.candidates))}


async def candidate_cost(server: Server, times: int) -> float:
    """That of a candidate, of which every caller sends so many, and every callee."""
    calls = [(pair, pair.call) for pair in server.crowd.pairs]
    back = turned(calls)
    before = server.meter.cpu_seconds
    for number in range(times):
        await server.crowd.relay("candidate", back if number % 2 else calls)
    await asyncio.sleep(SETTLE_SECONDS)
    return (server.meter.cpu_seconds - before) / times / len(calls) * MICROSECONDS


async def calls(server: Server, sizes: Sizes) -> Costs:
    """Whole calls, in which each party does the next step when it may: offer, answer, ten candidates each way."""
    times = share(server, sizes.calls)
    spent = 0.0
    for _ in range(times):
        ids = [(pair, str(uuid.uuid4())) for pair in server.crowd.pairs]
        before = server.meter.cpu_seconds
        gate = server.crowd.gate(len(ids) * (2 + 2 * CANDIDATES))
        for pair, call in ids:
            negotiate(server, pair, call, gate)
        await gate.opened()
        await asyncio.sleep(SETTLE_SECONDS)
        spent += server.meter.cpu_seconds - before
        await server.crowd.relay("hangup", ids)
    return {"a call": spent / times / len(ids) * MICROSECONDS}


def negotiate(server: Server, pair: Pair, call: str, gate: Gate) -> None:
    """The caller offers; every message that arrives is counted at the gate."""
    crowd, dialect = server.crowd, server.dialect
    caller, callee = pair.caller, pair.callee
    from_caller = [dialect.say("candidate", call, callee.peer)] * CANDIDATES
    from_callee = [dialect.say("candidate", call, caller.peer)] * CANDIDATES
    answer = dialect.say("answer", call, caller.peer)
    trickled = crowd.passing("candidate", gate)

    def offered(frame: bytes) -> None:
        callee.take = trickled
        opening("offer", frame)
        for said in (answer, *from_callee):
            callee.say(said)

    def answered(frame: bytes) -> None:
        caller.take = trickled
        opening("answer", frame)
        for said in from_caller:
            caller.say(said)

    passing: dict[str, Take] = {"offer": crowd.passing("offer", gate), "answer": crowd.passing("answer", gate)}

    def opening(kind: str, frame: bytes) -> None:
        passing[kind](frame)

    callee.take, caller.take = offered, answered
    caller.say(dialect.say("offer", call, callee.peer))


async def at_a_rate(server: Server, sizes: Sizes) -> Costs:
    """Candidates one after the other, at a rate that leaves the server time: their cost, and how long each took."""
    number = share(server, round(sizes.per_second * sizes.seconds))
    crowd = server.crowd
    gate = crowd.gate(number)
    passing = crowd.passing("candidate", gate)
    took: list[float] = []
    senders = [_timed(server, pair, passing, took) for pair in crowd.pairs]
    before = server.meter.cpu_seconds
    pacing = asyncio.to_thread(pace, asyncio.get_running_loop(), senders, sizes.per_second, number)
    await asyncio.gather(gate.opened(), pacing)
    await asyncio.sleep(SETTLE_SECONDS)
    cost = (server.meter.cpu_seconds - before) / number * MICROSECONDS
    for pair in crowd.pairs:
        pair.callee.take = crowd.stray
    return {
        "a message at the rate": cost,
        "latency at the rate, p50": statistics.median(took) * MICROSECONDS,
        "latency at the rate, p99": percentile(took, 0.99) * MICROSECONDS,
    }


def _timed(server: Server, pair: Pair, passing: Take, took: list[float]) -> Callable[[], None]:
    """Sends one candidate of this pair; when it arrives, the time that it took is noted."""
    frame = server.dialect.say("candidate", pair.call, pair.callee.peer)
    under_way: deque[float] = deque()

    def take(delivered: bytes) -> None:
        took.append(time.perf_counter() - under_way.popleft())
        passing(delivered)

    def send() -> None:
        under_way.append(time.perf_counter())
        pair.caller.say(frame)

    pair.callee.take = take
    return send


def pace(loop: asyncio.AbstractEventLoop, senders: list[Callable[[], None]], per_second: int, number: int) -> None:
    """Lets the senders send in turn. In a thread, for the timers of event loops are good to a millisecond only."""
    stopping = threading.Event()
    due = time.perf_counter()
    for send in islice(cycle(senders), number):
        due += 1 / per_second
        stopping.wait(max(0.0, due - time.perf_counter()))
        loop.call_soon_threadsafe(send)


async def connects(server: Server, sizes: Sizes) -> Costs:
    """Clients come, are welcomed and close. Of ours, a session stays to be resumed; see the next."""
    return {"connect, hello, close": await connect_cost(server, sizes, None)}


async def visits(server: Server, sizes: Sizes) -> Costs:
    """Clients come, are welcomed and leave for good."""
    return {"connect, hello, bye": await connect_cost(server, sizes, server.dialect.bye)}


async def connect_cost(server: Server, sizes: Sizes, bye: bytes | None) -> float:
    """That of a connection, from its handshake to its end."""
    number = share(server, sizes.connects)
    queue = iter(range(number))
    server.crowd.check()

    async def visit() -> None:
        for _ in queue:
            client = await server.crowd.connect()
            await client.leave(bye)

    before = server.meter.cpu_seconds
    async with asyncio.timeout(WITHIN_SECONDS):
        await asyncio.gather(*(visit() for _ in range(sizes.connects_abreast)))
    await asyncio.sleep(PARTING_SECONDS)
    server.crowd.check()
    return (server.meter.cpu_seconds - before) / number * MICROSECONDS


def percentile(values: list[float], part: float) -> float:
    """The value below which this part of them is."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
