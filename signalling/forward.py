"""Posts offers to other addresses: the only module that makes outbound HTTP.

Whoever asks for it chooses the address, so everything here is a fence: what is cheap to refuse is refused first, a name
is resolved once and each of its addresses judged, and the very address that was judged is dialled. Nothing of what the
other side says reaches the asker, but an answer. (docs/security.md, threats T1 to T12.)
"""

import asyncio
import math
import ssl
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from socket import socket
from typing import Any, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from signalling.addresses import AddressPolicy, IPAddress, Target, neighbourhood, port_permitted
from signalling.codes import ErrorCode
from signalling.frames import SERVER
from signalling.limits import Limits
from signalling.messages import BadFrame
from signalling.posted import decode_answer
from signalling.resolve import Lookups, Resolver, TooManyLookups, system_resolver
from signalling.throttle import Breaker, Buckets, Remembered, Slots

HOP_HEADER = "Roundtable-Hop"
BUSY_RETRY_SECONDS = 1
REPLY_HEADERS = 64
REPLY_HEADER_BYTES = 4_096
REPLY_HEAD_BYTES = 32_768
"""Everything of a reply but its body: status line, all headers, chunk sizes."""


class FailureReason(StrEnum):
    """Why posting failed: for our log only, and without a word of the other side's."""

    UNRESOLVED = "unresolved"
    BREAKER_OPEN = "breaker_open"
    UNREACHABLE = "unreachable"
    NOT_HTTP = "not_http"
    TIMEOUT = "timeout"
    STATUS = "status"
    ENCODED = "encoded"
    TOO_LARGE = "too_large"
    NOT_AN_ANSWER = "not_an_answer"


_UNLIKED = frozenset({FailureReason.STATUS, FailureReason.NOT_AN_ANSWER})
"""How a living answerer treats an offer that it does not like, and any stranger can make one of those."""


