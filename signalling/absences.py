"""Who is away: sessions whose connection is lost, until they are resumed or their time is up. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signalling.sessions import Session


class Absences:
    """Sessions that are away, the longest first; so many at most in all, and so many of one source.

    Without these bounds, whoever connects and goes in a loop would fill the memory with sessions that wait for him.
    """

    __slots__ = ("_by_source", "_per_source", "_since", "_total", "seconds")

    def __init__(self, seconds: float, total: int, per_source: int) -> None:
        self.seconds = seconds
        self._total = total
        self._per_source = per_source
        self._since: OrderedDict[Session, float] = OrderedDict()  # a dict is slow to give its first, when many went
        self._by_source: dict[str, dict[Session, None]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def begin(self, session: Session, now: float) -> tuple[Session, str] | None:
        """The session is away from now on. When there are too many: one that has to give way, and the limit's name.

        Of one source that is the longest away of those that have neither calls nor seats, or else of all: who has them
        is not crowded out by neighbours who come and go for nothing.
        """
        self._since[session] = now
        neighbours = self._by_source.setdefault(session.source, {})
        neighbours[session] = None
        if len(neighbours) > self._per_source:
            idle = (each for each in neighbours if not each.calls and not each.tables)
            return next(idle, next(iter(neighbours))), "connections_per_address"
        return (next(iter(self._since)), "connections") if len(self._since) > self._total else None

    def end(self, session: Session) -> None:
        """The session is back, or over."""
        if self._since.pop(session, None) is None:
            return
        source = session.source
        neighbours = self._by_source[source]
        del neighbours[session]
        if not neighbours:
            del self._by_source[source]

    def next(self) -> float | None:
        """When the first one's time is up, or None."""
        return next(iter(self._since.values())) + self.seconds if self._since else None

    def due(self, now: float) -> Iterator[Session]:
        """Those whose time is up; each is to be ended before the next is asked for."""
        while (when := self.next()) is not None and when <= now:
            yield next(iter(self._since))
