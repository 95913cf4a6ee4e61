"""The servers that the calls go through, started once for all of them."""

from collections.abc import Iterator

import pytest

from tests.serverprocess import Server, server

LOOPBACK_ALLOWED = {"forwardallow": ["127.0.0.0/8", "::1/128"]}


@pytest.fixture(scope="package")
def signalling_server() -> Iterator[Server]:
    """A server that may post offers to loopback addresses, as for the original's own example."""
    with server(LOOPBACK_ALLOWED) as running:
        yield running


@pytest.fixture(scope="package")
def other_server() -> Iterator[Server]:
    """A server elsewhere; its peers' identifiers carry its address."""
    with server(LOOPBACK_ALLOWED) as running:
        yield running
