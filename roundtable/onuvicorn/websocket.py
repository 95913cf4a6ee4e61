"""One WebSocket on uvicorn. It is the scope's `roundtable.direct` as well: see `signalling/wire.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode as WebSocketsCode
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import Protocol, State
from websockets.utils import accept_key

from roundtable.fastlane.frames import EMPTY_PING, is_empty_pong, text_frame, whole_text
from roundtable.fastlane.handshake import Upgrade
from roundtable.inbox import Inbox
from roundtable.onuvicorn.cutting import BadLength, end_of_frame
from roundtable.onuvicorn.resetting import reset
from roundtable.sockets import ABNORMAL, CLOSING_SECONDS, MAX_REASON_BYTES, RUNT_BYTES, Socket
from signalling.codes import BREACHES, CloseCode
from signalling.wire import DIRECT, TakeText

if TYPE_CHECKING:
    from uvicorn.server import ServerState

    from roundtable.onuvicorn.server import Configuration

_NO_CONTEXT = Context()


class WebSocket(Socket, WebSocketsSansIOProtocol):
    """One WebSocket: frames are cut here, the common ones taken up in place, and the rest is for websockets."""

    def __init__(
        self,
        config: Configuration,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.launcher = config.launcher
        self.last_heard = self.last_pinged = self.launcher.clock.seconds
        self.queue: Any = Inbox()
        self._take: TakeText | None = None
        self._context = _NO_CONTEXT
        """The application's: what is logged here is about this connection, whoever's message caused it."""
        self._stream = b""
        """What has come and is no whole frame yet, or comes before the handshake is over."""
        self._upgrade: Upgrade | None = None
        self._closing_since: float | None = None

    # The handshake

    def begin(self, upgrade: Upgrade, rest: bytes) -> None:
        """Begins with a handshake that was read in place; `rest` came after its head."""
        self._upgrade, self._stream = upgrade, rest
        self.handshake_initiated = True
        self.scope = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": "",
            "path": upgrade.path,
            "raw_path": upgrade.raw_path,
            "query_string": upgrade.query,
            "headers": upgrade.headers,
            "subprotocols": upgrade.subprotocols,
            "state": {},
            "extensions": self._extensions,
        }
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    def handle_connect(self, event: Request) -> None:
        """A handshake of another kind, which websockets has read."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"] = self._extensions

    @property
    def _extensions(self) -> Any:
        return {DIRECT: self}

    async def send(self, message: Any) -> None:
        """Performs what the application sends. Uvicorn tells it that a client has gone when it is asked to go."""
        if message["type"] == "websocket.accept" and self._upgrade is not None:
            self._accept(self._upgrade.key.decode(), message.get("subprotocol"))
        elif message["type"] == "websocket.close" and self.is_established:
            self.close(message.get("code") or CloseCode.NORMAL, message.get("reason") or "")
        else:
            await super().send(message)
            if message["type"] == "websocket.accept":
                self._take_up(b"")

    def _accept(self, key: str, subprotocol: str | None) -> None:
        """Answers that handshake; from now on websockets sees frames."""
        self._upgrade = None
        if self.transport.is_closing():
            return
        chosen = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
        self.transport.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{chosen}\r\n".encode()
        )
        self.handshake_complete = True
        self.conn.state = State.OPEN
        self.conn.parser = Protocol.parse(self.conn)
        next(self.conn.parser)
        self._take_up(b"")

    async def run_asgi(self) -> None:
        """Runs the application. When it fails, uvicorn would close without a word."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            self.logger.exception("Exception in ASGI application")
            self.send_500_response()
            self.say_goodbye(WebSocketsCode.INTERNAL_ERROR, "internal error")
        del self.scope  # which names this WebSocket: neither would go before the collector finds them
        if self.close_timer is None:
            self.transport.close()
            self.due = 0.0

    # What comes

    def data_received(self, data: bytes) -> None:
        """Whatever comes shows that the client lives."""
        self.last_heard = self.launcher.clock.seconds
        if self.handshake_complete:
            self._take_up(data)
        elif self.handshake_initiated:
            self._stream += data  # a client that does not wait for the answer to its handshake
        else:
            super().data_received(data)

    def _take_up(self, data: bytes) -> None:
        """One frame after the other; a text is handed on without websockets when nothing is odd about it.

        At most as many as may wait: one read may hold thousands, and the others want to be served, too.
        """
        if is_empty_pong(data) and not self._stream and self._affords():
            return
        stream, start = self._stream + data if self._stream else data, 0
        limits = self.launcher.limits
        most, left = limits.message_bytes, limits.inbound_frames
        while start < len(stream) and not self.is_paused:
            if not left:
                self._pause()
                self._resume_soon()
                break
            left -= 1
            found = whole_text(stream, start, most) if not self.frames and not self.close_sent else None
            if found is not None:
                text, start = found
                self._hand_on(text)
                continue
            end = self._end_of_frame(stream, start, most)
            if end is None:
                break
            super().data_received(stream[start:end])
            start = end
        self._stream = stream[start:]

    def _end_of_frame(self, stream: bytes, start: int, most: int) -> int | None:
        try:
            return end_of_frame(stream, start, most)
        except BadLength:
            self._fail(WebSocketsCode.PROTOCOL_ERROR, "bad length of a frame")
            return len(stream)

    def handle_text(self, event: Frame) -> None:
        """The first frame of a text, or all of it."""
        if self._may_come(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """The same of what is no text."""
        if self._may_come(event):
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """A further one."""
        if self._may_come(event):
            super().handle_cont(event)

    def handle_pong(self, event: Frame) -> None:
        """It was heard; nothing else is asked of it."""
        self._may_come(event)

    def handle_ping(self) -> None:
        """Answers it, if the client reads its answers."""
        if self._affords():
            super().handle_ping()
            self._drop_if_unread()

    def _may_come(self, frame: Frame) -> bool:
        """Tiny fragments of a message that goes on, and control frames, bring the application nothing."""
        is_runt = frame.opcode > 7 or (not frame.fin and len(frame.data) < RUNT_BYTES)
        return not is_runt or self._affords()

    def _affords(self) -> bool:
        if not self.is_cut_off and not self._affords_runt():
            self.conn.data_to_send()  # pongs, to whoever does not deserve them
            self._cut_off()
        return not self.is_cut_off

    def send_receive_event_to_app(self) -> None:
        """A whole message. Uvicorn logs a traceback for text that is none."""
        data = b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self._put({"type": "websocket.receive", "bytes": data})
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._fail(WebSocketsCode.INVALID_DATA, "invalid UTF-8")
        else:
            self._hand_on(text)

    def _hand_on(self, text: str) -> None:
        """To the application at once, unless it has yet to take what came before."""
        if self._take is None or not self.queue.empty():
            self._put({"type": "websocket.receive", "text": text})
            return
        try:
            self._take(text)
        except Exception as fault:
            self._take = None
            self.queue.fail(fault)

    def _put(self, event: dict[str, Any]) -> None:
        self.queue.put_nowait(event)
        if self.queue.qsize() >= self.launcher.limits.inbound_frames:
            self._pause()

    def _pause(self) -> None:
        if not self.is_paused:
            self.is_paused = True
            if not self.transport.is_closing():
                self.transport.pause_reading()

    def _resume(self) -> None:
        if self.disconnected or self.is_cut_off or not self.is_paused:
            return
        self.is_paused = False
        self._take_up(b"")
        if not self.is_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    # The end

    def handle_close(self, event: Frame) -> None:
        """The client closes, or answers our close. A breach of the protocol is one because we say so, not it."""
        received = self.conn.close_rcvd
        if received is not None and received.code in BREACHES and not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": ABNORMAL})
        super().handle_close(event)
        self.due = 0.0

    def _fail(self, code: WebSocketsCode, reason: str) -> None:
        """A breach of the protocol that websockets does not notice."""
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """The client has broken the protocol; websockets has said how."""
        if self.close_sent:
            self.abort()
            return
        sent = self.conn.close_sent
        if sent is not None and sent.code == WebSocketsCode.MESSAGE_TOO_BIG:
            self._note_refusal("message_bytes", "message too large")
        super().handle_parser_exception()
        self.due = 0.0

    def check_timeouts(self) -> None:
        """Called at every tick of the server's clock. Uvicorn waits without end for who does not read the rest."""
        clock = self.launcher.clock
        if not self.transport.is_closing():
            super().check_timeouts()
        elif self._closing_since is None:
            self._closing_since = clock.seconds
        elif clock.has_passed(CLOSING_SECONDS, self._closing_since):
            self.abort()

    def say_goodbye(self, code: int, reason: str) -> None:
        """Sends the close frame, unless one was sent before."""
        if not self.is_established:
            return
        self.close_sent = True
        self.conn.send_close(int(code), reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self._resume_soon()
        self.close_timer = self.loop.call_later(CLOSING_SECONDS, self.abort)

    # What the application does directly

    def take_texts_by(self, take: TakeText) -> None:
        """From now on text messages are handed to `take`; those that wait for `receive` come first."""
        self._take = take
        self._context = copy_context()

    def write_text(self, payload: bytes) -> None:
        """Writes one text message, in UTF-8, unless the connection is closing."""
        if self.close_sent or self.transport.is_closing():
            return
        self.transport.write(text_frame(payload))
        if not self.writable.is_set():
            self._context.run(self._drop_if_unread)

    def close_with(self, code: int, reason: str) -> None:
        """Closes after what was written, unless that was done before."""
        self._context.run(self.close, code, reason)

    # For what is the same on every server program

    is_busy = True

    @property
    def is_established(self) -> bool:
        """Whether the handshake is over, and no close frame was sent."""
        return self.handshake_complete and not self.close_sent and not self.transport.is_closing()

    @property
    def inbox(self) -> Inbox:
        """What the application has yet to take. Uvicorn's own `receive` reads nothing while one message waits."""
        return cast(Inbox, self.queue)

    @property
    def unsent(self) -> int:
        """Bytes that were written and have not left for the kernel."""
        return self.transport.get_write_buffer_size()

    @property
    def address(self) -> Any:
        """The client's, for the log."""
        return self.client

    def later(self, seconds: float, action: Callable[[], object]) -> object:
        """Does this after so many seconds."""
        return self.loop.call_later(seconds, action)

    def ping(self) -> None:
        """Sends one."""
        self.transport.write(EMPTY_PING)

    def drop(self) -> None:
        """Ends the connection, when what was written has left."""
        self.transport.close()

    def abort(self) -> None:
        """Ends it at once."""
        if not self.disconnected:
            reset(self.transport)
