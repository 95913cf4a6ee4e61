"""What a client says to each server, and what its frames begin with: the same negotiation in each one's own protocol.

What is carried is the same everywhere; only what is around it differs.
"""

from __future__ import annotations

import json
import uuid
from typing import ClassVar, Literal, Protocol

from benchmarks.material import ANSWER, CANDIDATE, OFFER, compact

Kind = Literal["offer", "answer", "candidate", "hangup"]

_OFFER, _ANSWER, _CANDIDATE = compact(OFFER), compact(ANSWER), compact(CANDIDATE)


class Dialect(Protocol):
    """One server's protocol, as far as it is measured."""

    hello: bytes | None
    """What a client says first; None when its URL says it all."""
    bye: bytes | None
    """What it says before it leaves for good; None when closing says it."""

    def path(self) -> str:
        """Where the next client connects to."""

    def welcomed(self, path: str, frame: bytes) -> str:
        """The peer id of the client that connected there and got this frame first. Raises ValueError when refused."""

    def hello_again(self, welcome: bytes) -> bytes | None:
        """What a client says first that was welcomed so, lost its connection, and is back on the same path."""

    def is_back(self, welcome: bytes) -> bool:
        """Whether it is who it was, if it is told."""

    def say(self, kind: Kind, call: str, to: str) -> bytes:
        """A message of this call for that peer."""

    def opening(self, kind: Kind) -> bytes:
        """With what the frame begins that is delivered for such a message."""


class Roundtable:
    """Ours (docs/protocol.md)."""

    hello: bytes | None = b'{"type":"hello"}'
    bye: bytes | None = b'{"type":"bye"}'

    def path(self) -> str:
        return "/signal"

    def welcomed(self, path: str, frame: bytes) -> str:
        welcome = json.loads(frame)
        if welcome["type"] != "welcome":
            raise ValueError(frame.decode())
        return str(welcome["peer"])

    def hello_again(self, welcome: bytes) -> bytes | None:
        known = ("peer", "proof", "resume", "seq")
        kept = {name: value for name, value in json.loads(welcome).items() if name in known}
        return compact({"type": "hello", **kept}).encode()

    def is_back(self, welcome: bytes) -> bool:
        return bool(json.loads(welcome)["resumed"])

    def say(self, kind: Kind, call: str, to: str) -> bytes:
        match kind:
            case "offer":
                text = f'{{"type":"offer","call":"{call}","to":"{to}","description":{_OFFER}}}'
            case "answer":
                text = f'{{"type":"answer","call":"{call}","description":{_ANSWER}}}'
            case "candidate":
                text = f'{{"type":"candidate","call":"{call}","candidate":{_CANDIDATE}}}'
            case "hangup":
                text = f'{{"type":"hangup","call":"{call}"}}'
        return text.encode()

    def opening(self, kind: Kind) -> bytes:
        return f'{{"type":"{kind}"'.encode()


class PeerJS:
    """PeerJS' (its client's lib/socket.ts and lib/negotiator.ts). It relays what it does not look into."""

    hello: bytes | None = None
    bye: bytes | None = None

    _types: ClassVar[dict[Kind, str]] = {
        "offer": "OFFER",
        "answer": "ANSWER",
        "candidate": "CANDIDATE",
        "hangup": "LEAVE",
    }

    def path(self) -> str:
        return f"/peerjs?key=peerjs&id={uuid.uuid4()}&token={uuid.uuid4().hex[:11]}&version=1.5.5"

    def welcomed(self, path: str, frame: bytes) -> str:
        if json.loads(frame)["type"] != "OPEN":
            raise ValueError(frame.decode())
        return path.partition("&id=")[2].partition("&")[0]

    def hello_again(self, welcome: bytes) -> bytes | None:
        return None

    def is_back(self, welcome: bytes) -> bool:
        return True

    def say(self, kind: Kind, call: str, to: str) -> bytes:
        connection = f'"type":"media","connectionId":"mc_{call}"'
        match kind:
            case "offer":
                payload = f'{{"sdp":{_OFFER},{connection}}}'
            case "answer":
                payload = f'{{"sdp":{_ANSWER},{connection}}}'
            case "candidate":
                payload = f'{{"candidate":{_CANDIDATE},{connection}}}'
            case "hangup":
                payload = f"{{{connection}}}"
        return f'{{"type":"{self._types[kind]}","payload":{payload},"dst":"{to}"}}'.encode()

    def opening(self, kind: Kind) -> bytes:
        return f'{{"type":"{self._types[kind]}"'.encode()


class Textbook:
    """That of benchmarks/textbook: every message names its receiver."""

    hello: bytes | None = b'{"type":"hello"}'
    bye: bytes | None = None

    def path(self) -> str:
        return "/signal"

    def welcomed(self, path: str, frame: bytes) -> str:
        return str(json.loads(frame)["peer"])

    def hello_again(self, welcome: bytes) -> bytes | None:
        return self.hello

    def is_back(self, welcome: bytes) -> bool:
        return True

    def say(self, kind: Kind, call: str, to: str) -> bytes:
        carried = {
            "offer": f',"description":{_OFFER}',
            "answer": f',"description":{_ANSWER}',
            "candidate": f',"candidate":{_CANDIDATE}',
            "hangup": "",
        }[kind]
        return f'{{"type":"{kind}","call":"{call}","to":"{to}"{carried}}}'.encode()

    def opening(self, kind: Kind) -> bytes:
        return f'{{"type": "{kind}"'.encode()
