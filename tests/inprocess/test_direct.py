"""Text messages past ASGI's `receive` and `send`, where the server program offers that."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from roundtable.inbox import Inbox
from signalling.wire import DIRECT, TakeText
from tests.inprocess.application import CALL, Application, application
from tests.waiting import until


class DirectSocket:
    """A WebSocket of a server program that offers it, open, with what was written past `send`."""

    def __init__(self, app: Application) -> None:
        self.inbox = Inbox()
        self.take: TakeText | None = None
        self.frames: list[dict[str, Any]] = []
        self.closes: list[tuple[int, str]] = []
        self.sent: list[dict[str, Any]] = []
        scope = app.socket(extensions={DIRECT: self}).scope
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.served = asyncio.ensure_future(app.router(scope, self.inbox.get, self._send))

    async def _send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    def take_texts_by(self, take: TakeText) -> None:
        self.take = take

    def write_text(self, payload: bytes) -> None:
        self.frames.append(json.loads(payload))

    def close_with(self, code: int, reason: str) -> None:
        self.closes.append((code, reason))

    def say(self, **message: Any) -> None:
        assert self.take is not None
        self.take(json.dumps(message))

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


@asynccontextmanager
async def direct(app: Application) -> AsyncIterator[DirectSocket]:
    socket = DirectSocket(app)
    await until(lambda: socket.take)
    try:
        yield socket
    finally:
        socket.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait([socket.served])


async def test_a_text_is_answered_before_whoever_hands_it_over_goes_on() -> None:
    async with application() as app, direct(app) as socket:
        socket.say(type="hello")
        socket.say(type="ping", id="a")
        assert socket.types == ["welcome", "pong"]
        assert [event["type"] for event in socket.sent] == ["websocket.accept"]


async def test_one_that_still_comes_by_receive_is_answered_the_same_way() -> None:
    async with application() as app, direct(app) as socket:
        socket.inbox.put_nowait({"type": "websocket.receive", "text": '{"type":"hello"}'})
        await until(lambda: socket.types == ["welcome"])


async def test_a_peer_is_reached_past_send_whoever_calls() -> None:
    async with application() as app, direct(app) as socket, app.peer() as ada:
        socket.say(type="hello")
        await ada.say("offer", call=CALL, to=socket.frames[0]["peer"], description={"type": "offer", "sdp": "v=0"})
        await until(lambda: "offer" in socket.types)


async def test_what_is_written_is_counted() -> None:
    async with application() as app, direct(app) as socket:
        socket.say(type="hello")
        assert app.runtime.switchboard.figures.frames_sent == 1
        assert app.runtime.switchboard.figures.sent_bytes > 100


async def test_bye_closes_it_and_nothing_is_written_after_that() -> None:
    async with application() as app, direct(app) as socket:
        socket.say(type="hello")
        socket.say(type="bye")
        socket.say(type="ping")
        assert socket.closes == [(1000, "bye")]
        assert socket.types == ["welcome"]


async def test_t33_a_handler_that_raises_ends_that_session_and_the_programs_task() -> None:
    async with application() as app, direct(app) as socket, app.peer():
        socket.say(type="hello")
        assert len(app.runtime.switchboard.peers) == 2
        socket.inbox.fail(ZeroDivisionError("a fault of ours"))
        with pytest.raises(ZeroDivisionError):
            await asyncio.shield(socket.served)
        assert len(app.runtime.switchboard.peers) == 1
