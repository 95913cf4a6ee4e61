"""The frames that the server sends over the WebSocket: what they hold and how they are written. Pure.

A frame is encoded once, without its `seq`; `number` puts in the one of the session that gets it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from signalling.codes import AckState, ErrorCode

SUBPROTOCOL = "roundtable.v1"
SERVER = "roundtable-signalling/1.0"

_encoder = msgspec.json.Encoder()


class Frame(Struct, tag_field="type", tag=str.lower, kw_only=True):
    """Fields that are UNSET are left out."""


class Welcome(Frame):
    peer: str
    resume: str
    resumed: bool
    seq: int
    identifier: str
    ice_servers: Sequence[Mapping[str, Any]]
    ice_ttl: float | None
    limits: dict[str, float]
    heartbeat: float
    server: str
    reports: bool = True
    received: int | UnsetType = UNSET
    proof: str | UnsetType = UNSET
    id: str | UnsetType = UNSET


class Pong(Frame):
    id: str | UnsetType = UNSET


class IceServers(Frame, tag="ice_servers"):
    ice_servers: Sequence[Mapping[str, Any]]
    ice_ttl: float | None
    id: str | UnsetType = UNSET


class Ack(Frame):
    id: str
    state: AckState
    trickle: bool | UnsetType = UNSET


class Error(Frame):
    """With an `id` it refuses that message; with a `call` and no `id` it is the outcome of that call's first offer."""

    code: ErrorCode
    message: str
    id: str | UnsetType = UNSET
    about: str | UnsetType = UNSET
    call: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class Offer(Frame):
    call: str
    from_: str = msgspec.field(name="from")
    description: Raw
    polite: bool
    trickle: bool
    expires: float
    name: str | UnsetType = UNSET
    table: str | UnsetType = UNSET
    via: str | UnsetType = UNSET


class Answer(Frame):
    call: str
    from_: str = msgspec.field(name="from")
    description: Raw


class Candidate(Frame):
    call: str
    from_: str = msgspec.field(name="from")
    candidate: Raw | UnsetType = UNSET
    candidates: Raw | UnsetType = UNSET


class Reject(Frame):
    call: str
    from_: str = msgspec.field(name="from")
    reason: str


class Hangup(Frame):
    call: str
    from_: str = msgspec.field(name="from")
    reason: str


class Member(Struct):
    """A peer at a table."""

    peer: str
    name: str | UnsetType = UNSET


class Joined(Frame):
    table: str
    peers: list[Member]
    host: str
    opened: bool
    protected: bool
    locked: bool
    capacity: int
    id: str | UnsetType = UNSET


class PeerJoined(Frame, tag="peer_joined"):
    table: str
    peer: str
    name: str | UnsetType = UNSET


class PeerLeft(Frame, tag="peer_left"):
    table: str
    peer: str
    reason: str


class TableState(Frame, tag="table"):
    table: str
    host: str
    locked: bool
    capacity: int


class GoingAway(Frame, tag="going_away"):
    retry_after: int


def encode(frame: Frame) -> bytes:
    """The frame as UTF-8 JSON, without `seq` unless it is a field of its own."""
    return _encoder.encode(frame)


def plain(number: float) -> float:
    """The number without a fraction where it has none: 30 and not 30.0."""
    return int(number) if number == int(number) else number


def number(body: bytes, seq: int) -> bytes:
    """The encoded frame with its place in the session's sequence."""
    return b'%b,"seq":%d}' % (body[:-1], seq)
