"""What the launcher gives to a server program, daphne or uvicorn: limits, one clock for all patience, and an end."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from roundtable.doors import Doors
from roundtable.ebb import Ebb
from roundtable.logs import logger
from roundtable.patrol import Patrol, Watched
from roundtable.runningclock import RunningClock
from signalling.addresses import Authority

if TYPE_CHECKING:
    from signalling.limits import Limits
    from signalling.operators.control import ControlSocket
    from signalling.runtime import Runtime

log = logger("roundtable.server")
refusals = logger("roundtable.server.refusals")

TICK_SECONDS = 0.25
"""How often connections are looked at; a quarter of the shortest patience when that is less."""
PATROL_SECONDS = 1.0
"""How often all of them are; the same holds."""

YOUNG_OBJECTS = 10_000
"""So many new objects make the collector look for cycles among them. Python's 700 are a few connections' worth, most of
which live on: an eighth of what a connection cost was looking at them again and again."""


class Launcher(ABC):
    """A server program's other half. Its end is written in roundtable/drain.py, with what is abstract here."""

    signal_handlers: bool
    """Whether it is this process's business to heed signals."""

    def __init__(self, runtime: Runtime, control: ControlSocket | None) -> None:
        self.runtime = runtime
        self.control = control
        self.limits = runtime.configuration.limits
        self.trusted_proxies = runtime.configuration.trustedproxies
        self.clock = RunningClock(tick_seconds(self.limits), time.monotonic())
        self._patrol = Patrol(self.watched, self.is_watched, min(PATROL_SECONDS, shortest_patience(self.limits) / 4))
        self.doors = Doors(self)
        self._ebb = Ebb()

    def begin(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Says that it listens at these; nothing that is there now will go."""
        where = " ".join(str(Authority(host, port)) for host, port in addresses)
        log.info("listening", address=where, loop=type(asyncio.get_event_loop()).__module__)
        gc.collect()
        gc.set_threshold(YOUNG_OBJECTS)
        gc.freeze()  # what is there now stays: no collection, nor the process's end, looks at Django's 110,000 objects

    def note_refusal(self, limit: str, event: str, **fields: Any) -> None:
        """A limit of the launcher's has refused somebody; the application counts its own in the same place."""
        self.runtime.switchboard.tally.count(limit)
        refusals.info(event, limit=limit, **fields)

    def check_timeouts(self) -> None:
        """Looks at those connections that are due; to be called every `clock.tick_seconds`."""
        self.clock.tick(time.monotonic())
        now = self.clock.seconds
        self._ebb.note(len(self.runtime.switchboard.peers), now)
        for connection in self._patrol.due(now):
            try:
                connection.check_timeouts()
            except Exception:  # a fault of ours about one connection must not stop the clock of all
                log.exception("time-outs could not be checked")

    @abstractmethod
    def watched(self) -> Iterable[Watched]:
        """All connections there are."""

    @abstractmethod
    def is_watched(self, connection: Watched) -> bool:
        """Whether it is one of them."""

    @abstractmethod
    async def stop_listening(self) -> None:
        """Takes no more connections; the system resets those that nobody has accepted yet."""

    @abstractmethod
    def dismiss_requests(self) -> None:
        """Nobody waits for a request that has not arrived whole."""

    @abstractmethod
    def is_busy(self) -> bool:
        """Whether anybody is here, or anything written has not left; idle connections are nobody."""

    @abstractmethod
    def close_sockets(self) -> None:
        """Says 1012 to each WebSocket that the application has left open."""

    @abstractmethod
    def left(self) -> int:
        """How many there are to wait for."""

    @abstractmethod
    async def cancel_what_is_left(self, within_seconds: float) -> None:
        """Ends them, and the connections to answerers."""


def heed_closed_terminal() -> None:
    """Whoever closes the terminal means the same as with Ctrl-C; nohup ignores it."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def tick_seconds(limits: Limits) -> float:
    """How often connections are looked at."""
    return min(TICK_SECONDS, shortest_patience(limits) / 4)


def shortest_patience(limits: Limits) -> float:
    """Seconds; nothing that is measured here lasts shorter."""
    return min(limits.heartbeat_seconds, limits.silence_seconds, limits.request_seconds)
