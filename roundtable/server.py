"""The launcher's daphne: `manage.py serve` and `manage.py runserver` run it, and it says goodbye before it goes.

The application relies on none of this; on bare daphne and on uvicorn it works without. Each piece names the fact that
it cures (daphne 4.2.3, autobahn 26.10.2). Importing this module installs Twisted's reactor.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server as DaphneServer
from daphne.ws_protocol import WebSocketProtocol as DaphneProtocol
from twisted.internet import defer, task
from twisted.internet import reactor as installed_reactor

from roundtable.logs import logger
from signalling.addresses import Authority
from signalling.codes import CloseCode

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from roundtable.config import Configuration
    from signalling.runtime import Runtime

# Its stub describes the module, not the reactor that is installed in its place.
reactor: Any = installed_reactor

log = logger("roundtable.server")

MAX_REASON_BYTES = 123
"""RFC 6455, section 5.5: a control frame carries 125 bytes, two of which are the close code."""
SPARE_SECONDS = 5
"""An HTTP request may last as long as its offer waits for an answer, and so much longer."""
POLL_SECONDS = 0.02
EVERYWHERE = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 (the default, as the Go server has it)


class WebSocketProtocol(DaphneProtocol):
    """One WebSocket, closed with the code and the reason that the application gives."""

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Performs what the application sends. Daphne drops the reason of a close."""
        if message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            self._say_goodbye(message.get("code") or CloseCode.NORMAL, message.get("reason") or "")
            return
        super().handle_reply(message)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        """Writes one frame. Daphne's `send` never waits, so what a client does not read would pile up here for ever.

        The connection is dropped without a close frame, for that would have to wait behind all the rest.
        """
        super().serverSend(content, binary)
        transport = self.transport
        unsent = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
        if unsent > self.server.runtime.configuration.limits.unsent_bytes and self.state == self.STATE_OPEN:
            log.info("slow consumer", unsent=unsent)
            self.dropConnection(abort=True)

    last_heard = 0.0
    """When anything came, pongs included: the reactor's seconds, which are monotonic."""

    def dataReceived(self, data: bytes) -> None:
        """Whatever comes shows that the client lives."""
        self.last_heard = reactor.seconds()
        super().dataReceived(data)

    def onAutoPingTimeout(self) -> None:
        """A ping's time is up. Autobahn drops the connection, which clients see as 1006.

        Daphne sends a ping while another is pending, and autobahn forgets to cancel the first one's timer; so it may
        fire though the client was heard meanwhile.
        """
        self.autoPingTimeoutCall = None
        silent_seconds = reactor.seconds() - self.last_heard
        if silent_seconds >= self.factory.autoPingTimeout:
            self._say_goodbye(CloseCode.NO_HEARTBEAT, "no heartbeat")

    def _say_goodbye(self, code: int, reason: str) -> None:
        self.sendCloseFrame(code=int(code), reasonUtf8=reason.encode()[:MAX_REASON_BYTES], isReply=False)


class Server(DaphneServer):
    """Daphne's server with our protocol, and an end in which everybody is told."""

    def __init__(self, application: Any, *, runtime: Runtime, **options: Any) -> None:
        super().__init__(application, **{**fences(runtime.configuration), **options}, ready_callable=self._make_ready)
        logging.getLogger("daphne.server").setLevel(logging.WARNING)  # what it says of itself is in our own lines
        self.runtime = runtime
        self.failure: str | None = None
        """Why it could not listen."""
        self._ports: list[Any] = []

    def _make_ready(self) -> None:
        """Daphne calls this when its factories exist and nothing has connected yet."""
        self.ws_factory.protocol = WebSocketProtocol
        # With failByDrop, frames that break the protocol or the size limit end as 1006 and not as 1002 or 1009.
        # Autobahn forgets allowNullOrigin when it is not said again; which origins may come is for the application.
        self.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)
        addresses = " ".join(str(Authority(host, port)) for host, port in self.listening_addresses)
        log.info("listening", address=addresses, loop=type(asyncio.get_event_loop()).__module__)

    def listen_success(self, port: Any) -> None:
        """Daphne forgets the port, which could then not be closed before everything else."""
        super().listen_success(port)
        self._ports.append(port)

    def listen_error(self, failure: Failure) -> None:
        """Daphne logs this and exits as if all was well."""
        self.failure = failure.getErrorMessage()
        self.stop()

    @defer.inlineCallbacks
    def kill_all_applications(self) -> Generator[Any, Any, None]:
        """Stops listening, says goodbye, waits for what is under way, and only then goes.

        Daphne cancels every application at once: sockets see 1006 and requests get nothing.
        """
        log.info("draining", **self.runtime.census())
        for port in self._ports:
            yield defer.maybeDeferred(port.stopListening)
        self.runtime.drain()
        deadline = reactor.seconds() + self.runtime.configuration.limits.drain_seconds
        while reactor.seconds() < deadline and self._is_busy():
            yield task.deferLater(reactor, POLL_SECONDS, lambda: None)
        yield defer.Deferred.fromFuture(asyncio.ensure_future(self.runtime.close()))
        log.info("stopped", left=self._count_open(), **self.runtime.census())
        # Daphne's own clean-up raises KeyError for a connection whose application has been reaped.
        for details in self.connections.values():
            details.setdefault("application_instance", _finished())
        yield super().kill_all_applications()

    def _is_busy(self) -> bool:
        return self._count_open() > 0

    def _count_open(self) -> int:
        return sum(self._is_open(details) for details in self.connections.values())

    @staticmethod
    def _is_open(details: dict[str, Any]) -> bool:
        application = details.get("application_instance")
        return not details.get("disconnected") or (application is not None and not application.done())


def fences(configuration: Configuration) -> dict[str, Any]:
    """Daphne's options as the configuration has them: sizes in bytes, times in seconds."""
    limits = configuration.limits
    return {
        "http_timeout": configuration.timeout + SPARE_SECONDS,
        "websocket_timeout": -1,
        "websocket_max_message_size": limits.message_bytes,
        "websocket_max_frame_size": limits.message_bytes,
        "ping_interval": limits.heartbeat_seconds,
        "ping_timeout": limits.silence_seconds - limits.heartbeat_seconds,
    }


def endpoints(host: str, port: int) -> list[str]:
    """Twisted's endpoint descriptions; no host means all interfaces, of both families where the system has both."""
    descriptions: list[str] = build_endpoint_description_strings(host=host or EVERYWHERE, port=port)
    return descriptions


def check_free(host: str, port: int) -> None:
    """Raises OSError when nobody can listen there now.

    Called before the log is opened: a second server, started by mistake, must not empty the first one's log.
    """
    address = host or EVERYWHERE
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    socket.create_server((address, port), family=family, dualstack_ipv6=address == "::").close()


def _finished() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_event_loop().create_future()
    future.set_result(None)
    return future
