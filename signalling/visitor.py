"""Who a request comes from, as its ASGI scope and the trusted proxies tell; and who is not believed about it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
MOST_STRANGERS = 8
"""Anybody can send such a header, so the log says it of so many addresses and of no more."""
SOFTWARE_CHARACTERS = 200
"""A browser's User-Agent has 70 to 160."""
UNKNOWN_SOURCE = "unknown"
"""A client without an address (behind a Unix socket): all of these share one allowance."""


@dataclass(frozen=True, slots=True)
class Visitor:
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
    headers = scope["headers"]
    peer = scope["client"][0] if scope.get("client") else UNKNOWN_SOURCE
    address = client_address(peer, header_values(headers, b"x-forwarded-for"), trusted)
    origin = next(iter(header_values(headers, b"origin")), None)
    home = public_address if public_address is not None else _guessed_home(scope, peer, trusted)
    is_forwarded, is_unnamed = _is_forwarded(headers, peer, trusted), _is_unnamed(headers, address, trusted)
    software = _software(headers)
    return Visitor(
        new_request_id(), address, source_key(address), home, origin, is_forwarded, is_unnamed, software=software
    )


def as_the_client_came(scope: Mapping[str, Any], trusted: Sequence[IPNetwork]) -> dict[str, Any]:
    """This scope with the address and the scheme of the client itself, as far as trusted proxies tell them.

    An application that reads no headers of proxies, such as Django, is then right about both on every server program.
    """
    peer, port = scope.get("client") or (UNKNOWN_SOURCE, 0)
    address = client_address(peer, header_values(scope["headers"], b"x-forwarded-for"), trusted)
    return {**scope, "scheme": _scheme(scope, peer, trusted), "client": (address, port if address == peer else 0)}


def new_request_id() -> str:
    """By which the lines of the log about one request or connection are found."""
    return secrets.token_hex(8)


def header_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """All values of a header, in order; ASGI gives names in lower case."""
    return [value.decode("latin-1") for key, value in headers if key == name]


def _software(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The first User-Agent, without controls and what else does not print (RFC 9110, section 5.5: octets, not text)."""
    told = next(iter(header_values(headers, b"user-agent")), "")[:SOFTWARE_CHARACTERS]
    return told if told.isprintable() else "".join(filter(str.isprintable, told))


def _is_forwarded(headers: Iterable[tuple[bytes, bytes]], peer: str, trusted: Sequence[IPNetwork]) -> bool:
    """By a stranger with an address: one behind a Unix socket could not be named in `trustedproxies`."""
    if parse_ip(peer) is None or is_trusted(peer, trusted):
        return False
    return _are_forwarded(headers)


def _is_unnamed(headers: Iterable[tuple[bytes, bytes]], address: str, trusted: Sequence[IPNetwork]) -> bool:
    """X-Forwarded-For was read up to a proxy's address: is there more of it, which is none, or none at all?"""
    if not is_trusted(address, trusted):
        return False
    headers = list(headers)
    if values := header_values(headers, b"x-forwarded-for"):
        return any(parse_ip(entry.strip()) is None for value in values for entry in value.split(","))
    return _are_forwarded(headers)


def _are_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return not FORWARDING_HEADERS.isdisjoint(name for name, _ in headers)


def _guessed_home(scope: Mapping[str, Any], peer: str, trusted: Sequence[IPNetwork]) -> str:
    try:
        host = parse_authority(next(iter(header_values(scope["headers"], b"host")), ""))
    except BadAddress:
        return ""
    return f"{_scheme(scope, peer, trusted)}://{host}"


def _scheme(scope: Mapping[str, Any], peer: str, trusted: Sequence[IPNetwork]) -> Literal["http", "https"]:
    plain: Literal["http", "https"] = "https" if scope.get("scheme") in ("https", "wss") else "http"
    return client_scheme(plain, peer, header_values(scope["headers"], b"x-forwarded-proto"), trusted)
