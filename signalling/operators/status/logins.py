"""Log-ins that failed, and who has to wait after how many of them. Pages run in threads, so there is a lock here.

A flood of log-ins must neither find a password nor take the processor from signalling: what is refused costs no hash,
and few hashes are made at once.
"""

from __future__ import annotations

import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from signalling.limits import Limits
from signalling.throttle import Attempts, Slots

AT_ONCE = 4
"""Passwords that are checked at once: each takes a processor for some tenths of a second."""
BUSY_SECONDS = 1.0

Limit = Literal["login_failures", "login_failures_per_account"]


class TooMany(Exception):
    """This log-in is refused, whether the password is right or wrong."""

    def __init__(self, retry_after: float, limit: Limit | None) -> None:
        """`retry_after`: in seconds. `limit`: the key of `limits`; None when too many are being checked now."""
        super().__init__(retry_after)
        self.retry_after = retry_after
        self.limit = limit


class Logins:
    """Counts failures by source and by the name of the account. Successes forgive nothing."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: monotonic seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._of_source = Attempts(limits.login_failures, limits.failures_seconds, limits.tracked)
        self._of_account = Attempts(limits.login_failures_per_account, limits.failures_seconds, limits.tracked)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        """From where each account was logged in to, the latest last."""
        self._tracked = limits.tracked
        self._slots = Slots(AT_ONCE, 1)

    @contextmanager
    def attempt(self, source: str, account: str) -> Iterator[None]:
        """While a password is checked: one of a source at a time, or its guesses would be counted too late.

        Raises TooMany when this source, or everybody for this account, has failed too often. The latter does not hold
        where the account was logged in to before: else strangers could keep its owner out.
        """
        with self._lock:
            self._admit(source, account)
            if not self._slots.acquire(source):
                raise TooMany(BUSY_SECONDS, None)
        try:
            yield
        finally:
            with self._lock:
                self._slots.release(source)

    def _admit(self, source: str, account: str) -> None:
        now, name = self._clock(), _folded(account)
        of_account = 0.0 if (source, name) in self._known else self._of_account.retry_after(name, now)
        waits: list[tuple[float, Limit]] = [
            (self._of_source.retry_after(source, now), "login_failures"),
            (of_account, "login_failures_per_account"),
        ]
        longest, limit = max(waits)
        if longest:
            raise TooMany(longest, limit)

    def fail(self, source: str, account: str) -> None:
        """Counts one failure."""
        with self._lock:
            now = self._clock()
            self._of_source.add(source, now)
            self._of_account.add(_folded(account), now)

    def succeed(self, source: str, account: str) -> None:
        """Remembers from where; it forgives no failure."""
        with self._lock:
            known = source, _folded(account)
            self._known[known] = None
            self._known.move_to_end(known)
            if len(self._known) > self._tracked:
                self._known.popitem(last=False)


def _folded(account: str) -> str:
    """One key for all spellings that could lead to one account; of a long one, the part that a name may have."""
    return unicodedata.normalize("NFKC", account[:150]).casefold()
