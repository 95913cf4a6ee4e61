"""Do wrong passwords hold up the event loop? `make password-lag`.

Peers, each from an address of its own, try wrong passwords at one table, each as fast as one session may speak. All of
it, from the decoding of the frame to the refusal that is written, happens on the event loop of this process; meanwhile
a timer is set again and again, and what it is late by is the loop's lag. First without guesses, then with; the 99th
percentile is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter

from benchmarks.flat_cost import CountingWire
from roundtable.config import Configuration
from signalling.runtime import Runtime
from signalling.sessions import Connection
from signalling.visitor import Visitor

TICK_SECONDS = 0.002


class Guessers:
    """A table with a password, and peers who do not know it."""

    def __init__(self, peers: int) -> None:
        configuration = Configuration()
        self.per_second = configuration.limits.messages_per_second
        self.runtime = Runtime(configuration)
        self._join(self._peer("203.0.113.1"), "excalibur")
        self.peers = [self._peer(f"198.51.{number // 250}.{number % 250}") for number in range(peers)]
        self.answers: Counter[str] = Counter()

    def _peer(self, source: str) -> Connection:
        guest = Visitor(id="", address=source, source=source, home="http://127.0.0.1", origin=None)
        connection = self.runtime.open(CountingWire(), guest)
        self.runtime.receive(connection, '{"type":"hello"}')
        return connection

    def _join(self, peer: Connection, password: str) -> str:
        self.runtime.receive(peer, json.dumps({"type": "join", "table": "camelot", "password": password}))
        assert isinstance(peer.wire, CountingWire)
        answer = json.loads(peer.wire.last)
        return str(answer.get("code", answer["type"]))

    async def guess(self, seconds: float) -> None:
        """All of them guess for so long, spread over time as they would be."""
        end = time.monotonic() + seconds
        pause = 1 / self.per_second / len(self.peers)
        number, due = 0, time.monotonic()
        while due < end:
            self.answers[self._join(self.peers[number % len(self.peers)], f"wrong {number}")] += 1
            number, due = number + 1, due + pause
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def lag_milliseconds(seconds: float) -> list[float]:
    """By how much a timer is late, sorted."""
    lags: list[float] = []
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        await asyncio.sleep(TICK_SECONDS)
        lags.append((time.monotonic() - now - TICK_SECONDS) * 1000)
    return sorted(lags)


def percentile_99(values: list[float]) -> float:
    """Of sorted values."""
    return values[int(len(values) * 0.99)]


async def measure(peers: int, seconds: float) -> tuple[float, Counter[str]]:
    """The lag's 99th percentile under guesses, in milliseconds, and what the guesses were answered."""
    guessers = Guessers(peers)
    quiet = await lag_milliseconds(seconds)
    _, busy = await asyncio.gather(guessers.guess(seconds), lag_milliseconds(seconds))
    print(f"{peers} peers, {sum(guessers.answers.values()) / seconds:.0f} guesses a second: {dict(guessers.answers)}")
    for name, lags in (("without", quiet), ("with", busy)):
        print(f"{name:8} guesses: lag p50 {lags[len(lags) // 2]:5.2f} ms   p99 {percentile_99(lags):5.2f} ms")
    return percentile_99(busy), guessers.answers


def main() -> None:
    """Prints the figures; status 1 when the lag is over `--most`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--most", type=float, default=20.0, help="milliseconds that are still no hold-up")
    arguments = parser.parse_args()
    lag, _ = asyncio.run(measure(arguments.peers, arguments.seconds))
    if lag > arguments.most:
        raise SystemExit(f"the event loop is held up: over {arguments.most} ms")


if __name__ == "__main__":
    main()
