"""Refusals over HTTP: RFC 9457 problem details. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from signalling.codes import ErrorCode
from signalling.refusals import RETRY_SECONDS, Refusal, whole_seconds

CONTENT_TYPE = b"application/problem+json"

STATUSES: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.BAD_JSON: HTTPStatus.BAD_REQUEST,
    ErrorCode.BAD_MESSAGE: HTTPStatus.BAD_REQUEST,
    ErrorCode.TARGET_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorCode.IDENTITY_TAKEN: HTTPStatus.FORBIDDEN,
    ErrorCode.REJECTED: HTTPStatus.FORBIDDEN,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.CALL_EXISTS: HTTPStatus.CONFLICT,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.PEER_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.ANSWER_TIMEOUT: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.PEER_GONE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.DRAINING: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.LIMIT_EXCEEDED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.TARGET_FAILED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.LOOP: HTTPStatus.LOOP_DETECTED,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_PHRASES = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large"}
_RETRY_SECONDS: dict[HTTPStatus, int | None] = {
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_SECONDS,
    HTTPStatus.TOO_MANY_REQUESTS: RETRY_SECONDS,
    HTTPStatus.FORBIDDEN: None,
}
"""Where Retry-After belongs, and what it says when nothing better is known: most of what is forbidden stays so."""
_encoder = msgspec.json.Encoder()


class Problem:
    """A status with its headers and its `application/problem+json` body."""

    __slots__ = ("body", "code", "headers", "limit", "status", "title")

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        instance: str,
        code: ErrorCode | None = None,
        retry_after: float | None = None,
        reason: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        limit: str | None = None,
    ) -> None:
        self.status = int(status)
        self.code = code
        self.limit = limit
        """The key of `limits` that refused, for the log."""
        self.title = _PHRASES.get(status, status.phrase)
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "instance": instance,
        }
        if code is not None:
            document["code"] = code
        if reason is not None:
            document["reason"] = reason
        self.body = _encoder.encode(document)
        self.headers = [(b"content-type", CONTENT_TYPE), *headers]
        seconds = retry_after if retry_after is not None else _RETRY_SECONDS.get(status)
        if seconds is not None and status in _RETRY_SECONDS:
            self.headers.append((b"retry-after", str(whole_seconds(seconds)).encode()))


def problem(
    code: ErrorCode, detail: str, *, instance: str, retry_after: float | None = None, reason: str | None = None
) -> Problem:
    """The problem of this error code."""
    return Problem(STATUSES[code], detail, instance=instance, code=code, retry_after=retry_after, reason=reason)


def refused(refusal: Refusal, *, instance: str) -> Problem:
    """The problem of this refusal."""
    return Problem(
        STATUSES[refusal.code],
        refusal.detail,
        instance=instance,
        code=refusal.code,
        retry_after=refusal.retry_after,
        limit=refusal.limit,
    )
