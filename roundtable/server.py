"""The launcher's daphne: `manage.py serve` and `manage.py runserver` run it. How it listens, and what it gives daphne.

The application relies on none of this; on bare daphne it works without. Each piece names the fact that it cures (daphne
4.2.3, autobahn 26.10.2, Twisted 26.10). Importing this module installs Twisted's reactor.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import daphne.http_protocol
import daphne.server
import daphne.ws_protocol
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server as DaphneServer
from twisted.internet import defer
from twisted.internet import endpoints as twisted_endpoints
from twisted.internet import reactor as installed_reactor
from twisted.logger import globalLogBeginner

from roundtable.drain import Drain
from roundtable.inbox import Inbox
from roundtable.lanes import choose_lane
from roundtable.launcher import Launcher, heed_closed_terminal
from roundtable.listening import BACKLOG, EVERYWHERE
from roundtable.sockets import CLOSING_SECONDS, RESTARTING
from roundtable.twistedlogs import observe
from roundtable.websocketprotocol import WebSocketProtocol
from signalling.deadlines import Deadlines

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from roundtable.patrol import Watched
    from signalling.operators.control import ControlSocket
    from signalling.runtime import Runtime

# Its stub describes the module, not the reactor that is installed in its place.
reactor: Any = installed_reactor

SPARE_SECONDS = 5
"""An HTTP request may last as long as its offer waits for an answer, and so much longer."""

# Twisted and daphne tell time by the wall clock. When that is set back by two hours, every timer is late by them; when
# it is set forward, every time-out is over.
reactor.seconds = time.monotonic
for _module in (daphne.server, daphne.http_protocol, daphne.ws_protocol):
    _module.time = SimpleNamespace(time=time.monotonic)


class Server(Launcher, DaphneServer):
    """Daphne's server with our connections, and an end in which everybody is told."""

    def __init__(
        self, application: Any, *, runtime: Runtime, control: ControlSocket | None = None, **options: Any
    ) -> None:
        Launcher.__init__(self, runtime, control)
        http_timeout = runtime.configuration.timeout + SPARE_SECONDS
        DaphneServer.__init__(self, application, http_timeout=http_timeout, **options)
        logging.getLogger("daphne.server").setLevel(logging.WARNING)  # what it says of itself is in our own lines
        self.connections: dict[Any, dict[str, Any]] = {}
        self._lane = choose_lane()
        self.http_factory = self._lane.http_factory(self)
        self.ws_factory = self._lane.websocket_factory(self)
        self.closing = Deadlines[Any](CLOSING_SECONDS + self.clock.tick_seconds)
        """TCP connections of WebSockets that were closed: what is not gone by then is aborted."""
        self.failure: str | None = None
        """Why it could not listen."""
        self._ports: list[Any] = []

    def run(self) -> None:
        """Serves until the process is told to stop. Daphne's own makes its factories here, and they cannot be ours."""
        globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False, discardBuffer=True)
        asyncio.set_event_loop(reactor._asyncioEventloop)
        reactor.callLater(1, self.application_checker)
        reactor.callLater(self.clock.tick_seconds, self.timeout_checker)
        from_string: Any = twisted_endpoints.serverFromString
        for description in self.endpoints:
            listening = from_string(reactor, description).listen(self.http_factory)
            listening.addCallbacks(self.listen_success, self.listen_error)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        if self.abort_start:
            return
        if self.signal_handlers:
            heed_closed_terminal()
        self.begin(self.listening_addresses)
        reactor.run(installSignalHandlers=self.signal_handlers)

    def listen_success(self, port: Any) -> None:
        """Daphne forgets the port, which could then not be closed before everything else."""
        super().listen_success(port)
        self._ports.append(port)
        if self._lane.connection is not None:
            port.transport = self._lane.connection
        if self.control is not None:
            reactor.callLater(0, self.control.open_soon)  # it needs the loop, which may not run yet

    def listen_error(self, failure: Failure) -> None:
        """Daphne logs this and exits as if all was well."""
        self.failure = failure.getErrorMessage()
        self.stop()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> asyncio.Queue[dict[str, Any]] | Inbox:
        """Starts the application of a request or a WebSocket; what it will receive. Daphne's queue has no bound."""
        queue: asyncio.Queue[dict[str, Any]] | Inbox
        receive: Callable[[], Awaitable[dict[str, Any]]]
        if isinstance(protocol, WebSocketProtocol):
            queue, receive = Inbox(), protocol.receive
            scope["extensions"] = protocol.extensions
        else:
            queue = asyncio.Queue()
            receive = queue.get
        scope["asgi"] = {"version": "3.0"}
        application = self.application(scope=scope, receive=receive, send=partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return queue

    def protocol_disconnected(self, protocol: Any) -> None:
        """The connection is gone. Of one that the application rejected daphne says so before it is, and may have
        forgotten it by then: it looks once a second for those whose application has ended."""
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    def timeout_checker(self) -> None:
        """Looks at every connection: has it waited, or been silent, for too long? Or been closing?"""
        reactor.callLater(self.clock.tick_seconds, self.timeout_checker)
        self.check_timeouts()
        for connection in self.closing.due(self.clock.seconds):
            connection.abortConnection()

    def watched(self) -> Iterable[Watched]:
        """All connections there are."""
        return chain(self.http_factory.channels, self.connections)

    def is_watched(self, connection: Watched) -> bool:
        """Whether it is one of them."""
        return connection in self.http_factory.channels or connection in self.connections

    # The end

    def kill_all_applications(self) -> Any:
        """What is to be done before the reactor stops."""
        drained: asyncio.Future[None] = Context().run(asyncio.ensure_future, Drain(self).run())
        return defer.Deferred.fromFuture(drained)

    async def stop_listening(self) -> None:
        """Takes no more connections; the system resets those that nobody has accepted yet."""
        closing = [defer.maybeDeferred(port.stopListening) for port in self._ports]
        for closed in closing:
            await closed.asFuture(asyncio.get_running_loop())

    def dismiss_requests(self) -> None:
        """Nobody waits for a request that has not arrived whole."""
        for channel in list(self.http_factory.channels):
            channel.dismiss()

    def is_busy(self) -> bool:
        """Whether anybody is here, or anything written has not left; idle connections are nobody."""
        return self.left() > 0 or any(channel.unsent for channel in self.http_factory.channels)

    def close_sockets(self) -> None:
        """Says 1012 to each WebSocket that the application has left open."""
        for connection in list(self.connections):
            if isinstance(connection, WebSocketProtocol) and connection.is_established:
                connection.say_goodbye(RESTARTING, "restarting")

    def left(self) -> int:
        """How many there are to wait for."""
        return sum(_is_open(*held) for held in self.connections.items())

    async def cancel_what_is_left(self, within_seconds: float) -> None:
        """Ends them, and the connections to answerers. Daphne waits for ever for one that will not be cancelled."""
        closing = asyncio.ensure_future(self.runtime.close())
        left = [task for task in map(_application, self.connections.values()) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.wait([closing, *left], timeout=within_seconds)


def _is_open(connection: Any, details: dict[str, Any]) -> bool:
    """Whether there is something to wait for; a request that has not arrived whole is nothing."""
    if _application(details) is not None:
        return True
    return isinstance(connection, WebSocketProtocol) and not details.get("disconnected")


def _application(details: dict[str, Any]) -> asyncio.Future[None] | None:
    """The application that still runs; daphne takes out those that are done, sooner or later."""
    application: asyncio.Future[None] | None = details.get("application_instance")
    return None if application is None or application.done() else application


def endpoints(host: str, port: int) -> list[str]:
    """Twisted's endpoint descriptions; no host means all interfaces, of both families where the system has both."""
    descriptions: list[str] = build_endpoint_description_strings(host=host or EVERYWHERE, port=port)
    return [f"{description}:backlog={BACKLOG}" for description in descriptions]


def serve(application: Any, runtime: Runtime, control: ControlSocket) -> str | None:
    """Serves at the address of the configuration until the process is told to stop; why it could not, if so."""
    listening = endpoints(runtime.configuration.host, runtime.configuration.port)
    server = Server(application, runtime=runtime, control=control, endpoints=listening)
    server.run()
    return server.failure
