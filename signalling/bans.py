"""Whom the operator has disconnected: peers, and addresses, that may not come back for a while. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

BANNED = "the operator has disconnected you"

Kind = Literal["peer", "address"]


@dataclass(frozen=True, slots=True)
class Ban:
    """Who may not come back for a while."""

    subject: str
    """A peer id, or the source of limits: an IPv4 address or IPv6 /64."""
    kind: Kind
    left: float
    """Seconds until it is over."""


class Bans:
    """All bans, each equally long; at most `tracked`, beyond which the oldest is over early."""

    def __init__(self, seconds: float, tracked: int) -> None:
        self._seconds = seconds
        self._tracked = tracked
        self._until: OrderedDict[str, tuple[Kind, float]] = OrderedDict()
        """By subject, in order of time: a UUID is no address, so the two kinds cannot be taken for each other."""

    def __len__(self) -> int:
        return len(self._until)

    def put(self, subject: str, kind: Kind, now: float) -> None:
        """Bans a peer id, or the source of limits; who is banned already is so for the whole time again."""
        self._forget(now)
        self._until[subject] = kind, now + self._seconds
        self._until.move_to_end(subject)
        if len(self._until) > self._tracked:
            self._until.popitem(last=False)

    def lift(self, subject: str, now: float) -> bool:
        """Ends a ban. False when there is none."""
        self._forget(now)
        return self._until.pop(subject, None) is not None

    def retry_after(self, subject: str, now: float) -> float:
        """The seconds for which this one is still refused; 0.0 when it is not."""
        _, until = self._until.get(subject, ("peer", now))
        return max(until - now, 0.0)

    def listed(self, now: float) -> tuple[Ban, ...]:
        """All bans, the latest first."""
        self._forget(now)
        return tuple(Ban(subject, kind, until - now) for subject, (kind, until) in reversed(self._until.items()))

    def _forget(self, now: float) -> None:
        while self._until and next(iter(self._until.values()))[1] <= now:
            self._until.popitem(last=False)
