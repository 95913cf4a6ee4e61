"""One client of many: it sits at a table, calls its table-mates, answers them, and comes back when it is cut off.

It does what docs/protocol.md tells clients to do, and notes in the crowd's ledger what came of it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from tests.faults.line import Line, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.crowd import Crowd

Frame = dict[str, Any]

WELCOME_SECONDS = 10.0
MOST_JITTER = 30
"""The longest wait before a reconnection, in terms of the first (docs/protocol.md: from 1 s, doubling to 30 s)."""
KEPT_MESSAGES = 64
"""Messages that are kept to be sent again after a resume; a client of this kind has fewer on their way."""

_decode = msgspec.json.Decoder(Frame).decode
_SDP = msgspec.json.encode("v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n" + "a=rtpmap:111 opus/48000/2\r\n" * 50)
"""Of some 1,400 bytes, as a voice call's is."""
OFFER = b'{"type":"offer","sdp":%b}' % _SDP
ANSWER = b'{"type":"answer","sdp":%b}' % _SDP
_CANDIDATE = b'{"candidate":"candidate:%d 1 udp 2130706431 192.0.2.1 50000 typ host","sdpMid":"0","sdpMLineIndex":0}'


class Client:
    """Its session, across connections. `mates` are the others at its table."""

    def __init__(self, crowd: Crowd, source: str, table: str | None = None) -> None:
        self._crowd = crowd
        self._ledger = crowd.ledger
        self.source = source
        self.table = table
        self.peer: str | None = None
        self._proof: str | None = None
        self._resume: str | None = None
        self._seq = 0
        self._said = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT_MESSAGES)
        self._line: Line | None = None
        self._welcomed: asyncio.Future[None] | None = None
        self._seated: asyncio.Future[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._retry_after = 0.0
        self.mates: list[str] = []
        self._placed: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        self._due: dict[str, int] = {}
        """How many candidates are still to come in calls that it placed."""
        self.is_leaving = False
        self.was_told = False
        """`going_away` has come."""
        self.close_codes: list[int] = []
        self._handlers: dict[str, Callable[[Frame], None]] = {
            "welcome": self._hear_welcome,
            "joined": self._hear_joined,
            "peer_joined": self._hear_peer_joined,
            "peer_left": self._hear_peer_left,
            "ack": self._hear_ack,
            "offer": self._hear_offer,
            "answer": self._hear_answer,
            "candidate": self._hear_candidate,
            "reject": self._hear_outcome,
            "hangup": self._hear_outcome,
            "error": self._hear_error,
            "going_away": self._hear_going_away,
        }

    # Coming and going

    @property
    def line(self) -> Line:
        """Its connection. Fails while it has none."""
        assert self._line is not None, "not connected"
        return self._line

    @property
    def has_gone(self) -> bool:
        """Whether it has no connection."""
        return self._line is None

    @property
    def is_present(self) -> bool:
        """Whether it is connected, welcome and seated, and not on its way out."""
        is_seated = self._seated is None or self._seated.done()
        return self._line is not None and self._welcomed is None and is_seated and not self.is_leaving

    async def enter(self) -> None:
        """Connects, says hello, and sits down. Raises OSError, Refused or TimeoutError."""
        line: Line = Line(self._hear, lambda code: self._lose(line, code))
        async with asyncio.timeout(WELCOME_SECONDS):
            await line.open(self._crowd.host, self._crowd.port, self.source, self._crowd.receive_buffer_bytes)
        loop = asyncio.get_running_loop()
        self._line, self._welcomed = line, loop.create_future()
        self._seated = loop.create_future() if self.table is not None else None
        line.send(self._hello())
        async with asyncio.timeout(WELCOME_SECONDS):
            await self._welcomed
            self._welcomed = None
            if self._seated is not None:
                await self._seated

    def leave(self) -> None:
        """Says `bye`."""
        self.is_leaving = True
        self._say(b'{"type":"bye"}')

    def stop(self) -> None:
        """Ends all that it does, without a word."""
        self.is_leaving = True
        if self._returning is not None:
            self._returning.cancel()
        if self._line is not None:
            self._line.abort()

    def _hello(self) -> bytes:
        known = {"peer": self.peer, "proof": self._proof, "resume": self._resume}
        hello: Frame = {"type": "hello", **{name: value for name, value in known.items() if value is not None}}
        if self._resume is not None:
            hello["seq"] = self._seq
        return msgspec.json.encode(hello)

    def _lose(self, line: Line, code: int) -> None:
        if line is not self._line:
            return
        self._line = None
        self.close_codes.append(code)
        self._crowd.closes[code] += 1
        for waiting in (self._welcomed, self._seated):
            if waiting is not None and not waiting.done():
                waiting.set_exception(ConnectionResetError(f"closed with {code}"))
                return  # whoever waits tries again
        if self._resume is None or not self._crowd.comes_back or self.is_leaving:
            self._forget_calls()
        if self._crowd.comes_back and not self.is_leaving and is_invitation(code):
            self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        jitter_seconds = self._crowd.jitter_seconds
        while not self.is_leaving:
            await asyncio.sleep(max(self._retry_after, self._crowd.chance.uniform(0, jitter_seconds)))
            jitter_seconds = min(2 * jitter_seconds, MOST_JITTER * self._crowd.jitter_seconds)
            with suppress(OSError, Refused, TimeoutError):
                await self.enter()
                self._retry_after = 0.0
                return

    def _hear_welcome(self, frame: Frame) -> None:
        self._crowd.note_welcome(self, frame)
        self.peer = frame["peer"]
        self._proof = frame.get("proof", self._proof)
        self._resume = frame.get("resume")
        if frame["resumed"]:
            self._say_again(frame["received"])
        else:
            self._begin_anew()
        if self._welcomed is not None and not self._welcomed.done():
            self._welcomed.set_result(None)

    def _say_again(self, received: int) -> None:
        """The connection was lost, the session was not: what the server has not taken up is sent again."""
        if self._said - received > len(self._kept):
            self._crowd.complaints["more was lost than is kept"] += 1
        for number, text in self._kept:
            if number > received:
                self.line.send(text)
        if self._seated is not None and not self._seated.done():
            self._seated.set_result(None)

    def _begin_anew(self) -> None:
        self._forget_calls()
        self._seq = self._said = 0
        self._kept.clear()
        self.mates.clear()
        if self.table is not None:
            self._say(b'{"type":"join","table":"%b"}' % self.table.encode())

    def _hear_going_away(self, frame: Frame) -> None:
        self.was_told = True
        self._retry_after = frame["retry_after"]

    # Tables

    def _hear_joined(self, frame: Frame) -> None:
        self.mates = [seated["peer"] for seated in frame["peers"]]
        if self._seated is not None and not self._seated.done():
            self._seated.set_result(None)
        if self._crowd.is_meshed:
            for mate in self.mates:
                self.call(mate)

    def _hear_peer_joined(self, frame: Frame) -> None:
        self.mates.append(frame["peer"])

    def _hear_peer_left(self, frame: Frame) -> None:
        assert self.peer is not None
        self._crowd.note_departure(self.peer, frame)
        with suppress(ValueError):
            self.mates.remove(frame["peer"])

    # Calls

    def call(self, callee: str) -> str:
        """Offers a call to a peer; its id, under which the ledger has it."""
        call = str(uuid.uuid4())
        self._placed[call] = callee
        self._ledger.offered(call, time.monotonic())
        table = b',"table":"%b"' % self.table.encode() if self.table is not None else b""
        self._say(
            b'{"type":"offer","id":"%b","call":"%b","to":"%b"%b,"description":%b}'
            % (call.encode(), call.encode(), callee.encode(), table, OFFER)
        )
        return call

    def hang_up(self, call: str) -> None:
        """Ends a call that was answered, if it still lasts."""
        if self._placed.pop(call, None) is not None:
            self._say_in(call, "hangup", b',"reason":"done"')

    def trickle(self, call: str, other: str, padding: bytes = b"") -> None:
        """One candidate to the other party, numbered; `padding` is a member more, to make it long."""
        assert self.peer is not None
        number = self._ledger.next_number(self.peer, other)
        self._say_in(call, "candidate", b',"candidate":' + (_CANDIDATE % number)[:-1] + padding + b"}")

    def _hear_offer(self, frame: Frame) -> None:
        call, caller = frame["call"], frame["from"]
        self._ledger.delivered(call, time.monotonic())
        match self._crowd.manner():
            case "answer":
                self._taken[call] = caller
                self._say_in(call, "answer", b',"description":' + ANSWER)
                self._trickle_all(call, caller)
            case "reject":
                self._say_in(call, "reject", b',"reason":"busy"')
            case "hangup":
                self._say_in(call, "hangup", b',"reason":"done"')

    def _hear_ack(self, frame: Frame) -> None:
        self._ledger.ack(frame["id"])  # an offer's is its call

    def _hear_answer(self, frame: Frame) -> None:
        call = frame["call"]
        self._ledger.ended(call, "answer", time.monotonic())
        if call not in self._placed:
            return
        self._trickle_all(call, self._placed[call])
        self._due[call] = self._crowd.candidates
        self._hang_up_soon(call)

    def _hang_up_soon(self, call: str) -> None:
        """When all has come that the callee said: what is still on its way would cross with the hang-up."""
        if self._due.get(call) == 0 and not self._crowd.is_meshed:
            del self._due[call]
            asyncio.get_running_loop().call_later(self._crowd.call_seconds, self.hang_up, call)

    def _trickle_all(self, call: str, other: str) -> None:
        for _ in range(self._crowd.candidates):
            self.trickle(call, other)

    def _hear_candidate(self, frame: Frame) -> None:
        assert self.peer is not None
        number = int(frame["candidate"]["candidate"].partition(" ")[0].removeprefix("candidate:"))
        self._ledger.received(frame["from"], self.peer, number)
        call = frame["call"]
        if call in self._due:
            self._due[call] -= 1
            self._hang_up_soon(call)

    def _hear_outcome(self, frame: Frame) -> None:
        """A rejection or a hang-up: of an offer it made, or of a call that was answered."""
        call = frame["call"]
        self._taken.pop(call, None)
        self._due.pop(call, None)
        if self._placed.pop(call, None) is not None and (call in self._ledger.open or frame["type"] == "reject"):
            self._ledger.ended(call, frame["type"], time.monotonic())

    def _hear_error(self, frame: Frame) -> None:
        code = frame["code"]
        self._crowd.errors[code] += 1
        self._retry_after = frame.get("retry_after", 0.0)
        refused_offer = frame.get("id") if frame.get("about") == "offer" else None
        call = refused_offer or (frame.get("call") if "about" not in frame else None)
        if call is not None and self._placed.pop(call, None) is not None:
            self._ledger.ended(call, code, time.monotonic())

    def _forget_calls(self) -> None:
        """Its session is over, and with it the offers that it waits for."""
        for call in self._placed:
            self._ledger.forgotten(call, time.monotonic(), at_goodbye=self.is_leaving)
        self._placed.clear()
        self._taken.clear()
        self._due.clear()

    # Frames

    def _say_in(self, call: str, kind: str, fields: bytes) -> None:
        self._say(b'{"type":"%b","call":"%b"%b}' % (kind.encode(), call.encode(), fields))

    def _say(self, text: bytes) -> None:
        self._said += 1
        if self._resume is not None:
            self._kept.append((self._said, text))
        if self._line is not None:
            self._line.send(text)

    def _hear(self, text: bytes) -> None:
        frame = _decode(text)
        kind = frame["type"]
        if "seq" in frame and kind != "welcome":
            if frame["seq"] != self._seq + 1:
                self._crowd.complaints["seq is not the next"] += 1
            self._seq = frame["seq"]
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(frame)


def is_invitation(code: int) -> bool:
    """Whether a client comes back after this close code (docs/protocol.md, "Close codes and reconnecting")."""
    return code not in {1002, 1007, 1009} and not 4500 <= code <= 4999
