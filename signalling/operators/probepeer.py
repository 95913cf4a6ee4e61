"""A synthetic peer: one WebSocket to a server that is being probed, and what may be expected of it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType

from signalling.operators.probefindings import Unexpected

Frame = dict[str, Any]
MOST_UNTAKEN = 64
"""Frames beside those that are waited for: a server has no reason for any, and one that never ends must not keep us."""


class ProbePeer:
    """One peer. Everything that it waits for has to come before `deadline`, in the event loop's time."""

    def __init__(self, socket: ClientWebSocketResponse, deadline: float) -> None:
        self._socket = socket
        self._deadline = deadline
        self._untaken: list[Frame] = []
        self.welcome: Frame = {}

    @property
    def id(self) -> str:
        """The id that the server gave it."""
        return str(self.welcome["peer"])

    async def hello(self, name: str) -> None:
        """Says hello without an id, so that the server makes one that nobody has. Raises Unexpected."""
        await self.send("hello", name=name)
        self.welcome = await self.expect("welcome", "a welcome")
        wanted = ("peer", "identifier", "server")
        if not all(isinstance(self.welcome.get(field), str) for field in wanted):
            raise Unexpected(f"a welcome with {', '.join(wanted)}", "one without")

    async def send(self, kind: str, **fields: Any) -> None:
        """Sends a message. Raises Unexpected when the connection is gone."""
        text = msgspec.json.encode({"type": kind, **fields}).decode()
        try:
            await self._socket.send_str(text)
        except (ConnectionError, RuntimeError) as error:  # aiohttp 3.14 raises RuntimeError for a closed one
            raise Unexpected(f"a connection that takes the {kind}", "a lost connection") from error

    async def expect(self, kind: str, expected: str, **fields: Any) -> Frame:
        """The first frame of this type with these fields that was not taken yet. Raises Unexpected."""
        wanted = {"type": kind, **fields}
        while True:
            for frame in self._untaken:
                if _has(frame, wanted):
                    self._untaken.remove(frame)
                    return frame
            if len(self._untaken) == MOST_UNTAKEN:
                raise Unexpected(expected, f"{MOST_UNTAKEN} other frames")
            self._untaken.append(await self._receive(expected))
            self._heed_refusal(expected, wanted)

    async def bye(self) -> None:
        """Ends the session: nobody is left. Raises Unexpected when the server does not close with 1000."""
        await self.send("bye")
        expected = "the close of a session that said bye, 1000"
        try:
            while True:
                await self._receive(expected)
        except Unexpected:
            if self._socket.close_code != 1000:
                raise

    async def leave(self) -> None:
        """As `bye`, after a failure: whatever comes of it. Raises nothing that a failed connection can cause."""
        if not self._socket.closed:
            try:
                await self.send("bye")
            except Unexpected:
                return
            await self._socket.close()

    def _heed_refusal(self, expected: str, wanted: Frame) -> None:
        """An error, or a goodbye, is no frame to wait behind."""
        last = self._untaken[-1]
        if last["type"] in ("error", "going_away") and not _has(last, wanted):
            raise Unexpected(expected, summary(last))

    async def _receive(self, expected: str) -> Frame:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._socket.receive()
        except TimeoutError as error:
            got = [frame["type"] for frame in self._untaken]
            raise Unexpected(expected, f"nothing more in time, but {', '.join(got)}" if got else "nothing") from error
        if message.type is WSMsgType.TEXT:
            return _frame(message.data, expected)
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            reason = message.extra if isinstance(message.extra, str) else ""
            raise Unexpected(expected, f"a close, {self._socket.close_code} {reason}".rstrip())
        if message.type is WSMsgType.ERROR:
            raise Unexpected(expected, f"a broken WebSocket: {message.data}")
        raise Unexpected(expected, f"a {message.type.name.lower()} frame")


def summary(frame: Frame) -> str:
    """The frame's type, and of an error its code and sentence."""
    words = [str(frame[name]) for name in ("type", "code", "message") if name in frame]
    return ": ".join(words)


def _frame(text: str, expected: str) -> Frame:
    try:
        frame = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unexpected(expected, f"no JSON object, but {text[:80]}") from error
    if not isinstance(frame.get("type"), str):
        raise Unexpected(expected, "a frame without a type")
    return frame


def _has(frame: Frame, wanted: Frame) -> bool:
    return all(frame.get(name) == value for name, value in wanted.items())
