"""A refusal before the application has heard of a request: what it says, and its octets."""

from __future__ import annotations

from http import HTTPStatus

from signalling.problems import Problem
from signalling.visitor import new_request_id

LINGER_SECONDS = 2.0
"""For the client to read a refusal: a connection that is closed with bytes unread is reset, and the refusal with it."""
GOING = "the server is going away"
HEAD_TOO_LARGE = "the head of the request is too large"
TOO_SLOW = "the request did not arrive in time"
NO_REQUEST = "that is no HTTP request"


def problem_of(status: HTTPStatus, detail: str) -> Problem:
    """A problem for which the protocol has no code."""
    return Problem(status, detail, instance=new_request_id())


def response(refusal: Problem) -> list[bytes]:
    """The whole response, with which the connection ends."""
    headers = [*refusal.headers, (b"content-length", b"%d" % len(refusal.body)), (b"connection", b"close")]
    head = b"HTTP/1.1 %d %s\r\n" % (refusal.status, refusal.title.encode())
    return [head, *(b"%s: %s\r\n" % header for header in headers), b"\r\n", refusal.body]
