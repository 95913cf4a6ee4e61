"""A forwarder that may post to loopback, an offer for it, and names that no resolver is asked for."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from signalling.addresses import AddressPolicy, IPAddress, IPNetwork, Target
from signalling.forward import Failed, FailureReason, Forwarder, Refused
from signalling.limits import Limits
from tests.answerers import OFFER

ADA = "203.0.113.7"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
UNHINDERED: dict[str, Any] = {
    "silent_target_per_second": 1_000,
    "silent_target_burst": 10_000,
    "known_target_per_second": 1_000,
    "known_target_burst": 10_000,
    "network_per_second": 1_000,
    "network_burst": 10_000,
    "breaker_failures": 10_000,
}


class Names:
    """A resolver that knows these names; each has one set of addresses after the other."""

    def __init__(self, **known: Iterable[Sequence[str]]) -> None:
        self._known = {host.replace("_", "."): iter(answers) for host, answers in known.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[IPAddress]:
        self.asked.append(host)
        if host not in self._known:
            raise OSError("no such name")
        return [ip_address(text) for text in next(self._known[host])]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def forwarding(
    *,
    allow: tuple[IPNetwork, ...] = LOOPBACK,
    limits: Mapping[str, Any] | None = None,
    timeout: float = 5.0,  # noqa: ASYNC109  the forwarder's own
    **options: Any,
) -> AsyncIterator[Forwarder]:
    """A forwarder that may post to loopback; at the end nothing is held any more."""
    forwarder = Forwarder(
        policy=options.pop("policy", AddressPolicy("public", allow)),
        limits=Limits(**(UNHINDERED if limits is None else limits)),
        timeout=timeout,
        via="roundtable.example",
        resolve=options.pop("resolve", Names()),
        **options,
    )
    try:
        yield forwarder
        assert len(forwarder) == 0
    finally:
        await forwarder.close()


class Asking:
    """One offer, and whether it was admitted."""

    def __init__(self, forwarder: Forwarder, target: Target, source: str = ADA, from_browser: bool = False) -> None:
        self.admitted = 0
        self._post = forwarder.post(target, OFFER, source=source, from_browser=from_browser, admitted=self._admit)

    def _admit(self) -> None:
        self.admitted += 1

    async def answer(self) -> bytes:
        return await self._post

    async def refusal(self) -> Refused:
        with pytest.raises(Refused) as refused:
            await self._post
        assert self.admitted == 0
        return refused.value

    async def failure(self) -> FailureReason:
        with pytest.raises(Failed) as failed:
            await self._post
        assert self.admitted == 1
        assert failed.value.__cause__ is None
        assert str(failed.value) == failed.value.reason
        return failed.value.reason

    async def outcome(self) -> str:
        try:
            await self._post
        except Refused as refused:
            return refused.code
        except Failed as failed:
            return failed.reason
        return "answered"
