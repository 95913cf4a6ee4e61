"""What the lane relies on: that it is checked, and that without it the sure lane serves, with one warning."""

import logging

import pytest

import roundtable.server  # noqa: F401 (it chooses the reactor before anything else does)
from roundtable import lanes
from roundtable.fastlane import reliance
from roundtable.fastlane.websocket import FastWebSocketFactory
from roundtable.websocketprotocol import WebSocketFactory

A_METHOD = "twisted.internet.abstract:FileDescriptor.doWrite"


def test_all_of_it_is_there_in_the_versions_that_are_installed() -> None:
    assert reliance.missing() == []


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("no.such.module:Class", ()),
        ("twisted.internet.tcp:NoSuchClass", ()),
        ("twisted.internet.tcp:Server.no_such_attribute", ()),
        (A_METHOD, ("no_such_name",)),
    ],
)
def test_what_is_not_there_is_named(where: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliance, "RELIED_UPON", {A_METHOD: ("dataBuffer",), where: names})
    (lacking,) = reliance.missing()
    assert lacking.startswith(where)
    assert "dataBuffer" not in lacking


def test_only_one_package_may_be_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliance, "RELIED_UPON", {"no.such.module:Class": ()})
    assert reliance.missing("twisted.") == []


def test_the_fast_lane_serves_unless_told_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    assert lanes.choose_lane({}).websocket_factory is FastWebSocketFactory
    closed = lanes.choose_lane({lanes.VARIABLE: "0"})
    assert closed.websocket_factory is WebSocketFactory
    assert closed.connection is None
    assert caplog.records == []


def test_without_what_it_relies_on_the_sure_lane_serves_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "roundtable.server")
    monkeypatch.setattr(reliance, "RELIED_UPON", {"no.such.module:Class": (), "nor.this:One": ()})
    lane = lanes.choose_lane({})
    assert (lane.websocket_factory, lane.connection) == (WebSocketFactory, None)
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
