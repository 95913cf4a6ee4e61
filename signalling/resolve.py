"""From a host's text to its addresses, all of them. What may be done with them is for addresses.py to judge.

The system's resolver blocks, for longer than anybody waits when a name's servers are slow on purpose, and cannot be
interrupted. So each lookup has a thread of its own, which nobody waits for when the process ends, and its place among
those allowed at once is held until that thread is done, whoever has stopped waiting for it.
"""

import asyncio
import concurrent.futures
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from signalling.addresses import IPAddress
from signalling.throttle import Slots

Resolver = Callable[[str], Awaitable[Sequence[IPAddress]]]
"""The addresses of a host name, the best first (RFC 6724). Raises OSError or UnicodeError when there are none."""


class TooManyLookups(Exception):
    """No lookup was begun: too many are under way, in all or for this source."""

    def __init__(self, *, for_source: bool) -> None:
        super().__init__()
        self.for_source = for_source


class Lookups:
    """Resolves hosts, at most `total` names at once and `each` for one source. Asyncio: of one event loop."""

    def __init__(self, resolve: Resolver, total: int, each: int) -> None:
        self._resolve = resolve
        self._slots = Slots(total, each)
        self._running: set[asyncio.Task[Sequence[IPAddress]]] = set()

    def __len__(self) -> int:
        """How many are under way, those included that nobody waits for any more."""
        return len(self._slots)

    async def addresses(self, host: str, source: str) -> Sequence[IPAddress]:
        """All addresses of this host, none when it cannot be resolved. Raises TooManyLookups."""
        numeric = numeric_addresses(host)
        if numeric:
            return numeric
        if not self._slots.acquire(source):
            raise TooManyLookups(for_source=self._slots.is_spent(source))
        lookup = asyncio.create_task(self._look_up(host))
        self._running.add(lookup)
        lookup.add_done_callback(lambda done: self._finish(done, source))
        return await asyncio.shield(lookup)

    async def close(self) -> None:
        """Stops waiting for what is under way."""
        for lookup in self._running:
            lookup.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _look_up(self, host: str) -> Sequence[IPAddress]:
        try:
            return await self._resolve(host)
        except (OSError, UnicodeError, RuntimeError):  # RuntimeError: the system gives no thread
            return ()

    def _finish(self, lookup: asyncio.Task[Sequence[IPAddress]], source: str) -> None:
        self._running.discard(lookup)
        self._slots.release(source)


def numeric_addresses(host: str) -> Sequence[IPAddress]:
    """What the system's resolver makes of a host that is an address in any of its disguises; () for a name.

    It asks nobody, so it needs no thread: 127.1, 0177.0.0.1, 0x7f.1 and 2130706433 are all 127.0.0.1 here as they are
    to whatever dials them.
    """
    try:
        return _getaddrinfo(host, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ()


async def system_resolver(host: str) -> Sequence[IPAddress]:
    """The addresses that the system's resolver has for this name, in its order (RFC 6724). Raises OSError."""
    outcome: concurrent.futures.Future[Sequence[IPAddress]] = concurrent.futures.Future()
    outcome.set_running_or_notify_cancel()
    threading.Thread(target=_run, args=(host, outcome), name="resolve", daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _run(host: str, outcome: concurrent.futures.Future[Sequence[IPAddress]]) -> None:
    try:
        outcome.set_result(_getaddrinfo(host))
    except Exception as error:
        outcome.set_exception(error)


def _getaddrinfo(host: str, flags: int = 0) -> Sequence[IPAddress]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return tuple(dict.fromkeys(ip_address(address[0]) for *_, address in found))
