"""One input of the fuzz at a real server, whole enough to be repeated from a file: how it is sent, what may follow."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from signalling.codes import ErrorCode
from tests.core.wording import ADA, BOB, CALL
from tests.faults.placing import placed
from tests.faults.stranger import FAULTS, Door, Stranger

Kind = Literal["texts", "frames", "request", "handshake"]

UNAVAILABLE = {"peer_unavailable", "answer_timeout", "peer_gone", "draining", "limit_exceeded", "target_failed"}
"""The codes with which `POST /signal` answers 503."""
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_CODE = re.compile(rb'"code": ?"(\w+)"')


@dataclass(frozen=True)
class Attempt:
    """An input: octets as Latin-1, so that a file of JSON can hold them."""

    name: str
    kind: Kind
    octets: tuple[str, ...]
    """`texts`: each a text message. Else all of them together are what is sent."""
    given: str = "welcome"
    """How far the client has got: see tests/corpus/websocket.yaml."""
    peers: tuple[str, str, str] = (ADA, BOB, CALL)
    """Its own id, its partner's, and that of their call."""
    patience_seconds: float = 0.2
    """How long it waits for what may never come."""
    code: str | None = None
    """Of the error that the last one gets, if that is known."""
    state: str | None = None
    close: int | None = None
    status: int | None = None

    def write(self, file: Path) -> None:
        """To a file that `read` reads."""
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        """From such a file."""
        fields = json.loads(file.read_text())
        return cls(**{**fields, "octets": tuple(fields["octets"]), "peers": tuple(fields["peers"])})

    @property
    def raw(self) -> bytes:
        """All octets."""
        return "".join(self.octets).encode("latin-1")

    async def perform(self, door: Door) -> str:
        """Sends it; what became of it, in a word. Raises AssertionError for a fault of the server."""
        ways: dict[Kind, Callable[[Door], Coroutine[Any, Any, str]]] = {
            "texts": self._talk,
            "frames": self._send_frames,
            "request": self._request,
            "handshake": self._request,
        }
        return await ways[self.kind](door)

    # WebSockets

    async def _talk(self, door: Door) -> str:
        async with placed(door, self.given, self.peers) as (self_, partner):
            replies: list[dict[str, Any]] = []
            for number, text in enumerate(self.octets):
                self_.write(text.encode("latin-1"))
                self_.say("ping", id=f"probe {number}")
                replies = await self_.takes_until({"type": "pong", "id": f"probe {number}"})
            await self._check_partner(partner)
            self._check_end(self_.close_code, replies)
            return str(self_.close_code or _word(replies))

    async def _check_partner(self, partner: Stranger) -> None:
        """It may have been called or kicked, but it is still served."""
        partner.say("ping", id="partner")
        await partner.expect("pong", id="partner")

    def _check_end(self, close_code: int | None, replies: list[dict[str, Any]]) -> None:
        assert close_code not in FAULTS, f"closed with {close_code}"
        if self.code is not None or self.state is not None:
            reply = replies[0] if replies else {}
            got = (reply.get("code"), reply.get("state"), close_code)
            assert got == (self.code, self.state, self.close), f"{got} instead of {self.code, self.state, self.close}"

    async def _send_frames(self, door: Door) -> str:
        async with Stranger.connected(door) as stranger:
            stranger.say("hello")
            await stranger.expect("welcome")
            stranger.line.send_bytes(self.raw)
            lost = await stranger.is_lost_within(self.patience_seconds)
            assert stranger.close_code not in FAULTS, f"closed with {stranger.close_code}"
            return str(stranger.close_code) if lost else "open"

    # HTTP

    async def _request(self, door: Door) -> str:
        reader, writer = await asyncio.open_connection(door.host, door.port, local_addr=(door.source, 0))
        try:
            writer.write(self.raw)
            with suppress(ConnectionError):
                await writer.drain()
            return self._judge(await self._response(reader))
        finally:
            writer.transport.abort()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        """What comes until the connection ends or nothing more comes for so long."""
        response = b""
        with suppress(TimeoutError, ConnectionError):
            while True:
                patience = self.patience_seconds if not response else 0.05
                async with asyncio.timeout(patience):
                    read = await reader.read(2**20)
                if not read:
                    break
                response += read
        return response

    def _judge(self, response: bytes) -> str:
        statuses = [int(status) for status in _STATUS.findall(response)]
        codes = [code.decode() for code in _CODE.findall(response)]
        bad = [status for status in statuses if status >= 500 and status not in {503, 508}]
        assert not bad, f"answered {bad[0]}: {response[:300]!r}"
        assert 503 not in statuses or set(codes) & UNAVAILABLE, f"503 without its code: {response[:300]!r}"
        assert 508 not in statuses or "loop" in codes, f"508 without its code: {response[:300]!r}"
        assert set(codes) <= set(ErrorCode) - {"internal"}, f"codes {codes}"
        if self.status is not None:
            got = (statuses[:1], codes[:1])
            assert got == ([self.status], [self.code] * (self.code is not None)), f"{got} instead of {self.status}"
        return str(statuses[0]) if statuses else "nothing"


def _word(replies: list[dict[str, Any]]) -> str:
    reply = replies[0] if replies else {}
    return str(reply.get("code") or reply.get("type", "nothing"))
