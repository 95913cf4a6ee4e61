"""The last hour, minute by minute: what the plots of an overview show. Pure.

Nothing is counted here. At the end of a minute the totals since the process began are kept, and a minute, or the hour,
is the difference between two of them: so counting costs nothing more, and an idle minute nothing at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from signalling.histogram import quantile

MINUTES = 60
SECONDS = 60


class Totals(NamedTuple):
    """What was counted since the process began."""

    begun: int
    outcomes: tuple[int, ...]
    """In the order of `figures.OUTCOMES`."""
    messages: int
    refusals: int
    answers: tuple[int, ...]
    """The buckets of the seconds from an offer to its answer."""
    lags: tuple[int, ...]
    """The buckets of the event loop's lag."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of the last hour."""

    begun: int
    """First offers of calls."""
    answered: int
    failed: int
    """Those that ended otherwise; by `figures.FAILURES`."""
    messages: int
    """From clients on WebSockets."""
    refusals: int
    """By limits."""
    greatest_sessions: int
    """The most that there were at once."""
    lag_p99_seconds: float | None
    """None when nobody looked: nothing had come yet, or the process did not run."""


class _End(NamedTuple):
    minute: int
    totals: Totals
    greatest_sessions: int


class LastHour:
    """The totals at the ends of the last sixty minutes. `now` is monotonic seconds; minutes are whole ones of it."""

    __slots__ = ("_ends", "_greatest_sessions", "_minute", "_read", "_zero")

    def __init__(self, read: Callable[[], Totals]) -> None:
        """`read`: the totals now."""
        self._read = read
        self._zero = read()
        self._ends: deque[_End] = deque(maxlen=MINUTES)
        self._minute: int | None = None
        self._greatest_sessions = 0

    def advance(self, now: float) -> None:
        """To be called before something is counted: what was counted until here belongs to the minute before."""
        minute = int(now // SECONDS)
        if minute == self._minute:
            return
        if self._minute is not None:
            self._ends.append(_End(self._minute, self._read(), self._greatest_sessions))
        self._minute = minute
        self._greatest_sessions = 0

    def see_sessions(self, count: int) -> None:
        """There are so many at this moment."""
        if count > self._greatest_sessions:
            self._greatest_sessions = count

    def before(self, now: float) -> Totals:
        """The totals when the hour that ends with the running minute began."""
        self.advance(now)
        return self._at_end_of(int(now // SECONDS) - MINUTES)

    def minutes(self, now: float, lag_bounds: Sequence[float], failures: Sequence[int]) -> tuple[Minute, ...]:
        """Sixty, the oldest first; the last is the one that runs. `failures`: which of `outcomes` are some."""
        self.advance(now)
        running = int(now // SECONDS)
        ends = {end.minute: end for end in self._ends}
        ends[running] = _End(running, self._read(), self._greatest_sessions)
        before = self._at_end_of(running - MINUTES)
        minutes = []
        for number in range(running - MINUTES + 1, running + 1):
            end = ends.get(number, _End(number, before, 0))
            minutes.append(_minute(before, end, lag_bounds, failures))
            before = end.totals
        return tuple(minutes)

    def calls_per_minute(self, now: float) -> float:
        """Calls begun in the last sixty seconds; of the minute before the running one, its share."""
        self.advance(now)
        running = int(now // SECONDS)
        last = self._at_end_of(running - 1)
        rest = 1 - now % SECONDS / SECONDS
        return self._read().begun - last.begun + rest * (last.begun - self._at_end_of(running - 2).begun)

    def _at_end_of(self, minute: int) -> Totals:
        """A minute that has no end of its own passed while nobody looked: nothing was counted in it."""
        return next((end.totals for end in reversed(self._ends) if end.minute <= minute), self._zero)


def _minute(before: Totals, end: _End, lag_bounds: Sequence[float], failures: Sequence[int]) -> Minute:
    totals = end.totals
    outcomes = difference(totals.outcomes, before.outcomes)
    return Minute(
        begun=totals.begun - before.begun,
        answered=outcomes[0],
        failed=sum(outcomes[index] for index in failures),
        messages=totals.messages - before.messages,
        refusals=totals.refusals - before.refusals,
        greatest_sessions=end.greatest_sessions,
        lag_p99_seconds=quantile(lag_bounds, difference(totals.lags, before.lags), 0.99),
    )


def difference(after: Sequence[int], before: Sequence[int]) -> tuple[int, ...]:
    """What was counted between the two, count by count."""
    return tuple(later - earlier for later, earlier in zip(after, before, strict=True))
