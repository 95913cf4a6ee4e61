"""After a peak the memory that it took goes back to the system.

What sessions and connections took is free as soon as they are gone (tests/server/test_uncollected.py), but neither
Python nor the C library gives back a stretch of memory in which anything is left: a cached address, an object that
Python keeps for the next one of its kind, a buffer. Those that can be made again are dropped here.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

from signalling.addresses import forget_addresses
from signalling.identity import forget_uuids

LEAST = 500
"""Sessions. Fewer make no peak: they take some 5 MB."""
SHARE = 10
"""A peak is over when a tenth of its sessions is left: those that stay hold stretches of memory too, and looking
through all that they are takes the longer the more there are."""
CALM_SECONDS = 20.0
"""For so long there are so few: in a storm, those who have gone come back."""


def give_memory_back() -> None:
    """Drops what is kept for convenience, and has the allocators return what is free. Takes some milliseconds."""
    forget_addresses()
    forget_uuids()
    gc.collect()  # and Python's free lists
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


class Ebb:
    """Notices that a peak is over."""

    def __init__(self, give_back: Callable[[], None] = give_memory_back) -> None:
        """`give_back` is called each time."""
        self._give_back = give_back
        self._most = 0
        self._calm_since: float | None = None

    def note(self, sessions: int, now: float) -> None:
        """So many there are now, in seconds of a clock; to be called every few moments."""
        self._most = max(self._most, sessions)
        if self._most < LEAST or sessions * SHARE > self._most:
            self._calm_since = None
            return
        if self._calm_since is None:
            self._calm_since = now
        if now - self._calm_since >= CALM_SECONDS:
            self._most, self._calm_since = sessions, None
            self._give_back()
