"""Seeded mutations of inputs, good and bad: of their octets, and of the JSON they hold. What is sent where is not here.

The same seed and the same material make the same inputs.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

MAX_OCTETS = 70_000
"""A little over what the server reads of one message."""

_TOKENS = (
    b"\x00", b"\r\n", b"\r\n\r\n", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"\xef\xbb\xbf",
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80",
    b"null", b"true", b"-1", b"1e999", b"NaN", b'{"type":"ping"}', b"9" * 400, b"[" * 2_000, b"\x88\x00", b"\x81\x80",
)  # fmt: skip
"""Octets that mean something to somebody on the way."""


class Literal(str):
    """JSON that is written as it stands, for what `json` would not write."""


class Members(list[tuple[str, Any]]):
    """A JSON object as its members, of which two may have the same name."""


_ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 0.5, 65_536, 2**31, 2**53 + 1, 2**64, Literal("1e999"), Literal("-0"), Literal("NaN"),
    Literal("9" * 5_000), Literal('"\\ud800"'), Literal('"\\u0000"'), Literal("[" * 3_000 + "]" * 3_000),
    Literal('{"type":' * 1_000 + "1" + "}" * 1_000), "", " ", "x" * 65, "x" * 10_000,
    "\u202e", "\u2028", "İ", "\U0001f600",
    "offer", "answer", "hello", "__init__", "websocket.disconnect", "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    Members(), Members([("type", "offer")]), Members([("sdp", "v=0"), ("type", "answer")]), [], [None], [[]],
)  # fmt: skip
"""What stands in the place of a value that a message has."""

_NAMES = (
    "type", "id", "call", "to", "from", "peer", "name", "proof", "resume", "seq", "description", "candidate",
    "candidates", "table", "password", "capacity", "create", "locked", "trickle", "reason", "polite", "expires", "via",
    "OfferUUID", "offeruuid", "AnsweringPeerID", "OfferingPeerID", "WebRTCSessionDescription", "Uuid", "PublicIP", "",
)  # fmt: skip


class Mutator:
    """Makes inputs out of its material: each time one of them, changed in one to four places."""

    def __init__(self, seed: int | str, material: Sequence[bytes]) -> None:
        self.chance = random.Random(seed)
        self.material = material

    def input(self) -> bytes:
        """The next input."""
        return self.mutated(self.chance.choice(self.material))

    def mutated(self, octets: bytes) -> bytes:
        """The same, changed; at most MAX_OCTETS."""
        for _ in range(self.chance.choice((1, 1, 2, 4))):
            octets = self._changed(octets)[:MAX_OCTETS]
        return octets

    def mutated_request(self, octets: bytes) -> bytes:
        """The same HTTP request with another body and the length of that, or changed anywhere."""
        head, end, body = octets.partition(b"\r\n\r\n")
        if not body or self.chance.random() < 0.4:
            return self.changed_octets(octets)
        body = self.mutated(body)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        return b"\r\n".join((*lines, b"Content-Length: %d" % len(body))) + end + body

    def _changed(self, octets: bytes) -> bytes:
        if self.chance.random() < 0.6:
            members = _read(octets)
            if members is not None:
                return self._with_other_json(members)
        return self.changed_octets(octets)

    # Octets

    def changed_octets(self, octets: bytes) -> bytes:
        """The same octets, changed in one place."""
        changes: tuple[Callable[[bytes], bytes], ...] = (
            self._flip, self._flip, self._truncate, self._splice,
            self._insert, self._insert, self._cut_out, self._repeat,
        )  # fmt: skip
        return self.chance.choice(changes)(octets)

    def _place(self, octets: bytes) -> int:
        return self.chance.randrange(len(octets) + 1)

    def _flip(self, octets: bytes) -> bytes:
        if not octets:
            return b"\x80"
        place = self.chance.randrange(len(octets))
        return octets[:place] + bytes([octets[place] ^ (1 << self.chance.randrange(8))]) + octets[place + 1 :]

    def _truncate(self, octets: bytes) -> bytes:
        return octets[: self._place(octets)]

    def _splice(self, octets: bytes) -> bytes:
        other = self.chance.choice(self.material)
        return octets[: self._place(octets)] + other[self._place(other) :]

    def _insert(self, octets: bytes) -> bytes:
        place = self._place(octets)
        return octets[:place] + self.chance.choice(_TOKENS) + octets[place:]

    def _cut_out(self, octets: bytes) -> bytes:
        begin, end = sorted((self._place(octets), self._place(octets)))
        return octets[:begin] + octets[end:]

    def _repeat(self, octets: bytes) -> bytes:
        begin, end = sorted((self._place(octets), self._place(octets)))
        return octets[:begin] + octets[begin:end] * self.chance.choice((2, 3, 200)) + octets[end:]

    # JSON

    def _with_other_json(self, members: Members) -> bytes:
        target = self.chance.choice(list(_objects(members)))
        changes: tuple[Callable[[Members], None], ...] = (
            self._other_value, self._other_value, self._drop, self._double, self._add, self._other_case,
        )  # fmt: skip
        self.chance.choice(changes)(target)
        return _write(members).encode("utf-8", "surrogatepass")

    def _other_value(self, members: Members) -> None:
        if members:
            place = self.chance.randrange(len(members))
            members[place] = (members[place][0], self.chance.choice(_ODD_VALUES))

    def _drop(self, members: Members) -> None:
        if members:
            members.pop(self.chance.randrange(len(members)))

    def _double(self, members: Members) -> None:
        if members:
            name, value = self.chance.choice(members)
            members.insert(self.chance.randrange(len(members) + 1), (name, self.chance.choice((value, *_ODD_VALUES))))

    def _add(self, members: Members) -> None:
        members.append((self.chance.choice(_NAMES), self.chance.choice(_ODD_VALUES)))

    def _other_case(self, members: Members) -> None:
        if members:
            place = self.chance.randrange(len(members))
            members[place] = (members[place][0].swapcase(), members[place][1])


def _read(octets: bytes) -> Members | None:
    """The object that these octets are, if they are one."""
    try:
        value = json.loads(octets, object_pairs_hook=Members)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Members) else None


def _objects(value: Any) -> list[Members]:
    """The objects in it, itself first."""
    within = [member for _, member in value] if isinstance(value, Members) else value if isinstance(value, list) else []
    found = [value] if isinstance(value, Members) else []
    return found + [deeper for member in within for deeper in _objects(member)]


def _write(value: Any) -> str:
    if isinstance(value, Literal):
        return value
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name)}:{_write(member)}" for name, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
