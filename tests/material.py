"""What mutations start from: good messages and requests, and both corpora of bad ones, as the octets that are sent."""

import json
from functools import cache

from websockets.frames import Frame, Opcode

from tests import httpcorpus
from tests.core.corpus import read_corpus
from tests.core.wording import ADA, ANSWER, BOB, CALL, CANDIDATE, LARGER, OFFER, SMALLER
from tests.posting import offer

MESSAGES = [
    {"type": "hello"},
    {"type": "hello", "peer": ADA, "name": "Ada", "id": "h"},
    {"type": "hello", "peer": ADA, "resume": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "seq": 1},
    {"type": "offer", "call": CALL, "to": BOB, "description": OFFER, "id": "o"},
    {"type": "offer", "call": LARGER, "to": ADA, "description": OFFER, "trickle": False},
    {"type": "offer", "call": CALL, "description": OFFER},
    {"type": "offer", "call": SMALLER, "to": BOB, "description": OFFER, "table": "camelot"},
    {"type": "answer", "call": CALL, "description": ANSWER, "id": "a"},
    {"type": "candidate", "call": CALL, "candidate": CANDIDATE, "id": "c"},
    {"type": "candidate", "call": CALL, "candidates": [CANDIDATE, CANDIDATE]},
    {"type": "candidate", "call": CALL, "candidate": None},
    {"type": "reject", "call": CALL, "reason": "busy"},
    {"type": "hangup", "call": CALL, "reason": "done"},
    {"type": "ping", "id": "p"},
    {"type": "ice_servers", "id": "i"},
    {"type": "bye"},
    {"type": "join", "table": "camelot", "password": "x", "capacity": 8, "id": "j"},
    {"type": "join", "table": "camelot", "password": "x"},
    {"type": "leave", "table": "camelot"},
    {"type": "lock", "table": "camelot", "locked": True},
    {"type": "kick", "table": "camelot", "peer": BOB},
]
"""One of each type, and more; ADA is who says them, BOB whom they are about, CALL their call."""

_HANDSHAKE = {
    "Host": "here.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@cache
def texts() -> list[bytes]:
    """Text messages: as many good ones as bad."""
    bad = [frame.encode() for case in read_corpus() for frame in case.frames if isinstance(frame, str)]
    good = [json.dumps(message).encode() for message in MESSAGES]
    return good * (1 + len(bad) // len(good)) + bad


@cache
def frames() -> list[bytes]:
    """Frames of a client as they go over the wire: messages whole and in pieces, control frames, several at once."""
    whole = [_frame(Opcode.TEXT, text) for text in texts() if len(text) < 2_000]
    control = [_frame(opcode, b"octets") for opcode in (Opcode.PING, Opcode.PONG, Opcode.BINARY)]
    closing = [_frame(Opcode.CLOSE, code.to_bytes(2, "big") + b"bye") for code in (1000, 1001, 4000)]
    between = _frame(Opcode.PING, b"between")
    pieces = _frame(Opcode.TEXT, b'{"type":', fin=False) + between + _frame(Opcode.CONT, b'"ping"}')
    together = [whole[place] + whole[-place] + control[0] for place in range(1, 20)]
    return whole + (control + closing + [pieces] * 5) * 5 + together


def _frame(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    """Masked with zeros, so that the same seed makes the same octets."""
    unmasked = Frame(opcode, payload, fin=fin).serialize(mask=False)
    head = unmasked[: len(unmasked) - len(payload)]
    return bytes([head[0], head[1] | 0x80]) + head[2:] + bytes(4) + payload


@cache
def requests() -> list[bytes]:
    """HTTP requests, head and body: good offers to nobody here, the corpus, and those for pages."""
    good = [httpcorpus.octets("POST", "/signal", {"Host": "here.example"}, offer(BOB, call=CALL))] * 60
    gets = [
        httpcorpus.octets("GET", path, {"Host": "localhost"}, b"")
        for path in (
            "/",
            "/call/",
            "/healthz",
            "/readyz",
            "/asyncapi.yaml",
            "/static/signalling/roundtable.js",
            "/signal",
        )
    ]
    headed = [
        httpcorpus.octets("POST", "/signal", {"Host": "here.example", name: value}, offer(BOB, call=CALL))
        for name, value in (
            ("Transfer-Encoding", "chunked"),
            ("X-Forwarded-For", "192.0.2.1, 192.0.2.2"),
            ("Forwarded", "for=192.0.2.1"),
            ("Daphne-Root-Path", "/x"),
            ("Origin", "https://app.example"),
            ("Via", "1.1 elsewhere"),
            ("Roundtable-Hop", "1"),
            ("Expect", "100-continue"),
        )
    ]
    return good + [bad.octets for bad in httpcorpus.read_corpus()] + (gets + headed) * 4


@cache
def handshakes() -> list[bytes]:
    """Openings of a WebSocket, good and odd."""
    odd: tuple[dict[str, str], ...] = (
        {},
        {"Sec-WebSocket-Protocol": "roundtable.v1"},
        {"Sec-WebSocket-Protocol": "chat, superchat"},
        {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"},
        {"Origin": "https://app.example"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"Daphne-Root-Path": "/x"},
        {"Sec-WebSocket-Version": "8"},
    )
    paths = ("/signal", "/signal", "/signal?x=1", "/elsewhere")
    return [httpcorpus.octets("GET", path, {**_HANDSHAKE, **headers}, b"") for headers in odd for path in paths]
