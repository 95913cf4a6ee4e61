"""Which classes serve: the fast lane's, or those beside it, which rely on less."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from roundtable.fastlane import reliance
from roundtable.logs import logger

log = logger("roundtable.server")

VARIABLE = "ROUNDTABLE_FASTLANE"
"""0 closes the lane: for the tests, which run over both, and for whoever suspects it."""


class Lane(NamedTuple):
    """What a server is made of."""

    http_factory: Any
    websocket_factory: Any
    connection: Any
    """The class of TCP connections; None: Twisted's own."""


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment leaves the lane open."""
    return environ.get(VARIABLE, "") != "0"


def choose_lane(environ: Mapping[str, str] = os.environ) -> Lane:
    """The fast lane, if it is wanted and everything that it relies on is there; one warning, if not."""
    lacking = reliance.missing() if is_wanted(environ) else []
    if lacking:
        log.warning("the fast lane is closed: daphne, autobahn or Twisted are not those it knows", missing=lacking[0])
    if lacking or not is_wanted(environ):
        return _sure_lane()
    return _fast_lane()


def _sure_lane() -> Lane:
    from roundtable.httpchannel import HTTPFactory
    from roundtable.websocketprotocol import WebSocketFactory

    return Lane(HTTPFactory, WebSocketFactory, None)


def _fast_lane() -> Lane:
    from roundtable.fastlane.channel import FastHTTPFactory
    from roundtable.fastlane.transport import DirectConnection
    from roundtable.fastlane.websocket import FastWebSocketFactory

    return Lane(FastHTTPFactory, FastWebSocketFactory, DirectConnection)
