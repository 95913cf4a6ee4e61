"""What connections on the lane begin with: all of them have it of their class, so nothing in it may change."""

from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.websocket.protocol import WebSocketProtocol as AutobahnProtocol

import roundtable.server  # noqa: F401 (it chooses the reactor before anything else does)
from roundtable.fastlane.websocket import FastWebSocketFactory
from roundtable.runningclock import RunningClock
from roundtable.websocketprotocol import WebSocketFactory
from signalling.limits import Limits

FOR_NOBODY = {"_transport_details", "_valid_events", "_results", "trafficStats", "is_open", "is_closed", "send_queue"}
"""What could change: counters, listeners and a queue of which nobody makes use here."""
OWN = {"factory", "utf8validator"}
"""What each has of its own."""
OPTIONS = set(WebSocketFactory.protocol.CONFIG_ATTRS)
"""Those are the factory's."""


@pytest.fixture
def server() -> SimpleNamespace:
    """As much of one as a factory needs."""
    return SimpleNamespace(server_name="daphne", limits=Limits(), clock=RunningClock(0.25, 0.0))


def made_by_autobahn(server: SimpleNamespace) -> dict[str, Any]:
    """A connection on the sure lane that has just begun."""
    factory: Any = WebSocketFactory(server)
    factory.setProtocolOptions(openHandshakeTimeout=0)  # a timer, in place of which the lane has the sweep
    connection = factory.buildProtocol(None)
    AutobahnProtocol._connectionMade(connection)
    return {name: value for name, value in vars(connection).items() if name not in OWN | FOR_NOBODY | OPTIONS}


def test_it_is_what_autobahn_makes(server: SimpleNamespace) -> None:
    begun = FastWebSocketFactory(server).buildProtocol(None)
    for name, value in made_by_autobahn(server).items():
        assert getattr(begun, name) == value, name


def test_nothing_of_it_can_change(server: SimpleNamespace) -> None:
    begun = FastWebSocketFactory(server).buildProtocol(None)
    for name in made_by_autobahn(server):
        assert isinstance(getattr(begun, name), int | str | bytes | None), name


def test_each_has_a_validator_of_its_own(server: SimpleNamespace) -> None:
    factory = FastWebSocketFactory(server)
    assert factory.buildProtocol(None).utf8validator is not factory.buildProtocol(None).utf8validator
