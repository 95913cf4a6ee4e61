"""Clients in bulk, from so many addresses that the limits by address stay as they are.

with server() as running:
    async with crowd_at(running, sockets=2_000, seats=16) as crowd:
        await crowd.talk(seconds=60, offers_per_second=200)
        await crowd.settle()
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING

from signalling.limits import Limits
from tests.faults.client import Client, Frame
from tests.faults.ledger import Ledger
from tests.serverprocess import HOST, Server
from tests.waiting import comes_true

if TYPE_CHECKING:
    from collections.abc import Sequence

PER_ADDRESS = Limits().connections_per_address
ABREAST = 100
"""Clients that enter at the same time, unless a scenario wants a rush."""
TICK_SECONDS = 0.01
ANSWERING = {"answer": 1.0}
MIXED = {"answer": 0.9, "reject": 0.04, "hangup": 0.03, "silence": 0.03}
HESITANT = {"answer": 0.7, "silence": 0.3}
"""What callees do, and how often; with hesitant ones many offers are outstanding."""

_networks = count(16)


class Crowd:
    """Clients of one server, and what they did together."""

    def __init__(
        self,
        port: int,
        *,
        manners: dict[str, float] = ANSWERING,
        comes_back: bool = False,
        jitter_seconds: float = 1.0,
        is_meshed: bool = False,
        candidates: int = 2,
        call_seconds: float = 0.5,
        receive_buffer_bytes: int | None = None,
        seed: int = 1,
    ) -> None:
        self.host, self.port = HOST, port
        self.comes_back = comes_back
        """Whether clients that lose their connection reconnect."""
        self.jitter_seconds = jitter_seconds
        """The most that they wait before the first attempt; each further one may wait twice as long."""
        self.is_meshed = is_meshed
        """Whether newcomers call everybody at their table, and these calls last."""
        self.candidates = candidates
        """From each party of an answered call."""
        self.call_seconds = call_seconds
        self.receive_buffer_bytes = receive_buffer_bytes
        self.chance = random.Random(seed)
        self._manners, self._weights = list(manners), list(manners.values())
        self._network = next(_networks)
        self.clients: list[Client] = []
        self._by_peer: dict[str, Client] = {}
        self.ledger = Ledger()
        self.closes: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.complaints: Counter[str] = Counter()
        """What no client may ever see."""
        self.resumed = 0
        self.begun_anew = 0
        self.departures: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
        """By witness and peer: the reasons of `peer_left`, and when."""

    # What the clients ask and tell

    def manner(self) -> str:
        """What the callee of an offer does."""
        return self._manners[0] if len(self._manners) == 1 else self.chance.choices(self._manners, self._weights)[0]

    def note_welcome(self, client: Client, welcome: Frame) -> None:
        """A client is welcome, for the first time or again."""
        self._by_peer[welcome["peer"]] = client
        if client.peer is None:
            return
        if welcome["peer"] != client.peer:
            self.complaints["came back as somebody else"] += 1
        self.resumed += welcome["resumed"]
        self.begun_anew += not welcome["resumed"]

    def note_departure(self, witness: str, frame: Frame) -> None:
        """A client is told that a table-mate has left."""
        self.departures[witness, frame["peer"]].append((frame["reason"], time.monotonic()))

    # What a scenario does with them

    async def replace(self, number: int) -> None:
        """One says `bye` and goes; a newcomer takes its seat and its address."""
        old = self.clients[number]
        old.leave()
        await comes_true(lambda: old.has_gone, within=10)
        self.clients[number] = Client(self, old.source, old.table)
        await self.clients[number].enter()

    async def arrive(self, sockets: int, seats: int = 0, *, abreast: int = ABREAST) -> Sequence[Client]:
        """So many clients connect and sit down, `seats` at a table, or at none; returns when all are in."""
        first = len(self.clients)
        arrivals = [
            Client(self, self._address(number), f"table {self._network}-{number // seats}" if seats else None)
            for number in range(first, first + sockets)
        ]
        self.clients += arrivals
        gate = asyncio.Semaphore(abreast)

        async def enter(client: Client) -> None:
            async with gate:
                await client.enter()

        await asyncio.gather(*map(enter, arrivals))
        return arrivals

    async def talk(self, seconds: float, offers_per_second: float) -> None:
        """Clients call table-mates, at this rate all together."""
        began = time.monotonic()
        offered = 0
        while (passed := time.monotonic() - began) < seconds:
            while offered < passed * offers_per_second:
                offered += 1
                self.call_somebody()
            await asyncio.sleep(TICK_SECONDS)

    def call_somebody(self) -> None:
        """One client calls one of its table-mates, if the one that chance names is there and has any.

        Of two it is always the same one that calls: calls that meet are glare, of which one ends and what was said in
        it is dropped.
        """
        client = self.chance.choice(self.clients)
        if not client.is_present or not client.mates:
            return
        mate = self._by_peer.get(self.chance.choice(client.mates))
        if mate is not None and mate.is_present:
            caller, callee = sorted((client, mate), key=lambda party: str(party.peer))
            caller.call(str(callee.peer))

    async def settle(self, within: float, *, is_lossless: bool = True) -> None:
        """Returns when every offer has its outcome, and every message has come if all must; or the time is over."""
        ledger = self.ledger
        await comes_true(
            lambda: not ledger.open and (ledger.relays == ledger.relays_received or not is_lossless), within
        )

    async def leave(self, within: float = 20.0) -> None:
        """All say `bye`, and are gone."""
        for client in self.clients:
            client.leave()
        gone = await comes_true(lambda: not self.held, within)
        assert gone, f"{self.held} connections are still open {within} s after `bye`"

    @property
    def held(self) -> int:
        """How many clients are connected."""
        return sum(not client.has_gone for client in self.clients)

    @property
    def present(self) -> int:
        """How many are connected and welcome."""
        return sum(client.is_present for client in self.clients)

    def assert_content(self) -> None:
        """No client saw anything that must not be."""
        assert not self.complaints, dict(self.complaints)

    def stop(self) -> None:
        """Ends every client."""
        for client in self.clients:
            client.stop()

    def _address(self, number: int) -> str:
        block = number // PER_ADDRESS
        return f"127.{self._network}.{block // 250}.{1 + block % 250}"


@asynccontextmanager
async def crowd_at(running: Server, sockets: int, seats: int = 0, **options: object) -> AsyncIterator[Crowd]:
    """A crowd whose clients are in; those that are left in the end are cut off."""
    crowd = Crowd(running.port, **options)  # type: ignore[arg-type]
    try:
        await crowd.arrive(sockets, seats)
        yield crowd
    finally:
        crowd.stop()
