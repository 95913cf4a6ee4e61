"""A message or a request that is not carried out, and what its sender is told. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import UNSET

from signalling import frames

if TYPE_CHECKING:
    from signalling.codes import ErrorCode
    from signalling.messages import Envelope

RETRY_SECONDS = 5
"""What a client waits before it tries again where nothing better is known."""


class Refusal(Exception):
    """The code, a sentence that is safe to show to anybody, and after how many seconds another try may be worth it."""

    def __init__(
        self, code: ErrorCode, detail: str, retry_after: float | None = None, *, limit: str | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.limit = limit
        """The key of `limits` that refuses, if one does."""

    def as_error(self, envelope: Envelope) -> frames.Error:
        """The `error` that refuses the message of this envelope."""
        return frames.Error(
            code=self.code,
            message=self.detail,
            id=envelope.id,
            about=envelope.about,
            call=envelope.call,
            retry_after=whole_seconds(self.retry_after) if self.retry_after is not None else UNSET,
        )


def whole_seconds(seconds: float) -> int:
    """Rounded up to at least one: as `retry_after` and HTTP's Retry-After (RFC 9110, section 10.2.3) want it."""
    return max(1, math.ceil(seconds))
