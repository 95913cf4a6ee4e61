"""Rates, attempts and counts held at once: what `limits.py` bounds is counted here. Pure: `now` is monotonic seconds.

Everything that has keys is bounded by `tracked`, otherwise the limiter would be the leak. What is forgotten must not be
worth forgetting on purpose: whoever floods a table with keys to lose the one that holds him back finds that what holds
nobody back (full buckets, windows that passed, keys below their limit) goes first.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable
from itertools import islice

_ROUNDING = 0.01
"""Of a token: forgives what floating point loses over a long burst, months after the clock began."""
_CANDIDATES = 8
"""How many of the least recently used buckets are compared when one that is not full must be forgotten."""


class Bucket:
    """A token bucket, kept as the one moment at which it will be full (the generic cell rate algorithm)."""

    __slots__ = ("_depth", "_full_at", "_interval", "_slack")

    def __init__(self, rate: float, burst: float) -> None:
        """`rate` tokens a second, at most `burst` at once; full at first."""
        self._interval = 1 / rate
        self._depth = (burst - 1) / rate
        self._slack = _ROUNDING / rate
        self._full_at = float("-inf")

    def take(self, now: float) -> float:
        """0.0 when a token was taken, else the seconds until one is there; a refusal costs nothing."""
        start = self._full_at if self._full_at > now else now
        wait = start - now - self._depth
        if wait > self._slack:
            return wait
        self._full_at = start + self._interval
        return 0.0


class Buckets:
    """Token buckets of one rate, by key.

    A full bucket says nothing, so it is not kept. When `tracked` are not full, the fullest of the least recently used
    goes: an emptied bucket outlives those that a flood of other keys has touched once each.
    """

    __slots__ = ("_depth", "_full_at", "_interval", "_slack", "_tracked")

    def __init__(self, rate: float, burst: float, tracked: int) -> None:
        self._interval = 1 / rate
        self._depth = (burst - 1) / rate
        self._slack = _ROUNDING / rate
        self._tracked = tracked
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: Hashable, now: float) -> float:
        """0.0 when a token of this key was taken, else the seconds until one is there; a refusal costs nothing."""
        start = max(self._full_at.get(key, now), now)
        wait = start - now - self._depth
        if wait > self._slack:
            self._full_at.move_to_end(key)
            return wait
        self._full_at[key] = start + self._interval
        self._full_at.move_to_end(key)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        while self._full_at and next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)
        if len(self._full_at) > self._tracked:
            oldest = islice(self._full_at, min(_CANDIDATES, self._tracked))
            del self._full_at[min(oldest, key=self._full_at.__getitem__)]


class Attempts:
    """Failures by key, within a window that the first one opens: at the limit a key is refused until it has passed.

    Nobody is held up: a refusal comes at once, with the seconds to wait. Keys at their limit are kept apart from those
    below it, so that pushing one of them out takes `tracked` others at *their* limit.
    """

    __slots__ = ("_blocked", "_counting", "_limit", "_seconds", "_tracked")

    def __init__(self, limit: int, seconds: float, tracked: int) -> None:
        self._limit = limit
        self._seconds = seconds
        self._tracked = tracked
        self._counting: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        """Failures so far and the end of their window; in the order of these ends, as all windows are equally long."""
        self._blocked: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counting) + len(self._blocked)

    def retry_after(self, key: Hashable, now: float) -> float:
        """0.0 while this key may try, else the seconds until it may."""
        return max(self._blocked.get(key, now) - now, 0.0)

    def add(self, key: Hashable, now: float) -> None:
        """Counts one failure of this key."""
        self._forget(now)
        if self.retry_after(key, now):
            return
        self._blocked.pop(key, None)
        failures, ends = self._counting.get(key, (0, now + self._seconds))
        if failures + 1 < self._limit:
            self._counting[key] = failures + 1, ends
        else:
            self._counting.pop(key, None)
            self._blocked[key] = ends
        self._bound()

    def _forget(self, now: float) -> None:
        while self._counting and next(iter(self._counting.values()))[1] <= now:
            self._counting.popitem(last=False)
        while self._blocked and next(iter(self._blocked.values())) <= now:
            self._blocked.popitem(last=False)

    def _bound(self) -> None:
        if len(self._counting) > self._tracked:
            self._counting.popitem(last=False)
        if len(self._blocked) > self._tracked:
            self._blocked.popitem(last=False)


class Slots:
    """What is held at once: at most `total` in all, and `each` for one key. A key that holds nothing is not kept."""

    __slots__ = ("_each", "_held", "_total", "_used")

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._used = 0
        self._held: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        """How many are held in all."""
        return self._used

    def held(self, key: Hashable) -> int:
        """How many this key holds."""
        return self._held[key]

    def is_spent(self, key: Hashable) -> bool:
        """Whether this key holds all that one key may; if not, a refusal is for the total."""
        return self._held[key] >= self._each

    def acquire(self, key: Hashable) -> bool:
        """Takes one for this key, or takes none and says False."""
        if self._used >= self._total or self._held[key] >= self._each:
            return False
        self._used += 1
        self._held[key] += 1
        return True

    def release(self, key: Hashable) -> None:
        """Gives one back. Raises ValueError when this key holds none: that would be an error of this program."""
        if key not in self._held:
            raise ValueError("released a slot that was not acquired")
        self._used -= 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]


class Breaker:
    """Leaves a key alone for `seconds` after `failures` in a row, and again after each further one.

    One success closes it. Forgetting a record merely closes it early: rates hold without it.
    """

    __slots__ = ("_failures", "_records", "_seconds", "_tracked")

    def __init__(self, failures: int, seconds: float, tracked: int) -> None:
        self._failures = failures
        self._seconds = seconds
        self._tracked = tracked
        self._records: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def is_open(self, key: Hashable, now: float) -> bool:
        """Whether this key is to be left alone now."""
        failures, since = self._records.get(key, (0, now))
        return failures >= self._failures and now < since + self._seconds

    def failed(self, key: Hashable, now: float) -> bool:
        """Counts one failure; whether the breaker is open now."""
        failures, _ = self._records.pop(key, (0, now))
        self._records[key] = failures + 1, now
        if len(self._records) > self._tracked:
            self._records.popitem(last=False)
        return failures + 1 >= self._failures

    def succeeded(self, key: Hashable) -> None:
        """Forgets the failures of this key."""
        self._records.pop(key, None)


class Remembered:
    """A set of at most `tracked` keys: the one added longest ago is forgotten first."""

    __slots__ = ("_keys", "_tracked")

    def __init__(self, tracked: int) -> None:
        self._tracked = tracked
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> None:
        """Remembers this key, as the newest."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._tracked:
            self._keys.popitem(last=False)

    def discard(self, key: Hashable) -> None:
        """Forgets this key, if it is remembered."""
        self._keys.pop(key, None)
