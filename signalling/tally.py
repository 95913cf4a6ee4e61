"""How often somebody was refused, by limit and by code. Pure; the switchboard owns the one of its process."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from signalling.codes import ErrorCode
from signalling.limits import Limits

if TYPE_CHECKING:
    from signalling.refusals import Refusal


class Tally:
    """Refusals by key of `limits`, and by code. It is bounded: it has exactly the keys and codes that there are."""

    __slots__ = ("_codes", "_refusals")

    def __init__(self) -> None:
        self._refusals = dict.fromkeys(Limits.model_fields, 0)
        self._codes: dict[str, int] = dict.fromkeys(ErrorCode, 0)

    def refuse(self, refusal: Refusal) -> None:
        """Counts a message or an offer that is refused."""
        self._codes[refusal.code] += 1
        self.count(refusal.limit)

    def count(self, limit: str | None) -> None:
        """Counts one refusal; None is one that no limit made. Raises KeyError for what is no key of `limits`."""
        if limit is not None:
            self._refusals[limit] += 1

    @property
    def refusals(self) -> Mapping[str, int]:
        """Since the process began, by limit; those that never refused have 0."""
        return MappingProxyType(self._refusals)

    @property
    def codes(self) -> Mapping[str, int]:
        """Messages and offers refused since the process began, by code; codes that never came have 0."""
        return MappingProxyType(self._codes)
