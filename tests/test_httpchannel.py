"""Whom the launcher counts a connection against that is no WebSocket: what real ones on loopback cannot show."""

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from roundtable.config import Configuration
from roundtable.httpchannel import HTTPFactory
from roundtable.server import Server, endpoints
from signalling.limits import Limits
from signalling.runtime import Runtime

PER_ADDRESS = 2


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
