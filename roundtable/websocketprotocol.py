"""One WebSocket of the launcher's daphne: what a client may make it do, and how it ends.

Each piece names the fact that it cures (daphne 4.2.3, autobahn 26.10.2). Frames are autobahn's business, what they say
is the application's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from daphne.ws_protocol import WebSocketFactory as DaphneFactory
from daphne.ws_protocol import WebSocketProtocol as DaphneProtocol
from twisted.internet import reactor as installed_reactor

from roundtable.inbox import Inbox
from roundtable.sockets import ABNORMAL, CLOSING_SECONDS, MAX_REASON_BYTES, RUNT_BYTES, Socket
from signalling.codes import BREACHES, CloseCode

# Its stub describes the module, not the reactor that is installed in its place.
reactor: Any = installed_reactor

TEXT, BINARY = 1, 2
"""RFC 6455, section 5.2: opcodes."""


class WebSocketProtocol(Socket, DaphneProtocol):
    """One WebSocket."""

    @property
    def extensions(self) -> dict[str, Any]:
        """Of the ASGI scope: none."""
        return {}

    @property
    def launcher(self) -> Any:
        """Our server. Daphne's factory calls it its class, and `self.server` is not there before the handshake is."""
        return self.factory.server_class

    # The handshake

    def connectionMade(self) -> None:
        """The request has arrived whole; autobahn is about to read it."""
        self.last_heard = self.last_pinged = self.launcher.clock.seconds
        super().connectionMade()

    def onConnect(self, request: Any) -> Any:
        """A good handshake. Daphne takes the root path from a header that anybody may send."""
        request.headers.pop("daphne-root-path", None)
        return super().onConnect(request)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone. Daphne's raises AttributeError when it never was a WebSocket.

        Autobahn tells the client's code. A breach of the protocol is one because we say so, not because it does.
        """
        if hasattr(self, "server"):
            super().onClose(wasClean, ABNORMAL if code in BREACHES else code, reason)

    def _fail_connection(self, code: int = ABNORMAL, reason: str = "") -> None:
        """The client has broken the protocol. The application learns it now, and not when the client has answered."""
        was_open = self.state == self.STATE_OPEN
        super()._fail_connection(code, reason)
        if was_open and code in BREACHES:
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": code})

    # Frames

    def dataReceived(self, data: bytes) -> None:
        """Whatever comes shows that the client lives."""
        self.last_heard = self.launcher.clock.seconds
        super().dataReceived(data)

    def consumeData(self) -> None:
        """Autobahn's, but it stops when the application has enough: one read may hold ten thousand frames."""
        if self.state not in (self.STATE_OPEN, self.STATE_CLOSING):
            super().consumeData()
            return
        while not self.is_paused and self.processData() and self.state != self.STATE_CLOSED:
            pass

    def onFrameBegin(self) -> None:
        """The head of a frame. Those that bring the application nothing are counted, for nobody else sees them."""
        if self._is_runt(self.current_frame) and not self._affords_runt():
            self.data = b""
            self._cut_off()
            return
        super().onFrameBegin()

    def _is_runt(self, frame: Any) -> bool:
        """Control frames, tiny fragments of a message that goes on, and whatever comes after the end."""
        is_control: bool = frame.opcode > 7
        is_crumb: bool = not frame.fin and frame.length < RUNT_BYTES
        return is_control or is_crumb or bool(self.state == self.STATE_CLOSING)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message. Daphne queues them without end; after our close frame nobody takes them up."""
        if self.state != self.STATE_OPEN:
            return
        super().onMessage(payload, isBinary)
        if self.application_queue.qsize() >= self.launcher.limits.inbound_frames:
            self._pause()

    def _max_message_size_exceeded(self, *sizes_and_reason: Any) -> None:
        """Autobahn closes with 1009."""
        self._note_refusal("message_bytes", "message too large")
        super()._max_message_size_exceeded(*sizes_and_reason)

    def _pause(self) -> None:
        """Reads nothing more."""
        self.is_paused = True
        self.transport.pauseProducing()

    def _resume(self) -> None:
        if self.is_cut_off or self.state == self.STATE_CLOSED:
            return
        self.is_paused = False
        self.consumeData()
        if not self.is_paused and self.state != self.STATE_CLOSED:
            self.transport.resumeProducing()

    # What is sent

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Performs what the application sends. Daphne drops the reason of a close.

        Autobahn opens a connection again that was dropped, because it was accepted too late, and trips over that.
        """
        if self.state == self.STATE_CLOSED:
            return
        if message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            self.close(message.get("code") or CloseCode.NORMAL, message.get("reason") or "")
            return
        super().handle_reply(message)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        """Writes one frame. Daphne's `send` never waits, so what a client does not read would pile up here for ever.

        And autobahn's `sendMessage` refuses to send more than may be received, which what is relayed may well be: it
        has its sender's name besides.
        """
        if self.state == self.STATE_OPEN:
            payload = content.encode() if isinstance(content, str) else content
            self.sendFrame(opcode=BINARY if binary else TEXT, payload=payload)
        self._drop_if_unread()

    def onPing(self, payload: bytes) -> None:
        """Answers a ping, if the client reads its answers."""
        super().onPing(payload)
        self._drop_if_unread()

    # The end

    def _closeConnection(self, abort: bool = False) -> None:
        """Autobahn takes a broken close frame for the answer to its own, too, and aborts before that is written."""
        super()._closeConnection(abort=abort and not self.wasClean)
        # Twisted waits without end for a client that does not read the rest; what is gone already is not aborted again.
        self.launcher.closing.put(self.transport, self.launcher.clock.seconds)

    def say_goodbye(self, code: int, reason: str) -> None:
        """Sends the close frame, unless one was sent before."""
        self.sendCloseFrame(code=int(code), reasonUtf8=reason.encode()[:MAX_REASON_BYTES], isReply=False)

    def drop(self) -> None:
        """Ends the connection, when what was written has left."""
        self.dropConnection(abort=False)

    def abort(self) -> None:
        """Ends it at once."""
        self.dropConnection(abort=True)

    # For what is the same on every server program

    @property
    def is_established(self) -> bool:
        """Whether the handshake is over, and no close frame was sent."""
        return bool(self.state == self.STATE_OPEN)

    @property
    def inbox(self) -> Inbox:
        """What the application has yet to take."""
        return cast(Inbox, self.application_queue)

    @property
    def unsent(self) -> int:
        """Bytes that were written and have not left for the kernel."""
        return unsent_bytes(self.transport)

    @property
    def address(self) -> Any:
        """The client's, for the log."""
        return self.client_addr

    def later(self, seconds: float, action: Callable[[], object]) -> object:
        """Does this after so many seconds."""
        return reactor.callLater(seconds, action)

    def ping(self) -> None:
        """Sends one."""
        self.sendPing()


class WebSocketFactory(DaphneFactory):
    """Makes them, with autobahn's options as our limits have them."""

    protocol = WebSocketProtocol

    def __init__(self, server: Any) -> None:
        super().__init__(server, server=server.server_name)
        # With failByDrop, frames that break the protocol or the size limit end as 1006 and not as 1002 or 1009.
        self.setProtocolOptions(
            failByDrop=False,
            allowNullOrigin=True,  # which origins may come is for the application
            # Thousands at once may keep the application waiting; and this timer rounds down, as said above.
            openHandshakeTimeout=server.limits.request_seconds + 1,
            closeHandshakeTimeout=CLOSING_SECONDS,
            maxMessagePayloadSize=server.limits.message_bytes,
            maxFramePayloadSize=server.limits.message_bytes,
        )


def unsent_bytes(transport: Any) -> int:
    """What was written and has not left for the kernel. Twisted tells nobody but a producer, and only yes or no."""
    waiting: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    return waiting
