"""Does a relay at a table cost more when more peers are connected? `make flat-cost`.

One runtime with its switchboard and channel layer in this process, and wires that count. At a table of four, every
member sends candidates to the others in its calls; a fifth peer sits down and gets up again, which the four are told
through the layer. Rounds with few and with many other peers are interleaved. What is compared is the CPU time of this
process, as the median over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import uuid
from typing import TYPE_CHECKING

from roundtable.config import Configuration
from signalling.limits import Limits
from signalling.runtime import Runtime
from signalling.visitor import Visitor

if TYPE_CHECKING:
    from signalling.codes import CloseCode
    from signalling.sessions import Connection

CANDIDATE = {"candidate": "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
SEATS = 4
UNLIMITED = 1_000_000


class CountingWire:
    """A connection that only counts what is written to it, and keeps the last frame."""

    def __init__(self) -> None:
        self.frames = 0
        self.last = b"{}"

    def send(self, frame: bytes) -> None:
        """One frame."""
        self.frames += 1
        self.last = frame

    def close(self, code: CloseCode, reason: str) -> None:
        """A benchmark in which somebody is thrown out measures nothing."""
        raise AssertionError(f"closed with {code}: {reason}")


class Crowd:
    """A runtime with a table of four and any number of other peers."""

    def __init__(self, others: int) -> None:
        limits = Limits(
            connections=others + SEATS + 1,
            connections_per_address=others + SEATS + 1,
            messages_per_second=UNLIMITED,
            messages_burst=UNLIMITED,
        )
        self.runtime = Runtime(Configuration(limits=limits))
        self.wires: list[CountingWire] = []
        self.members = [self._peer() for _ in range(SEATS)]
        self.guest = self._peer()
        for _ in range(others):
            self._peer()
        self.calls: list[tuple[Connection, str]] = []
        for member in self.members:
            self._sit_down(member)

    def _peer(self) -> Connection:
        wire = CountingWire()
        guest = Visitor(id="", address="127.0.0.1", source="127.0.0.1", home="http://127.0.0.1", origin=None)
        connection = self.runtime.open(wire, guest)
        self.runtime.receive(connection, '{"type":"hello"}')
        self.wires.append(wire)
        return connection

    def _sit_down(self, member: Connection) -> None:
        assert member.session is not None
        self.runtime.receive(member, '{"type":"join","table":"camelot"}')
        assert isinstance(member.wire, CountingWire)
        for seated in json.loads(member.wire.last)["peers"]:
            call = str(uuid.uuid4())
            offer = {"type": "offer", "call": call, "to": seated["peer"], "table": "camelot"}
            self.runtime.receive(member, json.dumps({**offer, "description": {"type": "offer", "sdp": "v=0"}}))
            callee = self.runtime.switchboard.peers[seated["peer"]].connection
            answer = {"type": "answer", "call": call, "description": {"type": "answer", "sdp": "v=0"}}
            self.runtime.receive(callee, json.dumps(answer))
            self.calls += [(member, call), (callee, call)]

    def relay(self, times: int) -> float:
        """Every member sends that many candidates in each of its calls: CPU microseconds for each that is relayed."""
        frames = [
            (sender, json.dumps({"type": "candidate", "call": call, "candidate": CANDIDATE}))
            for sender, call in self.calls
        ]
        before, written = time.process_time(), self._written()
        for _ in range(times):
            for sender, frame in frames:
                self.runtime.receive(sender, frame)
        spent = time.process_time() - before
        relayed = self._written() - written
        assert relayed == times * len(frames) == times * SEATS * (SEATS - 1)
        return spent / relayed * 1e6

    def move(self, times: int) -> float:
        """Somebody who sits elsewhere sits down and gets up again that often: CPU microseconds for each event told."""
        before, written = time.process_time(), self._written()
        for _ in range(times):
            self.runtime.receive(self.guest, '{"type":"join","table":"camelot"}')
            self.runtime.receive(self.guest, '{"type":"leave","table":"camelot"}')
        spent = time.process_time() - before
        told = self._written() - written - times  # `joined` is the guest's own
        assert told == times * 2 * SEATS
        return spent / told * 1e6

    def _written(self) -> int:
        return sum(wire.frames for wire in self.wires)


async def measure(few: int, many: int, rounds: int, times: int) -> dict[str, float]:
    """The ratios, many to few, of the medians."""
    crowds = {"few": Crowd(few), "many": Crowd(many)}
    costs: dict[str, list[float]] = {f"{what} {who}": [] for what in ("relay", "event") for who in crowds}
    for number in range(rounds):
        for who in ("few", "many") if number % 2 else ("many", "few"):
            costs[f"relay {who}"].append(crowds[who].relay(times))
            costs[f"event {who}"].append(crowds[who].move(times))
    medians = {name: statistics.median(figures) for name, figures in costs.items()}
    for name, figures in costs.items():
        print(
            f"{name:12} median {medians[name]:6.2f} µs CPU   lowest {min(figures):6.2f}   highest {max(figures):6.2f}"
        )
    ratios = {what: medians[f"{what} many"] / medians[f"{what} few"] for what in ("relay", "event")}
    for what, ratio in ratios.items():
        print(f"{what}: {many} other peers against {few}: {ratio:.3f}")
    return ratios


def main() -> None:
    """Prints the figures; status 1 when a ratio is over `--most`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=2_000)
    parser.add_argument("--most", type=float, default=1.1, help="the ratio that is still flat")
    arguments = parser.parse_args()
    ratios = asyncio.run(measure(arguments.few, arguments.many, arguments.rounds, arguments.times))
    if max(ratios.values()) > arguments.most:
        raise SystemExit(f"not flat: a ratio is over {arguments.most}")


if __name__ == "__main__":
    main()
