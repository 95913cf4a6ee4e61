"""One WebSocket of the launcher's daphne: what a client may make it do, and how it ends.

Each piece names the fact that it cures (daphne 4.2.3, autobahn 26.10.2). Frames are autobahn's business, what they say
is the application's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.ws_protocol import WebSocketFactory as DaphneFactory
from daphne.ws_protocol import WebSocketProtocol as DaphneProtocol
from twisted.internet import reactor as installed_reactor

from signalling.codes import BREACHES, CloseCode
from signalling.throttle import Bucket

# Its stub describes the module, not the reactor that is installed in its place.
reactor: Any = installed_reactor

RESTARTING = 1012
"""IANA's registry of close codes: service restart. For what the application has not closed in time."""
ABNORMAL = 1006
"""RFC 6455, section 7.4.1: no close frame came."""
TEXT, BINARY = 1, 2
"""RFC 6455, section 5.2: opcodes."""
GRACE_SECONDS = 0.25
"""For the kernel to take what was written; what it does not take in that time, the client does not read."""
SHUT_OUT_SECONDS = 0.25
"""For a client that is one too many to answer the close frame. It counts nowhere, so it must not stay."""
MAX_REASON_BYTES = 123
"""RFC 6455, section 5.5: a control frame carries 125 bytes, two of which are the close code."""
CLOSING_SECONDS = 3
"""For the client to answer a close frame. Autobahn's default of 1 is rounded down to whole seconds of the clock, so it
may be over at once, and then the reset overtakes the close frame."""
LINGER_SECONDS = 1.0
"""For a flooding client to read why it is cut off: a connection that is closed with bytes unread is reset."""
SILENT_SECONDS = 0.25
"""The same for one that says nothing any more."""
RUNT_BYTES = 1024
"""An unfinished fragment that is shorter costs more to take up than it brings."""


class WebSocketProtocol(DaphneProtocol):
    """One WebSocket."""

    last_heard = 0.0
    """When anything came, pongs included: seconds of the server's running clock."""
    last_pinged = 0.0
    is_paused = False
    """Nothing is read: the application has enough to do, or the client is cut off."""
    is_cut_off = False
    _is_judged = False
    """Too much was unsent a moment ago."""
    runts: Bucket | None = None
    """What control frames and tiny fragments are taken from; most connections never need it."""

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
            self._cut_off()
            return
        super().onFrameBegin()

    def _is_runt(self, frame: Any) -> bool:
        """Control frames, tiny fragments of a message that goes on, and whatever comes after the end."""
        is_control: bool = frame.opcode > 7
        is_crumb: bool = not frame.fin and frame.length < RUNT_BYTES
        return is_control or is_crumb or bool(self.state == self.STATE_CLOSING)

    def _affords_runt(self) -> bool:
        limits = self.launcher.limits
        if self.runts is None:
            self.runts = Bucket(limits.small_frames_per_second, limits.small_frames_burst)
        return not self.runts.take(reactor.seconds())

    def _cut_off(self) -> None:
        """Says why, once, and takes up nothing more; what is there already is thrown away."""
        self._note_refusal("small_frames_per_second", "too many control frames or fragments")
        self.is_cut_off = True
        self._pause()
        self.data = b""
        self.say_goodbye(CloseCode.RATE_LIMITED, "too many control frames or fragments")
        reactor.callLater(LINGER_SECONDS, self.dropConnection, abort=True)

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
        self.is_paused = True
        self.transport.pauseProducing()

    def resume_soon(self) -> None:
        """The application has worked off its queue; it is taking an event out of it just now."""
        if self.is_paused and not self.is_cut_off:
            asyncio.get_running_loop().call_soon(self._resume)

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
            code = message.get("code") or CloseCode.NORMAL
            self.say_goodbye(code, message.get("reason") or "")
            if code == CloseCode.TOO_MANY_CONNECTIONS:
                reactor.callLater(SHUT_OUT_SECONDS, self._drop)
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

    def _drop_if_unread(self) -> None:
        """Looks again in a moment: what a resumed session has missed is written before the kernel gets any of it."""
        if not self._has_much_unsent():
            return
        limits = self.launcher.limits
        if unsent_bytes(self.transport) > limits.unsent_bytes + limits.buffer_bytes:
            self._judge()
        elif not self._is_judged:
            self._is_judged = True
            reactor.callLater(GRACE_SECONDS, self._judge)

    def _judge(self) -> None:
        """Drops it without a close frame, for that would have to wait behind all the rest."""
        self._is_judged = False
        if self._has_much_unsent():
            self._note_refusal("unsent_bytes", "slow consumer", unsent=unsent_bytes(self.transport))
            self.dropConnection(abort=True)

    def _has_much_unsent(self) -> bool:
        is_much: bool = unsent_bytes(self.transport) > self.launcher.limits.unsent_bytes
        return is_much and self.state == self.STATE_OPEN

    def _note_refusal(self, limit: str, event: str, **fields: Any) -> None:
        self.launcher.note_refusal(limit, event, client=self.client_addr, **fields)

    # The end

    def check_timeouts(self) -> None:
        """Called at every tick of the server's clock: pings, and notices silence.

        Daphne measures by the wall clock, which may jump. Autobahn's own timer drops the connection, which clients see
        as 1006, and is off by up to a second.
        """
        if self.state != self.STATE_OPEN or self.is_paused:
            return
        clock, limits = self.launcher.clock, self.launcher.limits
        if clock.has_passed(limits.silence_seconds, self.last_heard):
            self._note_refusal("silence_seconds", "no heartbeat")
            self.say_goodbye(CloseCode.NO_HEARTBEAT, "no heartbeat")
            reactor.callLater(SILENT_SECONDS, self._drop)
        elif clock.seconds - self.last_pinged >= limits.heartbeat_seconds:
            self.last_pinged = clock.seconds
            self.sendPing()

    def _closeConnection(self, abort: bool = False) -> None:
        """Autobahn takes a broken close frame for the answer to its own, too, and aborts before that is written."""
        super()._closeConnection(abort=abort and not self.wasClean)
        # Twisted waits without end for a client that does not read the rest; what is gone already is not aborted again.
        reactor.callLater(CLOSING_SECONDS, self.transport.abortConnection)

    def _drop(self) -> None:
        """Whoever was silent for so long answers no close frame; what cannot be written is not waited for."""
        self.dropConnection(abort=unsent_bytes(self.transport) > 0)

    def say_goodbye(self, code: int, reason: str) -> None:
        """Sends the close frame, unless one was sent before."""
        self.sendCloseFrame(code=int(code), reasonUtf8=reason.encode()[:MAX_REASON_BYTES], isReply=False)


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
