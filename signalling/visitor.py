"""Who a request comes from, as its ASGI scope and the trusted proxies tell; and who is not believed about it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from roundtable.logs import logger
from signalling.addresses import (
    BadAddress,
    IPNetwork,
    client_address,
    client_scheme,
    is_trusted,
    parse_authority,
    parse_ip,
    source_key,
)

log = logger("signalling")

FORWARDING_HEADERS = frozenset(
    {
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"forwarded",
        b"cf-connecting-ip",
        b"true-client-ip",
        b"x-client-ip",
        b"x-real-ip",
    }
)
"""What proxies add, and browsers do not."""
_READ = FORWARDING_HEADERS | {b"host", b"origin", b"user-agent"}
MOST_STRANGERS = 8
"""Anybody can send such a header, so the log says it of so many addresses and of no more."""
SOFTWARE_CHARACTERS = 200
"""A browser's User-Agent has 70 to 160."""
UNKNOWN_SOURCE = "unknown"
"""A client without an address (behind a Unix socket): all of these share one allowance."""


class Visitor(msgspec.Struct, frozen=True):
    """One request or WebSocket handshake."""

    id: str
    """In every line that the log has about it."""
    address: str
    source: str
    """The IPv4 address or IPv6 /64: what limits count."""
    home: str
    """The public address of this server as this client knows it (a URL prefix), or empty."""
    origin: str | None
    through_stranger: bool = False
    """It came with a forwarding header, from an address that is not trusted: `source` may be many clients'."""
    is_unnamed: bool = False
    """A trusted proxy forwards for it and does not say for whom: `address` is the proxy's, and it may be anybody."""
    software: str = ""
    """What the client calls itself (User-Agent): one line of at most 200 characters, and a claim."""


class Strangers:
    """The addresses outside `trustedproxies` that say for whom they forward. Each is named once in the log."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def meet(self, guest: Visitor) -> None:
        """Warns of this one's address, if it is new and not one too many: all behind it share one allowance."""
        address = guest.address
        if not guest.through_stranger or address in self._named or len(self._named) >= MOST_STRANGERS:
            return
        self._named.add(address)
        log.warning(
            "a forwarding header came from an address that is not trusted: if that is your proxy, trust it",
            address=address,
            set=f'trustedproxies: ["{address}/{128 if ":" in address else 32}"]',
        )


def visitor(scope: Mapping[str, Any], public_address: str | None, trusted: Sequence[IPNetwork]) -> Visitor:
    """The visitor of this scope; while `public_address` is unset, `home` is guessed from its own Host header."""
    told = _read(scope["headers"])
    peer = scope["client"][0] if scope.get("client") else UNKNOWN_SOURCE
    address = client_address(peer, told.get(b"x-forwarded-for", []), trusted)
    return Visitor(
        new_request_id(),
        address,
        source_key(address),
        public_address if public_address is not None else _guessed_home(scope, told, peer, trusted),
        _first(told, b"origin"),
        _is_forwarded(told, peer, trusted),
        _is_unnamed(told, address, trusted),
        _software(_first(told, b"user-agent") or ""),
    )


def as_the_client_came(scope: Mapping[str, Any], trusted: Sequence[IPNetwork]) -> dict[str, Any]:
    """This scope with the address and the scheme of the client itself, as far as trusted proxies tell them.

    An application that reads no headers of proxies, such as Django, is then right about both on every server program.
    """
    peer, port = scope.get("client") or (UNKNOWN_SOURCE, 0)
    address = client_address(peer, header_values(scope["headers"], b"x-forwarded-for"), trusted)
    scheme = _scheme(scope, header_values(scope["headers"], b"x-forwarded-proto"), peer, trusted)
    return {**scope, "scheme": scheme, "client": (address, port if address == peer else 0)}


def new_request_id() -> str:
    """By which the lines of the log about one request or connection are found."""
    return secrets.token_hex(8)


def header_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """All values of a header, in order; ASGI gives names in lower case."""
    return [value.decode("latin-1") for key, value in headers if key == name]


Told = Mapping[bytes, list[str]]
"""All values of the headers that are read here, in order."""


def _read(headers: Iterable[tuple[bytes, bytes]]) -> Told:
    told: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in _READ:
            told.setdefault(name, []).append(value.decode("latin-1"))
    return told


def _first(told: Told, name: bytes) -> str | None:
    return told[name][0] if name in told else None


def _software(told: str) -> str:
    """A User-Agent without controls and what else does not print (RFC 9110, section 5.5: octets, not text)."""
    short = told[:SOFTWARE_CHARACTERS]
    return short if short.isprintable() else "".join(filter(str.isprintable, short))


def _is_forwarded(told: Told, peer: str, trusted: Sequence[IPNetwork]) -> bool:
    """By a stranger with an address: one behind a Unix socket could not be named in `trustedproxies`."""
    if FORWARDING_HEADERS.isdisjoint(told):
        return False
    return parse_ip(peer) is not None and not is_trusted(peer, trusted)


def _is_unnamed(told: Told, address: str, trusted: Sequence[IPNetwork]) -> bool:
    """X-Forwarded-For was read up to a proxy's address: is there more of it, which is none, or none at all?"""
    if FORWARDING_HEADERS.isdisjoint(told) or not is_trusted(address, trusted):
        return False
    values = told.get(b"x-forwarded-for", [])
    return not values or any(parse_ip(entry.strip()) is None for value in values for entry in value.split(","))


def _guessed_home(scope: Mapping[str, Any], told: Told, peer: str, trusted: Sequence[IPNetwork]) -> str:
    try:
        host = parse_authority(_first(told, b"host") or "")
    except BadAddress:
        return ""
    return f"{_scheme(scope, told.get(b'x-forwarded-proto', []), peer, trusted)}://{host}"


def _scheme(
    scope: Mapping[str, Any], forwarded: Sequence[str], peer: str, trusted: Sequence[IPNetwork]
) -> Literal["http", "https"]:
    plain: Literal["http", "https"] = "https" if scope.get("scheme") in ("https", "wss") else "http"
    return client_scheme(plain, peer, forwarded, trusted)
