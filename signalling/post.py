"""`POST /signal`: an offer over HTTP, held open until it has its outcome.

An ASGI endpoint before Django's request cycle: it needs no middleware, no session and no CSRF token, for it reads
nothing ambient, and it must see the caller hang up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from roundtable import logs
from signalling import frames
from signalling.bodies import BodyRefused, Disconnected, read_body
from signalling.codes import ErrorCode
from signalling.messages import BadFrame
from signalling.outbox import Outcome
from signalling.parties import Exchange
from signalling.posted import decode_request, encode_answer
from signalling.problems import Problem, problem, refused
from signalling.refusals import Refusal
from signalling.visitor import Visitor, header_values

if TYPE_CHECKING:
    from signalling.runtime import Runtime

log = logs.logger("signalling")
refusals = logs.logger("signalling.refusals")

METHODS = b"POST, OPTIONS"
HOP_HEADER = b"roundtable-hop"


class PostEndpoint:
    """The ASGI application of `/signal` over HTTP."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves one request."""
        guest = self.runtime.visitor(scope)
        with logs.context(request=guest.id):
            await self._serve(scope, receive, send, guest)

    async def _serve(self, scope: Any, receive: Any, send: Any, guest: Visitor) -> None:
        headers = self._cross_origin(guest)
        if scope["method"] == "OPTIONS":
            await respond(send, HTTPStatus.NO_CONTENT, [*headers, *_PREFLIGHT], b"")
            return
        try:
            outcome = await self._outcome(scope, receive, guest)
        except Disconnected:
            return
        body = outcome.body if isinstance(outcome, Problem) else outcome
        self.runtime.switchboard.figures.bodies_sent_bytes += len(body)
        if isinstance(outcome, Problem):
            await respond_with(send, outcome, headers)
        else:
            await respond(send, HTTPStatus.OK, [(b"content-type", b"application/json"), *headers], body)

    async def _outcome(self, scope: Any, receive: Any, guest: Visitor) -> Problem | bytes:
        """A problem, or the body of an answer. Raises Disconnected."""
        unread = self._refused(scope, guest)
        if unread is not None:
            return unread
        try:
            body = await self._body(receive, scope, guest)
            return await self._exchange(scope, receive, guest, body)
        except BadFrame as bad:
            return problem(bad.code, bad.detail, instance=guest.id)
        except Refusal as refusal:
            return refused(refusal, instance=guest.id)
        except BodyRefused as refused_body:
            return refused_body.problem
        except Disconnected:
            raise
        except Exception:  # a fault of ours: clients decode every body as JSON, so this one is JSON too
            log.exception("offer not handled")
            return problem(ErrorCode.INTERNAL, "the server has made a mistake", instance=guest.id)

    def _refused(self, scope: Any, guest: Visitor) -> Problem | None:
        """What is refused before anything of the body is read."""
        if scope["method"] != "POST":
            allow = ((b"allow", METHODS),)
            status = HTTPStatus.METHOD_NOT_ALLOWED
            return Problem(status, "offers are sent by POST", instance=guest.id, headers=allow)
        if not self.runtime.admits_origin(guest.origin):
            return problem(ErrorCode.FORBIDDEN, "pages of that origin may not call from here", instance=guest.id)
        encodings = header_values(scope["headers"], b"content-encoding")
        if any(encoding.strip().lower() != "identity" for encoding in encodings):
            status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            return Problem(status, "send the body unencoded", instance=guest.id, code=ErrorCode.BAD_MESSAGE)
        return None

    async def _body(self, receive: Any, scope: Any, guest: Visitor) -> bytes:
        """Raises BodyRefused, of which the switchboard never hears otherwise, and Disconnected."""
        try:
            body = await read_body(receive, scope, self.runtime.configuration.limits, guest.id)
        except BodyRefused as refused_body:
            self.runtime.switchboard.tally.count(refused_body.problem.limit)
            raise
        self.runtime.switchboard.figures.bodies_received_bytes += len(body)
        return body

    async def _exchange(self, scope: Any, receive: Any, guest: Visitor, body: bytes) -> Problem | bytes:
        """From a valid offer to its outcome. Raises Refusal and Disconnected."""
        posted = decode_request(body)
        exchange = Exchange(
            guest.source,
            guest.home,
            from_browser=guest.origin is not None,
            passed_through=self._passed_through(scope),
            address=guest.address,
            software=guest.software,
        )
        outcome = self.runtime.post(exchange, posted, body)
        hang_up = asyncio.ensure_future(_hang_up(receive))
        hang_up.add_done_callback(lambda _: outcome.cancel())
        try:
            return _response(await outcome, guest.id)
        except asyncio.CancelledError:
            if hang_up.done() and not hang_up.cancelled():
                raise Disconnected from None
            raise
        finally:
            hang_up.cancel()
            self.runtime.withdraw(exchange)

    def _passed_through(self, scope: Any) -> bool:
        """Whether a signalling server, or this one, has posted the offer on before."""
        if header_values(scope["headers"], HOP_HEADER):
            return True
        passed = (entry.split() for value in header_values(scope["headers"], b"via") for entry in value.split(","))
        return any(len(words) > 1 and words[1].lower() == self.runtime.via for words in passed)

    def _cross_origin(self, guest: Visitor) -> list[tuple[bytes, bytes]]:
        """CORS (Fetch standard, section 3.2) after `allowedorigins`; credentials are never allowed."""
        allowed = self.runtime.configuration.allowedorigins
        exposed = (b"access-control-expose-headers", b"Retry-After")
        if allowed is None:
            return [(b"access-control-allow-origin", b"*"), exposed]
        vary = (b"vary", b"Origin")
        if guest.origin is None or not self.runtime.admits_origin(guest.origin):
            return [vary]
        return [(b"access-control-allow-origin", guest.origin.encode("latin-1")), exposed, vary]


_PREFLIGHT = [
    (b"allow", METHODS),
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"Content-Type"),
    (b"access-control-max-age", b"86400"),
]


async def _hang_up(receive: Any) -> None:
    """Returns when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _response(outcome: Outcome, instance: str) -> Problem | bytes:
    match outcome:
        case bytes():
            return outcome
        case frames.Answer(call=call, description=description):
            return encode_answer(call, bytes(description))
        case frames.Reject(reason=reason) | frames.Hangup(reason=reason):
            return problem(ErrorCode.REJECTED, "the callee rejected the offer", instance=instance, reason=reason)
        case frames.Error(code=code, message=message, retry_after=retry_after):
            return problem(code, message, instance=instance, retry_after=retry_after or None)


async def respond_with(send: Any, refusal: Problem, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Sends a problem, and logs it."""
    refusals.info("problem sent", status=refusal.status, code=refusal.code, limit=refusal.limit)
    await respond(send, refusal.status, [*refusal.headers, *headers], refusal.body)


async def respond(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Sends a whole response."""
    length = [(b"content-length", str(len(body)).encode())] if status != HTTPStatus.NO_CONTENT else []
    await send({"type": "http.response.start", "status": int(status), "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
