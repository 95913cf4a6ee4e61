"""Whether sound comes without a pause, looked at for as long as a test likes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.browser.chromium import Visitor

LONGEST_PAUSE_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.2


@dataclass
class Stream:
    """What one visitor gets over one connection: so many octets since a moment, and the longest time without more."""

    octets: int
    since: float
    pause_seconds: float = 0.0
    has_grown: bool = False

    def see(self, octets: int, now: float) -> None:
        """Between two looks that differ something came: who looks late has not found a pause."""
        if octets == self.octets:
            self.pause_seconds = max(self.pause_seconds, now - self.since)
        else:
            self.octets, self.since, self.has_grown = octets, now, True


@dataclass
class Flow:
    """The streams of some visitors, by name and number of the connection."""

    streams: dict[tuple[str, int], Stream] = field(default_factory=dict)

    async def look(self, visitors: tuple[Visitor, ...]) -> None:
        flows = await asyncio.gather(*(visitor.probe("flow()") for visitor in visitors))
        now = time.monotonic()
        for visitor, flow in zip(visitors, flows, strict=True):
            for number, octets in enumerate(flow):
                assert octets is not None, f"{visitor.name} has a connection over which nothing ever came"
                self.streams.setdefault((visitor.name, number), Stream(octets, now)).see(octets, now)

    def assert_never_paused(self) -> None:
        for (name, number), stream in self.streams.items():
            assert stream.has_grown, f"nothing came to {name} over connection {number}"
            pause = stream.pause_seconds
            assert pause < LONGEST_PAUSE_SECONDS, f"{name} heard nothing over connection {number} for {pause:.1f} s"


@asynccontextmanager
async def unbroken_flow(*visitors: Visitor) -> AsyncIterator[None]:
    """They hear each other already, all the time from here to the end, over the same connections.

    Raises AssertionError in the end, naming who heard nothing for a while or has another connection.
    """
    before = [await visitor.probe("pairs()") for visitor in visitors]
    flow = Flow()
    looking = asyncio.create_task(_keep_looking(flow, visitors))
    try:
        yield
        await flow.look(visitors)
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
    flow.assert_never_paused()
    assert [await visitor.probe("pairs()") for visitor in visitors] == before, "a connection was replaced"
    assert len(flow.streams) == sum(map(len, before)), "a connection was made beside those there were"


async def _keep_looking(flow: Flow, visitors: tuple[Visitor, ...]) -> None:
    while True:
        await flow.look(visitors)
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
