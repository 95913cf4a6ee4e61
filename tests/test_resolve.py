"""Names become addresses: every disguise of an address by the system's resolver, and lookups that are counted."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from signalling.addresses import IPAddress
from signalling.resolve import Lookups, TooManyLookups, numeric_addresses, system_resolver

LOOPBACK = ip_address("127.0.0.1")


class SlowNames:
    """A resolver that answers when it is told to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, host: str) -> Sequence[IPAddress]:
        self.asked.put_nowait(host)
        await self.answers.wait()
        return (LOOPBACK,)


async def settled() -> None:
    """Waits for everything else that runs."""
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0177.0.0.1", "2130706433", "0x7f.1", "0x7f000001", "127.0.1"])
def test_t3_disguises_of_an_ipv4_address(host: str) -> None:
    assert numeric_addresses(host) == (LOOPBACK,)


@pytest.mark.parametrize("host", ["::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_an_ipv6_address_stays_what_it_is(host: str) -> None:
    assert numeric_addresses(host) == (ip_address(host),)


@pytest.mark.parametrize("host", ["localhost", "a.example", "", "a" * 64, "256.256.256.256", "1.2.3.4.5", "a..b"])
def test_a_name_is_no_address(host: str) -> None:
    assert numeric_addresses(host) == ()


async def test_the_system_knows_localhost() -> None:
    addresses = await system_resolver("localhost")

    assert addresses
    assert all(address.is_loopback for address in addresses)
    assert len(set(addresses)) == len(addresses)


async def test_a_name_without_addresses_raises() -> None:
    with pytest.raises((OSError, UnicodeError)):
        await system_resolver("a" * 64)


async def test_whoever_stops_waiting_for_the_system_leaves_nothing_behind() -> None:
    waiting = asyncio.ensure_future(system_resolver("localhost"))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_address_needs_no_lookup() -> None:
    names = SlowNames()
    lookups = Lookups(names, total=1, each=1)

    assert await lookups.addresses("127.0.0.1", "Ada") == (LOOPBACK,)
    assert names.asked.empty()


@pytest.mark.parametrize("error", [OSError("no such host"), UnicodeError("label too long"), RuntimeError("no thread")])
async def test_what_cannot_be_resolved_has_no_addresses(error: Exception) -> None:
    async def failing(host: str) -> Sequence[IPAddress]:
        raise error

    lookups = Lookups(failing, total=1, each=1)

    assert await lookups.addresses("a.example", "Ada") == ()
    assert len(lookups) == 0


async def test_lookups_of_one_source_are_limited() -> None:
    names = SlowNames()
    lookups = Lookups(names, total=3, each=2)
    waiting = [asyncio.ensure_future(lookups.addresses("a.example", source)) for source in ("Ada", "Ada", "Bob")]
    for _ in waiting:
        await names.asked.get()

    for source, for_source in (("Ada", True), ("Eve", False)):
        with pytest.raises(TooManyLookups) as refused:
            await lookups.addresses("a.example", source)
        assert refused.value.for_source is for_source

    names.answers.set()
    assert await asyncio.gather(*waiting) == [(LOOPBACK,)] * 3
    assert len(lookups) == 0


async def test_a_lookup_counts_until_it_is_done_though_nobody_waits() -> None:
    names = SlowNames()
    lookups = Lookups(names, total=5, each=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await lookups.addresses("a.example", "Ada")
    assert len(lookups) == 1
    with pytest.raises(TooManyLookups):
        await lookups.addresses("b.example", "Ada")

    names.answers.set()
    await settled()

    assert len(lookups) == 0
    assert await lookups.addresses("b.example", "Ada") == (LOOPBACK,)


async def test_closing_ends_what_is_under_way() -> None:
    names = SlowNames()
    lookups = Lookups(names, total=1, each=1)
    waiting = asyncio.ensure_future(lookups.addresses("a.example", "Ada"))
    await names.asked.get()

    await lookups.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(lookups) == 0
