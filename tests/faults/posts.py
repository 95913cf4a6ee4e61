"""Offers over HTTP in bulk, and the HTTP servers that they are posted on to."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.faults.findings import Findings, latency
from tests.posting import ANSWER, Reply, post

BROKEN = 500
"""What an answerer replies that cannot answer."""


@dataclass
class Posts:
    """Callers over HTTP: each offer and how it ended."""

    offers: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """"200", or status and code of the problem, or what became of the connection."""
    seconds: list[float] = field(default_factory=list)
    """From each offer to its answer."""

    async def post(self, server_url: str, body: bytes, source: str) -> Reply | None:
        """One offer from this address; None when no response came."""
        began = time.monotonic()
        self.offers += 1
        try:
            reply = await post(server_url, body, source=source)
        except (aiohttp.ClientError, OSError) as error:
            self.outcomes[type(error).__name__] += 1
            return None
        self.outcomes["answer" if reply.status == 200 else f"{reply.status} {reply.code}"] += 1
        if reply.status == 200:
            self.seconds.append(time.monotonic() - began)
        return reply

    def findings(self) -> Findings:
        """The offers as the table has them."""
        return Findings(
            {
                "offers sent": self.offers,
                "accounted for": self.outcomes.total(),
                "unaccounted": self.offers - self.outcomes.total(),
                **{f"ended by {outcome}": count for outcome, count in self.outcomes.most_common()},
                **latency(self.seconds, "answered"),
            }
        )

    def assert_accounted(self) -> None:
        """Every offer has a response."""
        unanswered = [outcome for outcome in self.outcomes if outcome != "answer" and not outcome[:3].isdecimal()]
        assert not unanswered, f"offers without a response: {self.outcomes}"
        assert self.offers == self.outcomes.total(), (self.offers, self.outcomes)


@dataclass(frozen=True)
class Manner:
    """How an answerer behaves: it takes so long, and fails every so many requests (0: never)."""

    seconds: float = 0.0
    fails_every: int = 0


@dataclass
class Answerers:
    """HTTP servers, each at an address of its own. `requests` counts what came, by address."""

    manners: Mapping[str, Manner]
    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    def prefix(self, host: str) -> str:
        """The `PublicIP` of one of them."""
        return f"http://{host}:{self.port}"

    async def _signal(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        host = request.transport.get_extra_info("sockname")[0]
        self.requests[host] += 1
        manner = self.manners[host]
        offer = json.loads(await request.read())
        await asyncio.sleep(manner.seconds)
        if manner.fails_every and self.requests[host] % manner.fails_every == 0:
            return web.Response(status=BROKEN)
        return web.json_response({"OfferUUID": offer["OfferUUID"], "WebRTCSessionDescription": ANSWER})


@asynccontextmanager
async def answerers_at(manners: Mapping[str, Manner]) -> AsyncIterator[Answerers]:
    """They listen on one port of their addresses."""
    answerers = Answerers(manners)
    application = web.Application()
    application.router.add_post("/signal", answerers._signal)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        for host in manners:
            await web.TCPSite(runner, host, answerers.port).start()
            answerers.port = answerers.port or runner.addresses[0][1]
        yield answerers
    finally:
        await runner.cleanup()


def addresses(network: int, count: int) -> Sequence[str]:
    """So many loopback addresses, each in a /24 of its own, for limits count by network too."""
    return [f"127.{network + number // 250}.{1 + number % 250}.1" for number in range(count)]
