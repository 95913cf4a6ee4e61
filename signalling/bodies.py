"""Request bodies over ASGI, bounded: nothing is read past the limit, whatever serves the request."""

from __future__ import annotations

from typing import Any

from signalling.codes import ErrorCode
from signalling.refusals import Refusal
from signalling.visitor import header_values


class Disconnected(Exception):
    """The caller has hung up."""


async def read_body(receive: Any, scope: Any, limit_bytes: int) -> bytes:
    """The body. Raises Refusal past the limit, and reads nothing more then; Disconnected."""
    too_large = Refusal(ErrorCode.TOO_LARGE, f"the body is larger than {limit_bytes} bytes", limit="message_bytes")
    declared = header_values(scope["headers"], b"content-length")
    if declared and declared[0].isdecimal() and int(declared[0][:20]) > limit_bytes:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Disconnected
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:
            raise too_large
        chunks.append(chunk)
        if not event.get("more_body", False):
            return b"".join(chunks)


def having_read(body: bytes, receive: Any) -> Any:
    """A `receive` for an application that reads the body itself: it gets this one, then whatever comes."""
    events = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Any:
        for event in events:
            return event
        return await receive()

    return receive_again
