"""A connection that is no WebSocket: whom it is counted against, and when it is heard; what loopback cannot show."""

import asyncio
from collections.abc import Iterable

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

import roundtable.server  # noqa: F401 (it chooses the reactor before anything else does)
from roundtable.config import Configuration
from roundtable.httpchannel import HTTPChannel, HTTPFactory
from roundtable.server import Server, endpoints
from signalling.limits import Limits
from signalling.runtime import Runtime

PER_ADDRESS = 2
NO_HTTP = b"nonsense\r\n\r\n"


@pytest.fixture
def factory() -> HTTPFactory:
    """Of a server that listens nowhere."""
    limits = Limits(http_connections_per_address=PER_ADDRESS)
    runtime = Runtime(Configuration(limits=limits, trustedproxies=["2001:db8:77::/48"]))
    made: HTTPFactory = Server(None, runtime=runtime, endpoints=endpoints("127.0.0.1", 1)).http_factory
    return made


def let_in(factory: HTTPFactory, *hosts: str) -> list[bool]:
    """Whether each of these clients, who all stay, is let in."""
    kinds = [IPv6Address if ":" in host else IPv4Address for host in hosts]
    return [factory.buildProtocol(kind("TCP", host, 1)) is not None for kind, host in zip(kinds, hosts, strict=True)]


def test_t14_clients_by_ipv6_are_counted_by_their_64(factory: HTTPFactory) -> None:
    neighbours = ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3:3", "2001:db8:0:1::1")
    assert let_in(factory, *neighbours) == [True, True, False, True]


def test_t14_ipv4_is_the_same_address_in_its_ipv6_form(factory: HTTPFactory) -> None:
    assert let_in(factory, "192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2") == [
        True,
        True,
        False,
        True,
    ]


def test_t14_trusted_proxies_are_not_counted_so(factory: HTTPFactory) -> None:
    assert let_in(factory, *["2001:db8:77::1"] * 10) == [True] * 10


class Line:
    """Stands in for a TCP connection."""

    def __init__(self) -> None:
        self.written = b""
        self.is_read = self.connected = True
        self.disconnecting = False

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 1)

    getHost = getPeer

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        self.written += b"".join(pieces)

    def loseWriteConnection(self) -> None:
        pass

    def pauseProducing(self) -> None:
        self.is_read = False

    def resumeProducing(self) -> None:
        self.is_read = True


def a_visit(factory: HTTPFactory) -> tuple[HTTPChannel, Line]:
    """Somebody who has connected and said nothing yet."""
    channel, line = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)), Line()
    assert channel is not None
    channel.makeConnection(line)
    return channel, line


def exhaust(factory: HTTPFactory) -> None:
    """As many others are heard in this turn as may be."""
    while factory.newcomers.admit():
        pass


async def test_who_comes_after_many_others_is_read_no_further_and_heard_in_the_next_turn(factory: HTTPFactory) -> None:
    channel, line = a_visit(factory)
    exhaust(factory)
    channel.dataReceived(NO_HTTP)
    assert (line.written, line.is_read) == (b"", False)
    await asyncio.sleep(0)
    assert line.written.startswith(b"HTTP/1.1 400")
    assert line.is_read


async def test_who_has_been_heard_before_waits_for_no_newcomer(factory: HTTPFactory) -> None:
    channel, line = a_visit(factory)
    channel.dataReceived(NO_HTTP[:3])
    exhaust(factory)
    channel.dataReceived(NO_HTTP[3:])
    assert line.written.startswith(b"HTTP/1.1 400")


async def test_who_is_gone_meanwhile_is_not_heard(factory: HTTPFactory) -> None:
    channel, line = a_visit(factory)
    exhaust(factory)
    channel.dataReceived(NO_HTTP)
    line.connected = False
    await asyncio.sleep(0)
    assert line.written == b""
