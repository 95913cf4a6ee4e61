"""Does an operator who looks at ten thousand sessions hold up signalling? `make status-page`.

Sessions with names, addresses and software of their own, some of them at tables, in this process. First every kind of
question is put to the desk by itself: how long it holds the event loop. Then a thread asks all the time, as the page
does, while sessions come and go; meanwhile a timer is set again and again, and what it is late by is the loop's lag.
The longest question and the lag's 99th percentile are judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time

from asgiref.sync import sync_to_async

from benchmarks.flat_cost import CountingWire
from benchmarks.password_lag import lag_milliseconds, percentile_99
from roundtable.config import Configuration
from signalling.limits import Limits
from signalling.operators.desk import on_loop
from signalling.operators.survey import Query
from signalling.runtime import Runtime
from signalling.sessions import Connection
from signalling.visitor import Visitor

SOFTWARE = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
AT_A_TABLE = 8
PROTOCOL_ERROR = 1002
"""A client that does not come back: its session ends at once."""
EVERY_SECONDS = 0.1
"""Between two questions: an operator's page asks every other second, and there may be twenty of them."""
COMING_SECONDS = 0.005
"""Between two sessions that come and go."""
QUESTIONS = {
    "as it opens": Query(),
    "the last page": Query(page=1_000_000),
    "by peer": Query(sort="peer", descending=False),
    "by name": Query(sort="name"),
    "by state, all alike": Query(sort="state"),
    "by tables": Query(sort="tables"),
    "by software": Query(sort="software"),
    "a name searched": Query(search="peer 77"),
    "nothing found": Query(search="nobody is called so"),
    "all found": Query(search="chrome", sort="last_seen"),
    "filtered": Query(filters={"state": "connected", "transport": "websocket"}),
    "a thousand rows": Query(per_page=1_000),
}


class Hall:
    """A runtime with that many sessions; its own, or one that has room for one more."""

    def __init__(self, sessions: int, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime(Configuration(limits=Limits(connections=sessions + 1)))
        self._number = 0
        self.connections = [self._come() for _ in range(sessions)]

    def _come(self) -> Connection:
        number = self._number = self._number + 1
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        guest = Visitor("", address, address, "http://127.0.0.1", None, software=f"{SOFTWARE} {number}")
        connection = self.runtime.open(CountingWire(), guest)
        self.runtime.receive(connection, json.dumps({"type": "hello", "name": f"Peer {number}"}))
        if number % 3 == 0:
            table = f"table {number // 3 // AT_A_TABLE}"
            self.runtime.receive(connection, json.dumps({"type": "join", "table": table}))
        return connection

    async def come_and_go(self, seconds: float) -> None:
        """One leaves and one comes, again and again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            gone = self.connections.pop(0)
            self.runtime.lose(gone, close_code=PROTOCOL_ERROR)
            self.connections.append(self._come())
            await asyncio.sleep(COMING_SECONDS)

    async def look(self, seconds: float) -> int:
        """Asks from a thread, one question after the other; how often a total was wrong."""
        end = time.monotonic() + seconds
        wrong, number, questions = 0, 0, list(QUESTIONS.values())
        while time.monotonic() < end:
            ask = sync_to_async(on_loop, thread_sensitive=False)
            page = await ask(self.runtime.desk.sessions, questions[number % len(questions)])
            wrong += page.total not in (len(self.connections), len(self.connections) - 1)
            number += 1
            await asyncio.sleep(EVERY_SECONDS)
        return wrong


def question_milliseconds(hall: Hall, query: Query, times: int) -> float:
    """How long one question holds the loop: CPU time, as the median."""
    spent = []
    for _ in range(times):
        before = time.process_time()
        hall.runtime.desk.sessions(query)
        spent.append((time.process_time() - before) * 1000)
    return statistics.median(spent)


async def measure(sessions: int, seconds: float, times: int = 7) -> tuple[float, float]:
    """The longest question and the lag's 99th percentile while the page is open, in milliseconds."""
    hall = Hall(sessions)
    longest = 0.0
    for name, query in QUESTIONS.items():
        spent = question_milliseconds(hall, query, times)
        longest = max(longest, spent)
        print(f"{name:20} {spent:6.2f} ms CPU")
    _, closed = await asyncio.gather(hall.come_and_go(seconds), lag_milliseconds(seconds))
    _, opened, wrong = await asyncio.gather(hall.come_and_go(seconds), lag_milliseconds(seconds), hall.look(seconds))
    for name, lags in (("closed", closed), ("open", opened)):
        print(f"page {name:6}: lag p50 {lags[len(lags) // 2]:5.2f} ms   p99 {percentile_99(lags):5.2f} ms")
    if wrong:
        raise SystemExit(f"{wrong} totals were wrong")
    return longest, percentile_99(opened)


def main() -> None:
    """Prints the figures; status 1 when a question or the lag is over what is still no hold-up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--question", type=float, default=15.0, help="milliseconds for which one may hold the loop")
    parser.add_argument("--most", type=float, default=50.0, help="milliseconds of lag that are still no hold-up")
    arguments = parser.parse_args()
    longest, lag = asyncio.run(measure(arguments.sessions, arguments.seconds))
    if longest > arguments.question or lag > arguments.most:
        raise SystemExit(f"the event loop is held up: over {arguments.question} or {arguments.most} ms")


if __name__ == "__main__":
    main()
