"""One TCP connection on uvicorn as long as it speaks HTTP: how many there are, how long, how much.

Of the parsers that uvicorn has, httptools takes the fewest requests that two servers read differently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from roundtable.fastlane.handshake import MOST_HEAD_BYTES, read_upgrade
from roundtable.logs import logger
from roundtable.onuvicorn.resetting import reset
from roundtable.onuvicorn.websocket import WebSocket
from roundtable.refusal import GOING, HEAD_TOO_LARGE, LINGER_SECONDS, NO_REQUEST, TOO_SLOW, problem_of, response
from signalling.codes import ErrorCode
from signalling.problems import Problem, problem
from signalling.switchboard import RECONNECT_SECONDS
from signalling.visitor import UNKNOWN_SOURCE, new_request_id

if TYPE_CHECKING:
    from uvicorn.server import ServerState

    from roundtable.onuvicorn.server import Configuration

refusals = logger("roundtable.server.refusals")

MOST_LINES = 500
"""Of a head; as many as Twisted takes."""


class Connection(HttpToolsProtocol):
    """One connection: a request at a time, the head of each of which has a deadline for its arrival."""

    due = 0.0

    def __init__(
        self,
        config: Configuration,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.launcher = config.launcher
        self._slot: Hashable = None
        self._running: RequestResponseCycle | None = None
        """The request that the application answers; the last one that has come, `cycle`, may have to wait."""
        self._since = self.launcher.clock.seconds
        """When its present patience began, in seconds of the server's running clock."""
        self._head_bytes = self._body_bytes = 0
        self._is_first = self._awaits_head = True
        self._has_begun = self._is_refused = False
        """Whether anything of the awaited request has come. Saying nothing does not pay: the first one's time runs."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody has connected; the time for the first request runs."""
        super().connection_made(transport)
        self._slot = self.launcher.doors.enter(self.client[0] if self.client else UNKNOWN_SOURCE)
        if self._slot is None:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone. Uvicorn tells the last of several requests only."""
        self._leave()
        self._forget()
        super().connection_lost(exc)

    def _leave(self) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            self.launcher.doors.leave(slot)

    # A request arrives

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; at first perhaps a plain handshake, which becomes a WebSocket at once."""
        if self._is_refused:
            return
        upgrade = read_upgrade(data) if self._is_first else None
        self._is_first = False
        if upgrade is not None:
            self._become_websocket().begin(upgrade, data[upgrade.size :])
            return
        if not self._has_begun:
            self._begin()
        self._unset_keepalive_if_required()
        self._head_bytes += len(data) if self._awaits_head else 0
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as end:
            self._upgrade(data[end.args[0] :])
        except HttpParserError:
            self.refuse(problem_of(HTTPStatus.BAD_REQUEST, NO_REQUEST))
        else:
            if self._awaits_head and self._head_bytes > MOST_HEAD_BYTES:
                self._refuse_head()

    def _begin(self) -> None:
        self._has_begun = True
        if self.cycle is not None:
            self._since = self.launcher.clock.seconds

    def on_message_begin(self) -> None:
        """A request begins."""
        self._has_begun = self._awaits_head = True
        self._body_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise ValueError("not one Host")  # RFC 9112, section 3.2; httptools makes it an error of its own
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEAD_BYTES or len(self.headers) > MOST_LINES:
            self._refuse_head()
            raise ValueError(HEAD_TOO_LARGE)
        declared = next((value for name, value in self.headers if name == b"content-length"), b"0")
        if int(declared) > self.launcher.limits.message_bytes:
            self._refuse_body()
            raise ValueError("too large a body")
        self._awaits_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """A piece of the body. Uvicorn takes them as the application does, and throws away what it does not take."""
        self._body_bytes += len(body)
        if self._body_bytes > self.launcher.limits.message_bytes:
            self._refuse_body()
            raise ValueError("too large a body")
        super().on_body(body)

    def on_response_complete(self) -> None:
        """The response was written. The time for the client to read it, and until the next request begins, runs."""
        self._since = self.launcher.clock.seconds
        if not self._awaits_head:
            self._awaits_head, self._has_begun = True, False
        super().on_response_complete()

    # And becomes a WebSocket

    def _upgrade(self, rest: bytes) -> None:
        """A handshake of another kind than the plain one. Uvicorn forgets what came after it."""
        if not self._should_upgrade():
            return
        self._awaits_head = True  # the application does not answer it here
        if self._owes_other():
            self.refuse(problem_of(HTTPStatus.BAD_REQUEST, NO_REQUEST))  # uvicorn would hand it on meanwhile
        else:
            head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
            head += [part for name, value in self.headers for part in (name, b": ", value, b"\r\n")]
            socket = self._become_websocket()
            socket.data_received(b"".join([*head, b"\r\n"]))
            if rest:
                socket.data_received(rest)

    def _become_websocket(self) -> WebSocket:
        self._leave()
        self.connections.discard(self)
        socket = WebSocket(self.config, self.server_state, self.app_state)  # type: ignore[arg-type]  # it is ours
        socket.connection_made(self.transport)
        self.transport.set_protocol(socket)
        del self.parser  # which knows the way back, so that neither would go before the collector finds them
        return socket

    # And is refused

    def refuse(self, refusal: Problem) -> None:
        """Answers in place of the application, takes up nothing more and closes when the client has read it."""
        if self._is_refused:
            return
        owes_other, self._is_refused = self._owes_other(), True
        self._since = self.launcher.clock.seconds
        self._forget()
        refusals.info("request refused", status=refusal.status, reason=refusal.title)
        self.flow.pause_reading()
        if owes_other:
            self.transport.close()  # a refusal would be read as what another request gets
            return
        self.transport.write(b"".join(response(refusal)))
        self.transport.write_eof()

    def _refuse_head(self) -> None:
        self.refuse(problem_of(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HEAD_TOO_LARGE))

    def _refuse_body(self) -> None:
        """More than a body may have: nothing of it is kept, and what still comes is not a request."""
        limit = self.launcher.limits.message_bytes
        self.launcher.note_refusal("message_bytes", "body too large")
        self.refuse(problem(ErrorCode.TOO_LARGE, f"the body is larger than {limit} bytes", instance=new_request_id()))

    def dismiss(self) -> None:
        """The server is going away: a request that has begun and not arrived yet is not waited for."""
        if self._has_begun and (not self.is_busy if self._awaits_head else self._awaits_body):
            instance = new_request_id()
            self.refuse(problem(ErrorCode.DRAINING, GOING, instance=instance, retry_after=RECONNECT_SECONDS))

    def _owes_other(self) -> bool:
        """Whether a request before the one that comes, or is there, has yet to get its response, or all of it."""
        running = self._running
        if running is None or running.response_complete:
            return False
        return self._awaits_head or running is not self.cycle or running.response_started

    @property
    def _awaits_body(self) -> bool:
        return self.cycle.more_body and not self.cycle.response_started

    def _forget(self) -> None:
        """The application hears that the client has gone; what it says still is for nobody."""
        for cycle in (self._running, self.cycle):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def check_timeouts(self) -> None:
        """Called at every tick of the server's clock."""
        passed, limits = self.launcher.clock.has_passed, self.launcher.limits
        if self._is_refused:
            if passed(LINGER_SECONDS, self._since):
                reset(self.transport)
        elif self.transport.is_closing() or self.flow.write_paused:
            if passed(limits.request_seconds, self._since):
                reset(self.transport)
        elif self._awaits_head and not self.is_busy and passed(limits.request_seconds, self._since):
            self._give_up()

    def _give_up(self) -> None:
        self.launcher.note_refusal("request_seconds", "request too slow")
        if self._has_begun:
            self.refuse(problem_of(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW))
        else:
            reset(self.transport)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        self._since = self.launcher.clock.seconds
        super().pause_writing()

    @property
    def is_busy(self) -> bool:
        """Whether the application has yet to answer, or what it answered to leave."""
        is_asked = self.cycle is not None and not self.cycle.response_complete and not self._is_refused
        return is_asked or self.transport.get_write_buffer_size() > 0
