"""Time as this process has lived it: what a connection's patience is measured by. Pure: `now` is monotonic seconds.

A process that was stopped (SIGSTOP, a suspended machine, a debugger) heard nobody meanwhile, though they may have
spoken: the time for which it did not run is no silence of theirs.
"""

from __future__ import annotations

_LATE_TICKS = 2
"""A tick that comes late counts for so many at the most."""


class RunningClock:
    """Seconds in which the process ran. It stands still between ticks, so whatever reads it may be a tick behind."""

    __slots__ = ("_last", "seconds", "tick_seconds")

    def __init__(self, tick_seconds: float, now: float) -> None:
        self.tick_seconds = tick_seconds
        self.seconds = 0.0
        self._last = now

    def tick(self, now: float) -> None:
        """Goes on. To be called every `tick_seconds`; what is missing of these calls is time that was not lived."""
        self.seconds += min(now - self._last, _LATE_TICKS * self.tick_seconds)
        self._last = now

    def has_passed(self, seconds: float, since: float) -> bool:
        """Whether so many seconds have passed for certain; at the latest two ticks after they have."""
        return self.seconds - since >= seconds + self.tick_seconds
