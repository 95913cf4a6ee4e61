"""T32: many come and go, and nothing of them stays: the registries are empty, and memory is what it was."""

from __future__ import annotations

import gc
import json
import logging
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from signalling.codes import CloseCode
from signalling.identity import forget_uuids
from signalling.limits import Limits
from signalling.runtime import Runtime
from signalling.sessions import Connection
from signalling.visitor import Visitor
from tests.forwarding import Clock
from tests.inprocess.application import configuration
from tests.posting import OFFER

SEATINGS = 20_000
RANDOM_CALLS = 100_000
SPARE_BLOCKS = 3_000
"""Of the interpreter's: one for every seventh seating, or every thirtieth call, would be more."""
UNHINDERED = {"messages_burst": 1_000_000, "unknown_peers": 1_000_000, "connections_per_address": 1_000}
DESCRIPTION = json.dumps(OFFER)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """pytest keeps every line of the log, and memory is what is measured here."""
    caplog.set_level(logging.ERROR, "signalling")


class Wire:
    """A client that reads everything and keeps only what came last."""

    def __init__(self) -> None:
        self._frame = b""

    def send(self, frame: bytes) -> None:
        self._frame = frame

    def close(self, code: CloseCode, reason: str) -> None:
        self._frame = b"{}"

    @property
    def kind(self) -> str:
        """The type of the frame that came last, or its code."""
        frame = json.loads(self._frame)
        return str(frame.get("code") or frame["type"])


def peer(runtime: Runtime, number: int = 1) -> tuple[Connection, Wire]:
    """A session from an address of its own."""
    wire = Wire()
    address = f"198.51.{number // 250}.{1 + number % 250}"
    connection = runtime.open(wire, Visitor("visitor", address, address, "", None))
    runtime.receive(connection, '{"type":"hello"}')
    assert wire.kind == "welcome"
    return connection, wire


def registries(runtime: Runtime) -> dict[str, int]:
    """The size of everything that grows with peers, calls and tables."""
    away = len(runtime.switchboard.presence.away)
    return {**runtime.census(), "away": away, "channels of sessions": len(runtime._channels)}


@contextmanager
def memory_returns(runtime: Runtime) -> Iterator[None]:
    """A while after this block the interpreter holds as many blocks of memory as before it, but for a few."""
    before = settled_blocks(runtime)
    yield
    assert settled_blocks(runtime) - before < SPARE_BLOCKS


def settled_blocks(runtime: Runtime) -> int:
    """Blocks of memory in use when all deadlines have passed: until then their queues hold who has gone.

    Without the ids that are kept for convenience, at most so many.
    """
    for _ in range(2):  # sessions end, and then nobody looks at them any more
        time_passes(runtime, 100)
    forget_uuids()
    gc.collect()
    return sys.getallocatedblocks()


def time_passes(runtime: Runtime, seconds: float) -> None:
    """Whatever is due happens."""
    assert isinstance(runtime.clock, Clock)
    runtime.clock.now += seconds
    while (due := runtime.switchboard.next_deadline()) is not None and due <= runtime.clock():
        runtime.switchboard.sweep(runtime.clock())
        runtime._perform()


def new_runtime(**limits: int) -> Runtime:
    """With a clock that stands still until it is moved."""
    return Runtime(configuration(limits={**UNHINDERED, **limits}), clock=Clock())


async def test_t32_20_000_joins_and_leaves_leave_nothing() -> None:
    runtime = new_runtime()

    def come_and_go(number: int) -> None:
        """Half of them leave, the others just go."""
        connection, wire = peer(runtime, number)
        runtime.receive(connection, json.dumps({"type": "join", "table": f"table {number % 7}"}))
        assert wire.kind == "joined"
        if number % 2:
            runtime.receive(connection, json.dumps({"type": "leave", "id": "l", "table": f"table {number % 7}"}))
            assert wire.kind == "ack"
        runtime.lose(connection)
        time_passes(runtime, 0.5)

    for number in range(100):
        come_and_go(number)
    with memory_returns(runtime):
        for number in range(SEATINGS):
            come_and_go(number)
    assert set(registries(runtime).values()) == {0}
    await runtime.close()


async def test_t32_calls_to_100_000_random_ids_leave_nothing() -> None:
    runtime = new_runtime()
    connection, wire = peer(runtime)

    def call_nobody() -> None:
        call, nobody = uuid.uuid4(), uuid.uuid4()
        runtime.receive(connection, f'{{"type":"offer","call":"{call}","to":"{nobody}","description":{DESCRIPTION}}}')

    for _ in range(1_000):  # as many ended calls as a session remembers, and more
        call_nobody()
    with memory_returns(runtime):
        for _ in range(RANDOM_CALLS):
            call_nobody()
    assert wire.kind == "peer_unavailable"
    runtime.lose(connection)
    settled_blocks(runtime)
    assert set(registries(runtime).values()) == {0}
    await runtime.close()


async def test_t32_sources_and_ids_without_number_fill_no_limiter_past_its_bound() -> None:
    tracked = 500
    runtime = new_runtime(tracked=tracked, unknown_peers=5)

    def strangers(numbers: range) -> None:
        for number in numbers:
            connection, _ = peer(runtime, number)
            runtime.receive(
                connection,
                f'{{"type":"offer","call":"{uuid.uuid4()}","to":"{uuid.uuid4()}","description":{DESCRIPTION}}}',
            )
            runtime.lose(connection)

    strangers(range(tracked + 100))
    with memory_returns(runtime):
        strangers(range(tracked + 100, 10 * tracked))
    assert len(runtime.switchboard._dialling._unknown) == tracked
    assert set(registries(runtime).values()) == {0}
    await runtime.close()


def test_t32_each_limiter_remembers_50_000_and_no_more() -> None:
    assert Limits().tracked == 50_000
