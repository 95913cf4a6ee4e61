"""How often each limit has refused somebody. Pure: no clock, no log; the switchboard owns the one of its process."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from signalling.limits import Limits


class Tally:
    """Refusals by the key of `limits` that refused. It is bounded: it has exactly the keys that there are."""

    __slots__ = ("_refusals",)

    def __init__(self) -> None:
        self._refusals = dict.fromkeys(Limits.model_fields, 0)

    def count(self, limit: str | None) -> None:
        """Counts one refusal; None is one that no limit made. Raises KeyError for what is no key of `limits`."""
        if limit is not None:
            self._refusals[limit] += 1

    @property
    def refusals(self) -> Mapping[str, int]:
        """Since the process began, by limit; those that never refused have 0."""
        return MappingProxyType(self._refusals)
