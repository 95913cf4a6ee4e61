"""One WebSocket on the fast lane. What the common frame is stands in frames.py, what a handshake is in handshake.py.

Whatever is not common is handed to the class beside this package, and by it to autobahn, whose state is as it would
have been: no frame begun, nothing buffered. So all fences hold, and most of them stand there.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from functools import cached_property
from typing import Any

from autobahn.websocket.protocol import WebSocketProtocol as AutobahnProtocol
from autobahn.websocket.types import ConnectionDeny
from autobahn.websocket.utf8validator import Utf8Validator

from roundtable.fastlane.frames import EMPTY_PING, close_frame, is_empty_pong, text_frame, whole_text
from roundtable.fastlane.handshake import Upgrade, acceptance
from roundtable.runningclock import RunningClock
from roundtable.websocketprotocol import WebSocketFactory, WebSocketProtocol
from signalling.wire import DIRECT, TakeText

_OPEN = AutobahnProtocol.STATE_OPEN


class FastWebSocket(WebSocketProtocol):
    """One WebSocket. It is the scope's `roundtable.direct` as well: see `signalling/wire.py`."""

    CONFIG_ATTRS = ()
    """Autobahn (26.10.2) copies 29 options to each connection and formats them for a log that nobody reads. Here they
    are attributes of the class, which the factory makes."""
    __hash__ = object.__hash__
    __eq__ = object.__eq__
    _take: TakeText | None = None
    _clock: RunningClock
    _inbound_frames: int
    """Those of the server, and of its limits; the factory's class has them."""
    _context = Context()
    """The application's: what is logged here is about this connection, whoever's message caused it."""

    def __init__(self) -> None:
        """Autobahn's makes what the factory's class has already."""

    @cached_property
    def utf8validator(self) -> Any:
        """Only for what autobahn reads."""
        return Utf8Validator()  # type: ignore[no-untyped-call]

    @property
    def extensions(self) -> dict[str, Any]:
        """Of the ASGI scope."""
        return {DIRECT: self}

    def connectionMade(self) -> None:
        """The request has arrived. Autobahn's collects details of the transport for a log that nobody reads."""
        transport = self.transport
        self.last_heard = self.last_pinged = self.launcher.clock.seconds
        self.peer = transport.client[0]
        # Daphne leaves its HTTP channel there, which would stop reading, and go on with it, at its own discretion.
        transport.unregisterProducer()
        transport.setTcpNoDelay(True)
        AutobahnProtocol._connectionMade(self)
        self.factory.countConnections += 1

    def connectionLost(self, reason: Any) -> None:
        """The connection is gone. Autobahn's writes three lines for that log, in colour."""
        AutobahnProtocol._connectionLost(self, reason)
        self.factory.countConnections -= 1

    def upgrade(self, transport: Any, upgrade: Upgrade, rest: bytes) -> None:
        """Begins with a handshake that was read in place, as daphne's `onConnect` does; `rest` came after its head."""
        server = self.launcher
        self.transport, self.connected, self.peer = transport, 1, transport.client[0]
        self.last_heard = self.last_pinged = self._clock.seconds
        transport.setTcpNoDelay(True)
        self.factory.countConnections += 1
        server.protocol_connected(self)
        self.server, self.request, self.data = server, upgrade, rest
        self.websocket_protocols, self.websocket_version = upgrade.subprotocols, 13
        self.socket_opened = self.last_ping = self.last_heard
        client, host = transport.getPeer(), transport.getHost()
        self.client_addr, self.server_addr = [client.host, client.port], [host.host, host.port]
        self.path, self.root_path = upgrade.raw_path, server.root_path
        self.handshake_deferred = _Handshake(self)
        self.applicationCreateWorked(server.create_application(self, self._scope(upgrade)))

    def _scope(self, upgrade: Upgrade) -> dict[str, Any]:
        return {
            "type": "websocket",
            "path": upgrade.path,
            "raw_path": upgrade.raw_path,
            "root_path": self.root_path,
            "headers": upgrade.headers,
            "query_string": upgrade.query,
            "client": self.client_addr,
            "server": self.server_addr,
            "subprotocols": upgrade.subprotocols,
        }

    def accept(self, subprotocol: str | None) -> None:
        """Opens it, as autobahn's `succeedHandshake` does; without extensions, and past its log."""
        if subprotocol is not None and subprotocol not in self.websocket_protocols:
            raise ValueError("a subprotocol that was not offered")
        self.websocket_protocol_in_use = subprotocol
        self.transport.write(acceptance(self.request.key, self.factory.server, subprotocol))
        self.state = _OPEN
        self.onOpen()
        if self.data:
            self.consumeData()

    def check_timeouts(self) -> None:
        """The sweep sees to the opening handshake, too: autobahn's has a timer for each."""
        if self.state != self.STATE_CONNECTING:
            super().check_timeouts()
        elif self._clock.has_passed(self.launcher.limits.request_seconds, self.last_pinged):
            self.onOpenHandshakeTimeout()

    # What comes

    def dataReceived(self, data: bytes) -> None:
        """Whatever comes shows that the client lives."""
        self.last_heard = self._clock.seconds
        self.data = self.data + data if self.data else data
        self.consumeData()

    def consumeData(self) -> None:
        """Takes up the common frames; what comes after them is for autobahn."""
        if self.state == _OPEN and self.current_frame is None:
            if not self.inside_message:
                self._take_up_texts()
            if not self.data:
                return
            if self._take_up_control():
                return
        super().consumeData()

    def _take_up_control(self) -> bool:
        """Whether it was a pong as most are, or a client's farewell; what that means is for autobahn to say."""
        is_pong, closing = is_empty_pong(self.data), close_frame(self.data)
        if self.is_paused or not (is_pong or closing) or not self._affords_runt():
            return False
        self.data = b""
        if closing:
            self.onCloseFrame(*closing)
        return True

    def _take_up_texts(self) -> None:
        """At most as many as may wait: one read may hold thousands, and the others want to be served, too."""
        stream, start, most, size = self.data, 0, self.maxFramePayloadSize, len(self.data)
        left = self._inbound_frames
        while start < size and not self.is_paused and self.state == _OPEN:
            found = whole_text(stream, start, most)
            if found is None:
                break
            text, start = found
            self._hand_on(text)
            left -= 1
            if not left and start < size:
                self._give_way()
        self.data = stream[start:] if start < size else b""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """What autobahn has put together takes the same way, so that nothing overtakes it.

        Autobahn would go on to the end of what was read, be it thousands of texts; the lane takes them up in its turn.
        """
        if isBinary or self.state != self.STATE_OPEN:
            super().onMessage(payload, isBinary)
            return
        self._hand_on(payload.decode())
        if self.data:
            self._give_way()

    def _give_way(self) -> None:
        """The others have their turn, unless this connection waits anyhow."""
        if not self.is_paused:
            self._pause()
            self._resume_soon()

    def _hand_on(self, text: str) -> None:
        """To the application at once, unless it has yet to take what came before."""
        inbox, take = self.application_queue, self._take
        if take is None or not inbox.empty():
            inbox.put_nowait({"type": "websocket.receive", "text": text})
            if inbox.qsize() >= self._inbound_frames:
                self._pause()
            return
        try:
            take(text)
        except Exception as fault:
            self._take = None
            inbox.fail(fault)

    def sendPing(self, payload: bytes | None = None) -> None:
        """Ten thousand idle clients take 500 of these a second, and send as many pongs."""
        if payload:
            super().sendPing(payload)
        elif self.state == self.STATE_OPEN:
            self.transport.write(EMPTY_PING)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Autobahn's makes the words of a line for that log, in colour."""
        if sync or chopsize:
            super().sendData(data, sync, chopsize)
        else:
            self.transport.write(data)

    # What the application does directly

    def take_texts_by(self, take: TakeText) -> None:
        """From now on text messages are handed to `take`; those that wait for `receive` come first."""
        self._take = take
        self._context = copy_context()

    def write_text(self, payload: bytes) -> None:
        """Writes one text message, in UTF-8, unless the connection is closing."""
        if self.state != _OPEN:
            return
        transport = self.transport
        transport.write(text_frame(payload))
        if transport.dataBuffer:  # else at most what was gathered in this turn waits
            self._context.run(self._drop_if_unread)

    def close_with(self, code: int, reason: str) -> None:
        """Closes after what was written, unless that was done before."""
        if self.state == self.STATE_OPEN:
            self._context.run(self.handle_reply, {"type": "websocket.close", "code": code, "reason": reason})


