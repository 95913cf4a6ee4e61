"""ICE servers for clients, with TURN credentials that expire. Pure.

The credentials are those of coturn's `use-auth-secret`, the TURN REST API (draft-uberti-behave-turn-rest-00): the user
name says until when it is good, and the password is an HMAC of it with a secret that this server shares with coturn.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

IceServer = Mapping[str, Any]


class Offering(NamedTuple):
    """What a client gets: W3C RTCIceServer dictionaries, and for how many seconds they are good (None: for ever)."""

    servers: Sequence[IceServer]
    ttl: int | None


@dataclass(frozen=True)
class Turn:
    """A coturn with a shared secret; `ttl` in seconds."""

    urls: Sequence[str]
    secret: str = field(repr=False)
    ttl: int


class IceServers:
    """The servers of the configuration, and a TURN server whose credentials are made for each peer anew."""

    def __init__(self, servers: Sequence[IceServer], turn: Turn | None = None) -> None:
        self._servers = servers
        self._turn = turn

    @property
    def has_stun(self) -> bool:
        """Whether clients can learn how they are seen from outside; a TURN server tells that as well (RFC 8656)."""
        return bool(self._servers) or self.has_turn

    @property
    def has_turn(self) -> bool:
        """Whether clients are offered a relay."""
        return self._turn is not None or any(_is_turn(server) for server in self._servers)

    def offering(self, peer: str, wall_seconds: float) -> Offering:
        """What this peer gets now; `wall_seconds` since the epoch, which coturn compares with its own clock."""
        if self._turn is None:
            return Offering(self._servers, None)
        return Offering([*self._servers, ephemeral(self._turn, peer, wall_seconds)], self._turn.ttl)


def ephemeral(turn: Turn, peer: str, wall_seconds: float) -> IceServer:
    """An RTCIceServer with credentials that coturn accepts for `ttl` seconds."""
    username = f"{int(wall_seconds) + turn.ttl}:{peer}"
    digest = hmac.new(turn.secret.encode(), username.encode(), hashlib.sha1).digest()
    return {"urls": list(turn.urls), "username": username, "credential": base64.b64encode(digest).decode("ascii")}


def _is_turn(server: IceServer) -> bool:
    urls = [server["urls"]] if isinstance(server["urls"], str) else server["urls"]
    return any(str(url).startswith(("turn:", "turns:")) for url in urls)
