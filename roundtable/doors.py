"""How many TCP connections there are that are no WebSockets (yet), in all and of one address."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from signalling.addresses import parse_ip, source_key
from signalling.throttle import Slots

if TYPE_CHECKING:
    from roundtable.launcher import Launcher


class Doors:
    """Who comes in has a slot, and gives it back when it goes or becomes a WebSocket."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        limits = launcher.limits
        self._slots = Slots(limits.http_connections, limits.http_connections_per_address)

    def enter(self, host: str) -> Hashable | None:
        """The slot of a connection from there; None when there are too many."""
        slot = object() if self._is_proxy(host) else source_key(host)
        if self._slots.acquire(slot):
            return slot
        self._note_refusal(slot)
        return None

    def leave(self, slot: Hashable) -> None:
        """One less. Raises ValueError when it was given back before."""
        self._slots.release(slot)

    def _note_refusal(self, slot: Hashable) -> None:
        limit = "http_connections_per_address" if self._slots.is_spent(slot) else "http_connections"
        self._launcher.note_refusal(
            limit, "too many HTTP connections", held=len(self._slots), held_by_address=self._slots.held(slot)
        )

    def _is_proxy(self, host: str) -> bool:
        """Whether many people's connections come from there."""
        address = parse_ip(host)
        return address is not None and any(address in network for network in self._launcher.trusted_proxies)
