"""Request bodies over ASGI, bounded in size and time: nothing is read past that, whatever serves the request."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from signalling.codes import ErrorCode
from signalling.problems import Problem
from signalling.visitor import header_values

if TYPE_CHECKING:
    from signalling.limits import Limits


class Disconnected(Exception):
    """The caller has hung up."""


class BodyRefused(Exception):
    """The body is too large, or too slow."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


async def read_body(receive: Any, scope: Any, limits: Limits, instance: str) -> bytes:
    """The body, of at most `message_bytes`, within `request_seconds`. Raises BodyRefused and Disconnected."""
    try:
        async with asyncio.timeout(limits.request_seconds):
            return await _read(receive, scope, limits.message_bytes)
    except _TooLarge:
        detail = f"the body is larger than {limits.message_bytes} bytes"
        raise BodyRefused(_too_large(detail, instance)) from None
    except TimeoutError:
        raise BodyRefused(_too_slow(instance)) from None


class _TooLarge(Exception):
    """There is more than there may be."""


async def _read(receive: Any, scope: Any, limit_bytes: int) -> bytes:
    declared = header_values(scope["headers"], b"content-length")
    if declared and declared[0].isdecimal() and int(declared[0][:20]) > limit_bytes:
        raise _TooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:
            raise _TooLarge
        chunks.append(chunk)
        if not event.get("more_body", False):
            return b"".join(chunks)


def _too_large(detail: str, instance: str) -> Problem:
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return Problem(status, detail, instance=instance, code=ErrorCode.TOO_LARGE, limit="message_bytes")


def _too_slow(instance: str) -> Problem:
    """The rest of it is no request, so the connection ends."""
    status, detail = HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive in time"
    closing = (b"connection", b"close")
    return Problem(status, detail, instance=instance, headers=(closing,), limit="request_seconds")


def having_read(body: bytes, receive: Any) -> Any:
    """A `receive` for an application that reads the body itself: it gets this one, then whatever comes."""
    events = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Any:
        for event in events:
            return event
        return await receive()

    return receive_again