class _Unheard:
    """Stands in for the Deferreds by which autobahn tells of the beginning and the end, which nobody awaits."""

    def callback(self, result: object) -> None:
        """It has come."""


class _Handshake:
    """Stands in for the Deferred by which daphne tells autobahn whether the application accepts."""

    __slots__ = ("_socket",)

    def __init__(self, socket: FastWebSocket) -> None:
        self._socket = socket

    def callback(self, subprotocol: str | None) -> None:
        """It does."""
        self._socket.accept(subprotocol)

    def errback(self, denial: ConnectionDeny) -> None:
        """It does not."""
        self._socket.failHandshake(denial.reason, denial.code)


class FastWebSocketFactory(WebSocketFactory):
    """Makes them, of a class that has this factory's options."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        options = {name: _as_it_is(getattr(self, name)) for name in WebSocketProtocol.CONFIG_ATTRS}
        ours = {"_clock": server.clock, "_inbound_frames": server.limits.inbound_frames}
        self.protocol: Any = type("FastWebSocket", (FastWebSocket,), options | ours | _first_state(self, options))

    def buildProtocol(self, addr: object) -> Any:
        """One of them."""
        socket = self.protocol()
        socket.factory = self
        return socket


def _first_state(factory: FastWebSocketFactory, options: dict[str, Any]) -> dict[str, Any]:
    """What autobahn has each connection begin with: some forty attributes, which can be those of the class.

    What could change is either for nobody, and one does for all (counters, listeners), or made where it is used.
    """
    model = type("Model", (FastWebSocket,), options | {"openHandshakeTimeout": 0})()
    model.factory = factory
    AutobahnProtocol.__init__(model)
    AutobahnProtocol._connectionMade(model)
    state = {name: value for name, value in vars(model).items() if name not in ("factory", "utf8validator")}
    opened = {"current_frame": None, "inside_message": False, "websocket_extensions_in_use": ()}
    return state | opened | {"send_queue": (), "is_open": _Unheard(), "is_closed": _Unheard()}


def _as_it_is(option: Any) -> Any:
    """A function that is an attribute of a class would become a method."""
    return staticmethod(option) if callable(option) else option
