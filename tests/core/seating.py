"""Tables as the contract has them: the model that the server is compared with. It knows nothing of the server."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.core.sitter import Sitter, TableView

CAPACITY, TABLES_EACH, KICK_SECONDS, GUESSES, GUESSES_SECONDS = 4, 2, 20, 2, 30
LIMITS: dict[str, float] = {
    "table_capacity": CAPACITY,
    "tables_per_session": TABLES_EACH,
    "kick_seconds": KICK_SECONDS,
    "failures": GUESSES,
    "failures_seconds": GUESSES_SECONDS,
}
RETRY_SECONDS = 5

Refusal = tuple[str, int | None]
"""The code, and the seconds of `retry_after`."""


@dataclass
class Seating:
    """One open table."""

    password: str | None
    capacity: int
    locked: bool = False
    members: list[Sitter] = field(default_factory=list)
    banned: dict[str, float] = field(default_factory=dict)
    """Until when, by peer."""

    @property
    def host(self) -> Sitter:
        """Who opened it; when the host leaves, whoever has sat longest: always the first."""
        return self.members[0]

    def bans(self, sitter: Sitter, now: float) -> bool:
        """Whether the host has sent this peer away."""
        return self.banned.get(sitter.peer, now) > now

    def as_told(self) -> TableView:
        """What everybody who sits there must know."""
        members = {sitter.peer: sitter.name for sitter in self.members}
        return TableView(members, self.host.peer, self.password is not None, self.locked, self.capacity)


class House:
    """All open tables, and what is remembered of wrong passwords."""

    def __init__(self) -> None:
        self.tables: dict[str, Seating] = {}
        self._guesses: dict[tuple[str, str], tuple[int, float]] = {}
        """Their number and the end of their window, by source and table."""

    # What changes

    def seat(self, sitter: Sitter, name: str, password: str | None, capacity: int | None) -> None:
        """The first to join opens the table and sets its password and capacity."""
        if name not in self.tables:
            self.tables[name] = Seating(password, capacity or CAPACITY)
        self.tables[name].members.append(sitter)

    def give_up(self, name: str, sitter: Sitter) -> None:
        """The last to leave closes the table."""
        self.tables[name].members.remove(sitter)
        if not self.tables[name].members:
            del self.tables[name]

    def desert(self, sitter: Sitter) -> None:
        """The session has ended."""
        for name in [name for name, member in self.seats() if member is sitter]:
            self.give_up(name, sitter)

    def kick(self, name: str, sitter: Sitter, now: float) -> None:
        """The host sends a member away."""
        self.tables[name].banned[sitter.peer] = now + KICK_SECONDS
        self.give_up(name, sitter)

    def count_guess(self, source: str, name: str, now: float) -> None:
        """One wrong password; the first opens a window."""
        guesses, window_ends = self._guesses.get((source, name), (0, now))
        if window_ends <= now:
            guesses, window_ends = 0, now + GUESSES_SECONDS
        self._guesses[source, name] = guesses + 1, window_ends

    # What is refused

    def refusal_of_join(
        self, sitter: Sitter, name: str, password: str | None, capacity: int | None, create: bool, now: float
    ) -> Refusal | None:
        """Why somebody who does not sit there may not join, if so."""
        table = self.tables.get(name)
        if capacity is not None and capacity > CAPACITY:
            return "limit_exceeded", None
        if sum(member is sitter for _, member in self.seats()) >= TABLES_EACH:
            return "limit_exceeded", RETRY_SECONDS
        if table is None:
            return None if create else ("table_unknown", None)
        if table.bans(sitter, now):
            return "forbidden", math.ceil(table.banned[sitter.peer] - now)
        guesses, window_ends = self._guesses.get((sitter.source, name), (0, now))
        if guesses >= GUESSES and window_ends > now:
            return "rate_limited", math.ceil(window_ends - now)
        return _refusal_at(table, password)

    def refusal_of(self, kind: str, sitter: Sitter, other: Sitter, name: str) -> str | None:
        """Why nobody may do this there to `other`, if so."""
        table = self.tables.get(name)
        members = table.members if table is not None else []
        if kind == "offer":
            return _refusal_of_offer(sitter, other, members)
        if table is None or sitter not in members:
            return None if kind == "join" else "table_unknown"
        if kind in {"join", "leave"}:
            return "already_seated" if kind == "join" else None
        if sitter is not table.host:
            return "not_host"
        if kind == "lock" or (other in members and other is not sitter):
            return None
        return "bad_peer" if other is sitter else "peer_unavailable"

    # Who sits where

    def seats(self) -> Iterator[tuple[str, Sitter]]:
        """Tables and their members."""
        return ((name, sitter) for name, table in self.tables.items() for sitter in table.members)

    def guests(self) -> Iterator[tuple[str, Sitter]]:
        """Those of them who are not the host."""
        return ((name, sitter) for name, sitter in self.seats() if sitter is not self.tables[name].host)


def _refusal_at(table: Seating, password: str | None) -> Refusal | None:
    if password != table.password:
        return "table_password", None
    if table.locked:
        return "table_locked", None
    return ("table_full", RETRY_SECONDS) if len(table.members) >= table.capacity else None


def _refusal_of_offer(sitter: Sitter, other: Sitter, members: list[Sitter]) -> str | None:
    if sitter is other:
        return "bad_peer"
    return None if sitter in members and other in members else "table_unknown"
