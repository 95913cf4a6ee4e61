"""How times, sizes, ids, addresses and names are written on the operator's pages. Pure; nothing here is markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network

from signalling.addresses import parse_ip

_STEPS = ((60.0, 1.0, "s"), (3_600.0, 60.0, "min"), (86_400.0, 3_600.0, "h"))
_DAY_SECONDS = 86_400.0
PEER_CHARACTERS = 8
HIDDEN = "…"
_OUTCOMES = {
    "answer": "answered",
    "reject": "rejected",
    "hangup": "hung up",
    "glare": "crossed with another call",
    "withdrawn": "withdrawn by its caller",
    "answer_timeout": "no answer in time",
    "peer_unavailable": "no such peer",
    "peer_gone": "callee lost",
    "target_failed": "address did not answer",
    "target_not_allowed": "address not allowed",
}
"""Of `figures.OUTCOMES` those whose names do not say it."""
_TRANSPORTS = {"websocket": "WebSocket", "http": "HTTP"}


def lasting(seconds: float) -> str:
    """A length of time in its largest unit, rounded down: `3 s`, `12 min`, `5 h`, `8 d`."""
    for end, unit_seconds, unit in _STEPS:
        if seconds < end:
            return f"{int(max(seconds, 0) // unit_seconds)} {unit}"
    return f"{int(seconds // _DAY_SECONDS)} d"


def ago(seconds: float) -> str:
    """How long ago something was; what is less than a second ago is `now`."""
    return "now" if seconds < 1 else f"{lasting(seconds)} ago"


def exactly(seconds: float | None) -> str:
    """A short time: milliseconds below a second, else seconds with two decimals; a dash for None."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def percent(share: float | None) -> str:
    """A share in per cent, a dash for None. What is not quite everything is not 100 %."""
    if share is None:
        return "–"
    return f"{min(share * 100, 99.9) if share < 1 else 100:.3g} %"


def as_words(name: str) -> str:
    """A name of the protocol as people read it: `end_of_candidates` is `end of candidates`."""
    return name.replace("_", " ")


def outcome(name: str) -> str:
    """What became of an offer, as people say it."""
    return _OUTCOMES.get(name, as_words(name))


def transport(name: str) -> str:
    """How a client came."""
    return _TRANSPORTS[name]


def named(names: Mapping[str, str], peer: str) -> str:
    """The peer's name among these; empty when it has none."""
    return names.get(peer, "")


def shortened_peer(peer: str) -> str:
    """The beginning of a peer's id."""
    return peer[:PEER_CHARACTERS] + HIDDEN if len(peer) > PEER_CHARACTERS else peer


def shortened_address(address: str) -> str:
    """An address without what tells one client from another: `192.0.2.x`, and IPv6's /64."""
    parsed = parse_ip(address.removesuffix("/64"))
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed).rpartition(".")[0] + ".x"
    return str(ip_network(f"{parsed}/64", strict=False))


_PLAIN = re.compile(r"[^A-Za-z0-9-]")
_ESCAPE = re.compile(rb"_([0-9A-F]{2})")


def path_of(name: str) -> str:
    """A name as one segment of a path, also one that is `..` or has a slash."""
    return _PLAIN.sub(lambda match: "".join(f"_{octet:02X}" for octet in match[0].encode()), name)


def name_in(path: str) -> str:
    """The name that this segment stands for; also as Django's admin writes those of its objects."""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), path.encode()).decode(errors="replace")
