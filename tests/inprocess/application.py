"""The server's ASGI application in the test's own process, with a runtime of its own (ring 2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import ApplicationCommunicator, WebsocketCommunicator

from roundtable.config import Configuration
from signalling.routing import Router
from signalling.runtime import Runtime
from tests.posting import OFFER, Reply, offer
from tests.waiting import WITHIN_SECONDS

CLIENT = "192.0.2.7"
CALL = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
RESUME_SECONDS = 0.02
"""Unless a test is about it: nobody resumes a session here, and nobody should have to wait for that."""

Frame = dict[str, Any]
Header = tuple[bytes, bytes]


def configuration(**keys: Any) -> Configuration:
    """The configuration with these keys of `config.yaml`."""
    return Configuration.model_validate(keys)


@asynccontextmanager
async def application(pages: Any = None, **keys: Any) -> AsyncIterator["Application"]:
    """The application with this configuration; in the end nothing may be left in it."""
    limits = {"resume_seconds": RESUME_SECONDS, **keys.pop("limits", {})}
    running = Application(Runtime(configuration(limits=limits, **keys)), pages)
    try:
        yield running
    finally:
        await running.runtime.close()
    running.assert_empty()


class Application:
    """A router, its runtime, and clients for it."""

    def __init__(self, runtime: Runtime, pages: Any = None) -> None:
        self.runtime = runtime
        self.router = Router(runtime, pages)

    def request(
        self,
        method: str = "POST",
        path: str = "/signal",
        *,
        headers: Iterable[Header] = ((b"host", b"here.example"),),
        client: str | None = CLIENT,
        **scope: Any,
    ) -> "Request":
        """A request whose body is still to be sent."""
        full = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": list(headers),
            "client": (client, 50_000) if client else None,
            "server": ("127.0.0.1", 1066),
            **scope,
        }
        return Request(self.router, full)

    async def post(self, body: bytes, **request: Any) -> Reply:
        """Posts a whole body and waits for the response."""
        posted = self.request(**request)
        await posted.send_body(body)
        return await posted.reply()

    async def ringing(self, callee: "Socket", call: str = CALL) -> "Request":
        """An offer that rings at this peer and is not answered yet."""
        posted = self.request()
        await posted.send_body(offer(callee.id, call=call))
        await callee.expect("offer", call=call)
        return posted

    async def get(self, path: str, **request: Any) -> Reply:
        """The response to a GET."""
        got = self.request("GET", path, **request)
        await got.send_body(b"")
        return await got.reply()

    def socket(
        self,
        path: str = "/signal",
        *,
        headers: Iterable[Header] = ((b"host", b"here.example"),),
        subprotocols: Iterable[str] = (),
        client: str = CLIENT,
        **scope: Any,
    ) -> "Socket":
        """A WebSocket that is not open yet."""
        socket = Socket(self.router, path, list(headers), list(subprotocols))
        socket.scope.update({"client": (client, 50_000), **scope})  # type: ignore[typeddict-item]
        return socket

    @asynccontextmanager
    async def peer(self, **hello: Any) -> AsyncIterator["Socket"]:
        """A WebSocket whose peer has said hello; it goes in the end."""
        socket = self.socket()
        await socket.open()
        await socket.hello(**hello)
        try:
            yield socket
        finally:
            await socket.vanish()

    def assert_no_call(self) -> None:
        """No call is open, and nobody waits for one."""
        census = self.runtime.census()
        assert not any(census[name] for name in ("calls", "errands", "exchanges", "posts")), census

    def assert_empty(self) -> None:
        """Nothing is registered any more."""
        census = self.runtime.census()
        assert not any(census.values()), census


class Client(ApplicationCommunicator):
    """One scope of the application."""

    def __init__(self, application: Any, scope: dict[str, Any]) -> None:
        super().__init__(application, scope)  # type: ignore[no-untyped-call]

    async def ended(self) -> None:
        """Returns when the application has finished with it. Raises what it raised.

        (`wait` takes silence for an end, too.)
        """
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.shield(self.future)

    @property
    def is_over(self) -> bool:
        return bool(self.future.done())


class Request(Client):
    """One HTTP request."""

    async def send_body(self, body: bytes, *, more: bool = False) -> None:
        """The body, or a part of it."""
        await self.send_input({"type": "http.request", "body": body, "more_body": more})

    async def hang_up(self) -> None:
        """The client goes; returns when the application has noticed."""
        await self.send_input({"type": "http.disconnect"})
        await self.ended()

    async def reply(self) -> Reply:
        """The whole response."""
        start = await self.receive_output(WITHIN_SECONDS)
        assert start["type"] == "http.response.start"
        body = b""
        more = True
        while more:
            part = await self.receive_output(WITHIN_SECONDS)
            assert part["type"] == "http.response.body"
            body += part.get("body", b"")
            more = part.get("more_body", False)
        await self.ended()
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(start["status"], headers, body)


class Socket(WebsocketCommunicator, Client):
    """One WebSocket, in the protocol's words."""

    welcome: Frame

    @property
    def id(self) -> str:
        return str(self.welcome["peer"])

    async def open(self) -> str | None:
        """Opens it; the subprotocol that was chosen."""
        accepted, subprotocol = await self.connect(WITHIN_SECONDS)
        assert accepted
        assert not isinstance(subprotocol, int)
        return subprotocol

    async def is_refused(self) -> bool:
        """Whether it is refused when it tries to open."""
        accepted, _ = await self.connect(WITHIN_SECONDS)
        if not accepted:
            await self.ended()
        return not accepted

    async def say(self, kind: str, **fields: Any) -> None:
        await self.say_text(json.dumps({"type": kind, **fields}))

    async def say_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def hello(self, **fields: Any) -> Frame:
        await self.say("hello", **fields)
        self.welcome = await self.expect("welcome")
        return self.welcome

    async def dial(self, to: str, call: str, **fields: Any) -> None:
        await self.say("offer", to=to, call=call, description=OFFER, **fields)

    async def expect(self, kind: str, **fields: Any) -> Frame:
        """The next frame, which is of this type and has these fields."""
        event = await self.receive_output(WITHIN_SECONDS)
        assert event["type"] == "websocket.send", event
        frame: Frame = json.loads(event["text"])
        assert {"type": kind, **fields}.items() <= frame.items(), frame
        return frame

    async def expect_nothing_else(self) -> None:
        """All that the server had for it was taken."""
        await self.say("ping", id="nothing else")
        await self.expect("pong", id="nothing else")

    async def expect_close(self, code: int) -> str:
        """The next event closes it with this code; its reason."""
        event = await self.receive_output(WITHIN_SECONDS)
        assert (event["type"], event.get("code")) == ("websocket.close", code), event
        return str(event.get("reason", ""))

    async def vanish(self) -> None:
        """The connection is lost; returns when the application has cleaned up."""
        if not self.is_over:
            await self.send_input({"type": "websocket.disconnect", "code": 1006})
            await self.ended()
