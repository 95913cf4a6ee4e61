"""One HTTP request of the launcher's daphne: what is refused before the application sees it.

Each piece names the fact that it cures (daphne 4.2.3, Twisted 26.10). What it means is for the application.
"""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import Any

from daphne.http_protocol import WebRequest

from signalling.problems import Problem
from signalling.refusals import RETRY_SECONDS
from signalling.visitor import new_request_id


class HTTPRequest(WebRequest):
    """One request, with its whole body in memory, which is bounded."""

    due = 0.0
    _since = 0.0
    """When it had arrived, in seconds of the server's running clock."""

    def __init__(self, channel: Any, queued: object) -> None:
        # Twisted parses forms, whatever they cost, into arguments that nobody reads.
        super().__init__(channel, queued, parsePOSTFormSubmission=False)

    def gotLength(self, length: int | None) -> None:
        """The body is about to come. Twisted spools what is chunked or larger than 100 kB to disk."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body. Twisted takes any number of them."""
        if self.content.tell() + len(data) > self.server.limits.message_bytes:
            self.channel.refuse_body()
        else:
            self.content.write(data)

    def check_timeouts(self) -> None:
        """The application's time is over. Daphne counts what a process that was stopped has not lived as well."""
        if self.server.clock.has_passed(self.server.http_timeout, self._since):
            super().check_timeouts()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """A refusal of daphne's, as all our refusals are: clients decode every body as JSON."""
        retry_after = RETRY_SECONDS if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        refusal = Problem(HTTPStatus(status), body, instance=new_request_id(), retry_after=retry_after)
        self.handle_reply(
            {"type": "http.response.start", "status": refusal.status, "headers": [*refusal.headers, *_length(refusal)]}
        )
        self.handle_reply({"type": "http.response.body", "body": refusal.body})

    def process(self) -> Any:
        """The request is there. Hands it to the application, or the connection to a WebSocket."""
        self._since = self.server.clock.seconds
        fault = self._fault()
        if fault is not None:
            self.basic_error(400, b"Bad Request", fault)
            return None
        # Daphne takes the root path from a header that anybody may send, and fails when it is not ASCII.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        channel = self.channel
        processed = super().process()
        channel.notice_upgrade()
        return processed

    def _fault(self) -> str | None:
        """What daphne does not refuse and should."""
        headers = self.requestHeaders
        if len(headers.getRawHeaders(b"host", ())) > 1:
            return "more than one Host"  # RFC 9112, section 3.2; joined by a comma, they would pass as one
        offered = headers.getRawHeaders(b"sec-websocket-protocol", ())
        if not all(value.isascii() for value in offered):
            return "a subprotocol that is no token"  # daphne decodes it as ASCII: a traceback and 500
        return None


def _length(refusal: Problem) -> list[tuple[bytes, bytes]]:
    return [(b"content-length", b"%d" % len(refusal.body))]
