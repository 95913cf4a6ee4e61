"""The table of raw frames, read from its two files, which say what their fields mean. Pure.

What comes back is put into words here, too, so that it can be compared with a case's `gets`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml
from msgspec import UNSET, Struct, UnsetType

from tests import rawframes
from tests.rawframes import ClientFrame, ServerFrame

CORPUS = Path(__file__).parent / "corpus"
OPCODES = {
    "more": rawframes.CONTINUATION,
    "text": rawframes.TEXT,
    "binary": rawframes.BINARY,
    "close": rawframes.CLOSE,
    "ping": rawframes.PING,
    "pong": rawframes.PONG,
}
UNIFORM_BYTES = 16
"""A payload of at least so many equal octets is told by their number."""


class Octets(Struct, forbid_unknown_fields=True):
    """A payload that is not simply written out."""

    hex: str = ""
    echo: str | Octets | UnsetType = UNSET
    length: int = 0
    repeat: str | Octets = ""
    times: int = 0


Payload = str | Octets


class Step(Struct, forbid_unknown_fields=True):
    """One frame, or one message in fragments, or something to wait for."""

    more: Payload | UnsetType = UNSET
    text: Payload | UnsetType = UNSET
    binary: Payload | UnsetType = UNSET
    close: Payload | UnsetType = UNSET
    ping: Payload | UnsetType = UNSET
    pong: Payload | UnsetType = UNSET
    opcode: int | UnsetType = UNSET
    payload: Payload = ""
    reason: Payload = ""
    fin: bool = True
    rsv: int = 0
    masked: bool = True
    length_bytes: int | None = None
    declares: int | None = None
    every: int = 0
    times: int = 1
    wait: int = 0

    def octets(self) -> list[bytes]:
        """Its frames."""
        return [rawframes.encode(frame) for frame in self.frames()] * self.times

    def frames(self) -> Iterator[ClientFrame]:
        """Its frames, once."""
        opcode, payload = self._named()
        if not self.every:
            yield ClientFrame(opcode, payload, self.fin, self.rsv, self.masked, self.length_bytes, self.declares)
            return
        for start in range(0, len(payload), self.every):
            is_last = start + self.every >= len(payload)
            yield ClientFrame(opcode if start == 0 else 0, payload[start : start + self.every], fin=is_last)

    def _named(self) -> tuple[int, bytes]:
        if self.opcode is not UNSET:
            return self.opcode, encoded(self.payload)
        (kind,) = [kind for kind in OPCODES if getattr(self, kind) is not UNSET]
        written = getattr(self, kind)
        if kind == "close" and isinstance(written, str) and written:
            return rawframes.CLOSE, int(written).to_bytes(2) + encoded(self.reason)
        return OPCODES[kind], encoded(written)


class Deviation(Struct, forbid_unknown_fields=True):
    """What comes back instead, and why that may be so."""

    gets: list[str]
    why: str


class Case(Struct, forbid_unknown_fields=True):
    """One line of the table."""

    after: str
    name: str
    sends: list[Step]
    gets: list[str]
    writes: str = "whole"
    deviation: Deviation | None = None

    @property
    def title(self) -> str:
        return f"{self.after} {self.name}"

    @property
    def expected(self) -> list[str]:
        """What must come: what the table wants, but for a named deviation."""
        return self.gets if self.deviation is None else self.deviation.gets

    def expected_on(self, lane: str) -> list[str]:
        """The same of one lane of the launcher: on the fast one the application answers at once, and none deviates."""
        return self.gets if lane == "fast" else self.expected

    @property
    def is_closed(self) -> bool:
        """Somebody closes in the course of it; else the client does in the end."""
        return any(outcome.startswith(("close", "dropped")) for outcome in self.expected)

    @property
    def closes(self) -> bool:
        """The client sends a close frame, right or wrong."""
        return any(step.close is not UNSET for step in self.sends)

    def pieces(self, steps: list[Step]) -> list[bytes]:
        """The octets of these steps, one item for each write."""
        frames = [octets for step in steps for octets in step.octets()]
        if self.writes == "frames":
            return frames
        stream = b"".join(frames)
        size = len(stream) or 1 if self.writes == "whole" else int(self.writes)
        return [stream[start : start + size] for start in range(0, len(stream), size)]


class Character(Struct, forbid_unknown_fields=True):
    """One line of the table of characters: octets that are or are not UTF-8."""

    after: str
    name: str
    octets: str
    gets: str

    def as_case(self) -> Case:
        """They stand in the `id` of an application's ping, whose pong brings them back."""
        ping = Step(text=Octets(echo=Octets(hex=self.octets)))
        return Case(self.after, self.name, [ping], [self.gets])


def read_cases() -> list[Case]:
    """All cases, in the order of the files. Raises msgspec.ValidationError for what is no case."""
    cases = msgspec.convert(_read("frames.yaml"), list[Case], strict=False)
    characters = msgspec.convert(_read("characters.yaml"), list[Character], strict=False)
    return [*cases, *(character.as_case() for character in characters)]


def encoded(payload: Payload) -> bytes:
    """The octets of a payload."""
    if isinstance(payload, str):
        return payload.encode()
    if payload.echo is not UNSET:
        return ping_message(encoded(payload.echo), payload.length)
    return encoded(payload.repeat) * payload.times + bytes.fromhex(payload.hex)


def ping_message(echo: bytes, length: int = 0) -> bytes:
    """The application's ping with this `id`, which its pong repeats; filled up to so many bytes when that is more."""
    start, filling, end = b'{"type":"ping","id":"' + echo + b'"', b',"filling":"', b'"}'
    spare = length - len(start + filling + end)
    return start + b"}" if spare < 0 else start + filling + b"*" * spare + end


def described(frame: ServerFrame) -> str:
    """A frame of the server in the words of the table."""
    match frame.opcode:
        case rawframes.TEXT:
            return _message(json.loads(frame.payload))
        case rawframes.CLOSE:
            return f"close {frame.close_code or 'without a code'}"
        case rawframes.PING:
            return f"ping {_shown(frame.payload)}"
        case _:
            return f"pong {_shown(frame.payload)}".strip()


def _message(message: dict[str, object]) -> str:
    kind, name = message["type"], message.get("id")
    if kind == "pong" and isinstance(name, str):
        return f"echo {''.join(_visible(character) for character in name)}".strip()
    return f"error {message['code']}" if kind == "error" else f"a {kind}"


def _visible(character: str) -> str:
    """Escaped is also what would mislead in the table: what runs from right to left, and what editors may normalise."""
    is_plain = (
        character.isprintable()
        and unicodedata.bidirectional(character) not in {"R", "AL"}
        and unicodedata.is_normalized("NFC", character)
    )
    return character if is_plain else character.encode("unicode_escape").decode()


def _shown(octets: bytes) -> str:
    if len(octets) >= UNIFORM_BYTES and len(set(octets)) == 1:
        return f"{len(octets)} x 0x{octets[:1].hex()}"
    is_text = octets.isascii() and octets.decode("ascii").isprintable()
    return octets.decode() if is_text else f"0x{octets.hex()}"


def _read(name: str) -> object:
    """Every scalar as the text that stands there: to YAML, 2.10 is 2.1 and the octets 80 are a number."""
    return yaml.load((CORPUS / name).read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 (it constructs only texts)