class Refused(Exception):
    """Nothing was sent: the policy forbids it, or the `limit` of this name. `retry_after` is in whole seconds."""

    def __init__(self, code: ErrorCode, retry_after: int | None = None, *, limit: str | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.retry_after = retry_after
        self.limit = limit


class Failed(Exception):
    """No answer came of an admitted offer. To outsiders all these are alike; `reason` is for our log."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason.value)
        self.reason = reason

    @property
    def limit(self) -> str | None:
        """The name of the limit that kept the target from being asked, if one did."""
        return "breaker_failures" if self.reason is FailureReason.BREAKER_OPEN else None


class Endpoint(NamedTuple):
    """What is dialled: the judged address. Rates and slots count here, whatever names lead to it."""

    address: str
    port: int


class Site(NamedTuple):
    """What answers: one host at one endpoint. Trust is won and lost here, for an address may serve many hosts."""

    host: str
    endpoint: Endpoint


class Forwarder:
    """Posts offers under one policy and one set of limits. Asyncio: of one event loop; close it there."""

    def __init__(
        self,
        *,
        policy: AddressPolicy,
        limits: Limits,
        timeout: float,
        via: str,
        source_address: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        resolve: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout`: seconds for one offer, from its name to the last byte of its answer. `via`: our public host.

        `source_address`: the local address to dial from. `tls`: whose certificates are believed; the system's by
        default.
        """
        self._policy = policy
        self._timeout = timeout
        self._headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": SERVER,
            "Via": f"1.1 {via}",
            HOP_HEADER: "1",
        }
        self._source_address = source_address
        self._clock = clock
        self._tls: ssl.SSLContext | bool = True if tls is None else tls
        self._reply_bytes = limits.message_bytes
        self._silent = Buckets(limits.silent_target_per_second, limits.silent_target_burst, limits.tracked)
        self._known = Buckets(limits.known_target_per_second, limits.known_target_burst, limits.tracked)
        self._networks = Buckets(limits.network_per_second, limits.network_burst, limits.tracked)
        self._breaker = Breaker(limits.breaker_failures, limits.breaker_seconds, limits.tracked)
        self._answered = Remembered(limits.tracked)
        self._sources = Slots(limits.outbound, limits.outbound_per_source)
        self._endpoints = Slots(limits.outbound, limits.outbound_per_target)
        self._lookups = Lookups(resolve, limits.lookups, limits.outbound_per_source)
        self._session: aiohttp.ClientSession | None = None

    def __len__(self) -> int:
        """The offers and lookups under way, those lookups included that nobody waits for any more; 0 when idle."""
        return len(self._sources) + len(self._lookups)

    async def post(
        self, target: Target, body: bytes, *, source: str, from_browser: bool, admitted: Callable[[], None]
    ) -> bytes:
        """Posts the offer once and returns the body of its answer, byte for byte.

        `source` is who asks (an address, as `source_key` has it). `admitted` is called once when policy and limits
        allow the offer: before it, Refused is raised; after it, Failed. Cancelling gives up the request at once.
        """
        if self._policy.forward == "off" or not port_permitted(target.dialled_port):
            raise Refused(ErrorCode.TARGET_NOT_ALLOWED)
        deadline = asyncio.get_running_loop().time() + self._timeout
        with _holding(self._sources, source, "outbound_per_source"):
            address = await self._address(target, source, from_browser, deadline)
            if address is None:
                admitted()
                raise Failed(FailureReason.UNRESOLVED)
            site = Site(target.host, Endpoint(str(address), target.dialled_port))
            if self._breaker.is_open(site, self._clock()):
                admitted()
                raise Failed(FailureReason.BREAKER_OPEN)
            self._take_token(site, address)
            with _holding(self._endpoints, site.endpoint, "outbound_per_target"):
                admitted()
                return await self._exchange(target, site, body, deadline)

    async def close(self) -> None:
        """Closes connections and stops waiting for names; to be called when nothing is being posted any more."""
        await self._lookups.close()
        if self._session is not None:
            await self._session.close()

    async def _address(self, target: Target, source: str, from_browser: bool, deadline: float) -> IPAddress | None:
        """The address to dial, None when the name has none. Raises Refused if *any* that it has is not permitted."""
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._lookups.addresses(target.host, source)
        except TimeoutError:
            return None
        except TooManyLookups as busy:
            limit = "outbound_per_source" if busy.for_source else "lookups"
            raise Refused(ErrorCode.LIMIT_EXCEEDED, BUSY_RETRY_SECONDS, limit=limit) from None
        if not all(self._policy.permits(address, from_browser=from_browser) for address in addresses):
            raise Refused(ErrorCode.TARGET_NOT_ALLOWED)
        return next((address for address in addresses if self._is_dialable(address)), None)

    def _is_dialable(self, address: IPAddress) -> bool:
        return self._source_address is None or address.version == ip_address(self._source_address).version

    def _take_token(self, site: Site, address: IPAddress) -> None:
        """A site that has answered wants offers; its neighbours, who were not asked, share the rate of the network."""
        now = self._clock()
        if site in self._answered:
            _check(self._known.take(site.endpoint, now), "known_target_per_second")
        else:
            _check(self._silent.take(site.endpoint, now), "silent_target_per_second")
            _check(self._networks.take(neighbourhood(address), now), "network_per_second")

    async def _exchange(self, target: Target, site: Site, body: bytes, deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._request(target, site.endpoint, body)
        except Failed as failure:
            self._count_failure(site, failure.reason)
            raise
        except (aiohttp.ClientError, OSError, EOFError, ValueError) as error:
            reason = _reason(error)
            self._count_failure(site, reason)
            raise Failed(reason) from None  # the cause would take the address into a log
        self._breaker.succeeded(site)
        self._answered.add(site)
        return answer

    def _count_failure(self, site: Site, reason: FailureReason) -> None:
        """Offers that a known answerer refuses do not close it to others, or anybody could do that; silence does."""
        if site in self._answered and reason in _UNLIKED:
            return
        if self._breaker.failed(site, self._clock()):
            self._answered.discard(site)

    async def _request(self, target: Target, endpoint: Endpoint, body: bytes) -> bytes:
        host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        async with self._open_session().post(
            f"{target.scheme}://{host}:{endpoint.port}/signal",
            data=body,
            headers={**self._headers, "Host": str(target.authority)},
            server_hostname=target.host if target.scheme == "https" else None,
            allow_redirects=False,
        ) as response:
            answer = await self._read(response)
        try:
            decode_answer(answer)
        except BadFrame:
            raise Failed(FailureReason.NOT_AN_ANSWER) from None
        return answer

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status != 200:
            raise Failed(FailureReason.STATUS)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Failed(FailureReason.ENCODED)
        answer = bytearray()
        async for chunk in response.content.iter_any():
            answer += chunk
            if len(answer) > self._reply_bytes:
                raise Failed(FailureReason.TOO_LARGE)
        return bytes(answer)

    def _open_session(self) -> aiohttp.ClientSession:
        """Made at the first offer, for it belongs to the running loop.

        Connections are not kept: one that the answerer closes as it is used again would be a failed offer.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_GuardedConnector(
                    self._endpoints, self._tls, self._source_address, self._reply_bytes + REPLY_HEAD_BYTES
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the deadline is _exchange's
                auto_decompress=False,
                trust_env=False,
                max_headers=REPLY_HEADERS,
                max_line_size=REPLY_HEADER_BYTES,
                max_field_size=REPLY_HEADER_BYTES,
            )
        return self._session


class _BoundedReply(ResponseHandler):
    """Hangs up on a reply of too many bytes, those included that aiohttp drops (chunk extensions, 1xx responses).

    Parsing them at the speed of the other side until the deadline would be work for us, and for it none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        super().__init__(loop=loop)
        self._left = most

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left >= 0:
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()


class _GuardedConnector(aiohttp.TCPConnector):
    """The last barrier: connects only to endpoints that hold a slot, which none does before it was judged."""

    def __init__(self, held: Slots, tls: ssl.SSLContext | bool, source_address: str | None, reply_bytes: int) -> None:
        super().__init__(
            ssl=tls,
            local_addr=None if source_address is None else (source_address, 0),
            socket_factory=self._make_socket,
            force_close=True,
            limit=0,
        )
        self._held = held
        self._factory = partial(_BoundedReply, self._loop, reply_bytes)  # type: ignore[assignment]  # it is invariant

    def _make_socket(self, address_info: aiohttp.AddrInfoType) -> socket:
        family, kind, protocol, _, address = address_info
        self._check(address)
        return socket(family, kind, protocol)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's signature
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        try:
            transport = connection.transport
            self._check(None if transport is None else transport.get_extra_info("peername"))
        except OSError:
            connection.close()
            raise
        return connection

    def _check(self, address: tuple[Any, ...] | None) -> None:
        if address is None or not self._held.held(Endpoint(str(ip_address(address[0])), address[1])):
            raise ConnectionRefusedError("not the address that was judged")


def _check(wait_seconds: float, limit: str) -> None:
    if wait_seconds:
        raise Refused(ErrorCode.RATE_LIMITED, math.ceil(wait_seconds), limit=limit)


@contextmanager
def _holding(slots: Slots, key: Hashable, each: str) -> Iterator[None]:
    """Holds a slot for this key; `each` is the name of the limit for one key, and `outbound` that for all."""
    if not slots.acquire(key):
        limit = each if slots.is_spent(key) else "outbound"
        raise Refused(ErrorCode.LIMIT_EXCEEDED, BUSY_RETRY_SECONDS, limit=limit)
    try:
        yield
    finally:
        slots.release(key)


def _reason(error: BaseException) -> FailureReason:
    if isinstance(error, TimeoutError):
        return FailureReason.TIMEOUT
    if isinstance(error, OSError):
        return FailureReason.UNREACHABLE
    return FailureReason.NOT_HTTP
