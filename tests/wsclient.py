"""A peer on a WebSocket for tests: it says what a test tells it to, and keeps everything that it gets.

It checks on the way what holds for every session: that `seq` counts 1, 2, 3, … without a gap.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

SUBPROTOCOL = "roundtable.v1"
WITHIN_SECONDS = 5.0
"""How long a test waits for what must come."""

Frame = dict[str, Any]
Description = Mapping[str, str]


class Peer:
    """One WebSocket and its session. `received` holds all frames in their order, `welcome` the first."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.received: list[Frame] = []
        self.welcome: Frame = {}
        self.seq = 0
        self._resumed_from = 0
        self._untaken: list[Frame] = []

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        ws_url: str,
        *,
        subprotocols: Sequence[str] | None = (SUBPROTOCOL,),
        origin: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Self]:
        """A peer that has connected and not yet said hello."""
        async with connect(
            ws_url,
            subprotocols=None if subprotocols is None else [Subprotocol(name) for name in subprotocols],
            origin=None if origin is None else Origin(origin),
            additional_headers=headers,
            compression=None,
            max_queue=None,
            proxy=None,
        ) as socket:
            yield cls(socket)

    @classmethod
    @asynccontextmanager
    async def welcomed(cls, ws_url: str, **hello: Any) -> AsyncIterator[Self]:
        """A peer that has said hello and is welcome."""
        async with cls.connected(ws_url) as peer:
            await peer.hello(**hello)
            yield peer

    @property
    def id(self) -> str:
        return str(self.welcome["peer"])

    @property
    def identifier(self) -> str:
        return str(self.welcome["identifier"])

    async def send(self, kind: str, **fields: Any) -> None:
        await self.send_text(json.dumps({"type": kind, **fields}))

    async def send_text(self, text: str | bytes) -> None:
        """A frame as it stands: text, or binary for bytes."""
        await self.socket.send(text)

    async def hello(self, **fields: Any) -> Frame:
        """Says hello; the welcome. What is resumed goes on after the `seq` that it names."""
        self._resumed_from = fields.get("seq", 0)
        await self.send("hello", **fields)
        self.welcome = await self.expect("welcome")
        return self.welcome

    async def dial(self, to: str, description: Description, *, call: str | None = None, **fields: Any) -> str:
        """Offers a call to a peer or an identifier; the call's id."""
        call = call or str(uuid.uuid4())
        await self.send("offer", call=call, to=to, description=description, **fields)
        return call

    async def answer(self, call: str, description: Description, **fields: Any) -> None:
        await self.send("answer", call=call, description=description, **fields)

    async def trickle(self, call: str, *candidates: Frame | None) -> None:
        """Each candidate in a message of its own; None is the end of candidates."""
        for candidate in candidates:
            await self.send("candidate", call=call, candidate=candidate)

    async def reject(self, call: str, reason: str = "declined", **fields: Any) -> None:
        await self.send("reject", call=call, reason=reason, **fields)

    async def hangup(self, call: str, reason: str = "done", **fields: Any) -> None:
        await self.send("hangup", call=call, reason=reason, **fields)

    async def bye(self) -> None:
        await self.send("bye")

    async def expect(self, kind: str, *, within: float = WITHIN_SECONDS, **fields: Any) -> Frame:
        """The first frame of this type (with these fields) that was not taken yet; others stay for later."""
        wanted = {"type": kind, **fields}
        for frame in self._untaken:
            if wanted.items() <= frame.items():
                self._untaken.remove(frame)
                return frame
        try:
            async with asyncio.timeout(within):
                return await self._wait_for(wanted)
        except TimeoutError:
            raise AssertionError(f"no {wanted} within {within} s, but {self._summary()}") from None
        except ConnectionClosed as closed:
            raise AssertionError(f"no {wanted}, but {self._summary()}, and then {closed}") from None

    async def expect_nothing_else(self) -> None:
        """All that the server had for this peer has been taken: a ping's pong is the next frame."""
        await self.send("ping", id="nothing else")
        await self.expect("pong", id="nothing else")
        assert not self._untaken, self._summary()

    async def expect_close(self, code: int, *, within: float = WITHIN_SECONDS) -> str:
        """The server closes the connection with this code; its reason. Frames that come before are kept."""
        await self.closed(within=within)
        assert self.socket.close_code == code, (self.socket.close_code, self.socket.close_reason)
        return self.socket.close_reason or ""

    async def closed(self, *, within: float = WITHIN_SECONDS) -> int:
        """The server closes the connection; with which code (1006: none). Frames that come before are kept."""
        try:
            async with asyncio.timeout(within):
                while True:
                    self._untaken.append(await self._receive())
        except TimeoutError:
            raise AssertionError(f"not closed within {within} s") from None
        except ConnectionClosed:
            return self.socket.close_code or 0

    async def _wait_for(self, wanted: Frame) -> Frame:
        while True:
            frame = await self._receive()
            if wanted.items() <= frame.items():
                return frame
            self._untaken.append(frame)

    async def _receive(self) -> Frame:
        frame: Frame = json.loads(await self.socket.recv())
        self.received.append(frame)
        if frame["type"] == "welcome":
            self.seq = self._resumed_from if frame["resumed"] else frame["seq"]
        elif "seq" in frame:
            assert frame["seq"] == self.seq + 1, f"seq {frame['seq']} after {self.seq}"
            self.seq = frame["seq"]
        return frame

    def _summary(self) -> str:
        """What came and was not asked for; no descriptions."""
        return f"got {[{name: frame.get(name) for name in ('type', 'code', 'reason')} for frame in self._untaken]}"
