"""A WebSocket that the application rejected, and what daphne's server makes of it before its connection is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import roundtable.server  # noqa: F401 (it chooses the reactor before anything else does)
from roundtable.config import Configuration
from roundtable.server import Server, endpoints
from roundtable.websocketprotocol import WebSocketProtocol
from signalling.runtime import Runtime


async def rejecting(scope: Any, receive: Any, send: Callable[[dict[str, str]], Awaitable[None]]) -> None:
    await send({"type": "websocket.close"})


class Rejected(WebSocketProtocol):
    """Says that it was rejected, and stays as long as its client likes."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __repr__(self) -> str:
        return "a WebSocket"

    def handle_reply(self, message: dict[str, str]) -> None:
        self.server.protocol_disconnected(self)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """It listens nowhere, and looks for ended applications when it is told to."""
    monkeypatch.setattr("daphne.server.reactor.callLater", lambda seconds, call: None)
    return Server(rejecting, runtime=Runtime(Configuration()), endpoints=endpoints("127.0.0.1", 1))


async def test_who_was_rejected_may_be_forgotten_before_the_connection_is_gone(server: Server) -> None:
    socket = Rejected(server)
    server.protocol_connected(socket)
    server.create_application(socket, {"type": "websocket"})
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.application_checker()
    assert socket not in server.connections
    server.protocol_disconnected(socket)
    assert not server.connections
