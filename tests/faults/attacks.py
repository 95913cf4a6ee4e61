"""Strangers who all attack at once, in a process of their own: `python -m tests.faults.attacks PORT SECONDS STRENGTH`.

Each attack goes on until the time is over and comes back when it is thrown out. They run at a lower priority, for on
this machine they would otherwise take from the server what real strangers take from their own machines. What they saw
is written to standard output as JSON.
"""

import asyncio
import json
import logging
import math
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import aiohttp

from tests import answerers
from tests.faults.line import Line, Refused
from tests.faults.r09_deaf import RECEIVE_BUFFER_BYTES
from tests.posting import offer, post
from tests.serverprocess import HOST
from tests.waiting import until

PAUSE_SECONDS = 1.0
"""Between being thrown out and coming back."""
OPEN_SECONDS = 10.0
AIMED_AT_ONCE = 10
AIMED_WITHIN_SECONDS = 15.0
"""On a busy machine they may not have got to it while the others attacked."""
VICTIM = "127.99.1.1"
HELLO = b'{"type":"hello"}'
_PINGS = b"\x89\x80\0\0\0\0" * 1_000
_FRAGMENTS = b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 1_000
_BIG = b'{"type":"ping","padding":"' + b"x" * 60_000 + b'"}'

REACHED = "T6 requests to the victim"

seen: Counter[str] = Counter()
_numbers = count()


def strange_address() -> str:
    """An address of the attackers, a new one each time."""
    number = next(_numbers)
    return f"127.{100 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


@asynccontextmanager
async def intruder(port: int, address: str, receive_buffer_bytes: int | None = None) -> AsyncIterator[Line]:
    """A WebSocket that has said hello. What it hears is in `seen`."""
    line = Line(lambda text: None, lambda code: seen.update([f"closed {code}"]))
    async with asyncio.timeout(OPEN_SECONDS):
        await line.open(HOST, port, address, receive_buffer_bytes)
    line.send(HELLO)
    try:
        yield line
    finally:
        line.abort()


async def aim_at_a_victim(port: int) -> None:
    """T6: offers over HTTP for somebody who never asked for them."""
    for _ in range(AIMED_AT_ONCE):
        with suppress(aiohttp.ClientError, OSError):
            reply = await post(
                f"http://{HOST}:{port}", offer(at=f"http://{VICTIM}:{victim_port}"), source=strange_address()
            )
            seen[f"T6 {reply.status} {reply.code}"] += 1


async def dawdle(port: int) -> None:
    """T14: a request that is never whole, a byte at a time."""
    _, writer = await asyncio.open_connection(HOST, port, local_addr=(strange_address(), 0))
    writer.write(b"GET /signal HTTP/1.1\r\nHost: here\r\nX-Slow: ")
    try:
        while not writer.is_closing():
            seen["T14 bytes"] += 1
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(2)
    finally:
        writer.close()


async def flood(port: int, piece: bytes) -> None:
    """T19, T21: the same bytes for as long as the connection lasts."""
    async with intruder(port, strange_address()) as line:
        while await line.drained():
            seen["flooded bytes"] += len(piece)
            line.send_bytes(piece)
            await asyncio.sleep(0)


async def flood_with_frames(port: int) -> None:
    """T19: big messages, as fast as they are taken."""
    async with intruder(port, strange_address()) as line:
        while await line.drained():
            seen["T19 messages"] += 1
            line.send(_BIG)
            await asyncio.sleep(0)


async def go_deaf(port: int) -> None:
    """T20: asks for more than it reads."""
    async with intruder(port, strange_address(), RECEIVE_BUFFER_BYTES) as line:
        line.go_deaf()
        while await line.drained():
            seen["T20 messages"] += 1
            line.send(b'{"type":"ice_servers","id":"' + b"x" * 64 + b'"}')
            await asyncio.sleep(0.03)


async def send_a_thousand(port: int) -> None:
    """T22: a thousand messages at once, twice."""
    async with intruder(port, strange_address()) as line:
        for _ in range(2):
            for _ in range(1_000):
                line.send(b'{"type":"ice_servers"}')
            seen["T22 bursts"] += 1
            if not await line.drained(0):
                break
            await asyncio.sleep(1)


async def crowd_in(port: int) -> None:
    """T23: a hundred connections from one address, at the same time."""
    address = strange_address()

    async def stay() -> None:
        with suppress(OSError, Refused, TimeoutError):
            async with intruder(port, address):
                seen["T23 connections"] += 1
                await asyncio.sleep(3)

    await asyncio.gather(*(stay() for _ in range(100)))


Attack = Callable[[int], Awaitable[None]]


def attacks(strength: float) -> Iterator[Attack]:
    """As many of each as the strength says; 1 is full strength."""
    kinds: list[tuple[Attack, int]] = [
        (aim_at_a_victim, 10),
        (dawdle, 500),
        (flood_with_frames, 4),
        (go_deaf, 10),
        (lambda port: flood(port, _PINGS), 4),
        (lambda port: flood(port, _FRAGMENTS), 4),
        (send_a_thousand, 5),
        (crowd_in, 2),
    ]
    for attack, times in kinds:
        yield from [attack] * max(1, round(times * strength))


async def again_and_again(attack: Attack, port: int) -> None:
    """Comes back a while after it was thrown out."""
    while True:
        with suppress(OSError, Refused, TimeoutError):
            await attack(port)
        await asyncio.sleep(PAUSE_SECONDS)


def aimed(seen: Counter[str]) -> int:
    """How many offers for the victim were answered in one way or another."""
    return sum(times for what, times in seen.items() if what.startswith("T6 ") and what != REACHED)


victim_port = 0


async def main(port: int, seconds: float, strength: float) -> None:
    """All attacks at once."""
    global victim_port
    os.nice(10)
    async with answerers.listening(answerers.answering(b"no", status="404 Not Found"), VICTIM) as victim:
        victim_port = victim.port
        tasks = [asyncio.create_task(again_and_again(attack, port)) for attack in attacks(strength)]
        began = time.monotonic()
        await asyncio.sleep(seconds)
        await until(lambda: aimed(seen) >= AIMED_AT_ONCE, AIMED_WITHIN_SECONDS)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), repr(ended)
        seen[REACHED] = len(victim.requests)
        seen["seconds"] = math.ceil(time.monotonic() - began)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each write to a connection that the server ended
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
