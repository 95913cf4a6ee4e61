"""The launcher's daphne: `manage.py serve` and `manage.py runserver` run it. How it listens, and what it gives daphne.

The application relies on none of this; on bare daphne and on uvicorn it works without. Each piece names the fact that
it cures (daphne 4.2.3, autobahn 26.10.2, Twisted 26.10). Importing this module installs Twisted's reactor.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import time
from contextvars import Context
from functools import partial
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
from roundtable.logs import logger
from roundtable.runningclock import RunningClock
from roundtable.twistedlogs import observe
from roundtable.websocketprotocol import WebSocketProtocol
from signalling.addresses import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.python.failure import Failure

    from signalling.limits import Limits
    from signalling.operators.control import ControlSocket
    from signalling.runtime import Runtime

# Its stub describes the module, not the reactor that is installed in its place.
reactor: Any = installed_reactor

log = logger("roundtable.server")
refusals = logger("roundtable.server.refusals")

SPARE_SECONDS = 5
"""An HTTP request may last as long as its offer waits for an answer, and so much longer."""
TICK_SECONDS = 0.25
"""How often connections are looked at; a quarter of the shortest patience when that is less."""
BACKLOG = 4096
"""Connections that may wait to be accepted, if the system lets so many (Linux: net.core.somaxconn, 4,096). Twisted's
default is 50, which all clients that come back after a restart overrun."""
EVERYWHERE = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 (the default, as the Go server has it)

# Twisted and daphne tell time by the wall clock. When that is set back by two hours, every timer is late by them; when
# it is set forward, every time-out is over.
reactor.seconds = time.monotonic
for _module in (daphne.server, daphne.http_protocol, daphne.ws_protocol):
    _module.time = SimpleNamespace(time=time.monotonic)


class Server(DaphneServer):
    """Daphne's server with our connections, and an end in which everybody is told."""

    def __init__(
        self, application: Any, *, runtime: Runtime, control: ControlSocket | None = None, **options: Any
    ) -> None:
        super().__init__(application, http_timeout=runtime.configuration.timeout + SPARE_SECONDS, **options)
        logging.getLogger("daphne.server").setLevel(logging.WARNING)  # what it says of itself is in our own lines
        self.runtime = runtime
        self._control = control
        self.limits = runtime.configuration.limits
        self.trusted_proxies = runtime.configuration.trustedproxies
        self.clock = RunningClock(tick_seconds(self.limits), reactor.seconds())
        self.connections: dict[Any, dict[str, Any]] = {}
        self._lane = choose_lane()
        self.http_factory = self._lane.http_factory(self)
        self.ws_factory = self._lane.websocket_factory(self)
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
        if self.signal_handlers and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            # Whoever closes the terminal means the same as with Ctrl-C; nohup ignores it.
            signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        addresses = " ".join(str(Authority(host, port)) for host, port in self.listening_addresses)
        log.info("listening", address=addresses, loop=type(asyncio.get_event_loop()).__module__)
        gc.collect()
        gc.freeze()  # what is there now stays: no collection, nor the process's end, looks at Django's 110,000 objects
        reactor.run(installSignalHandlers=self.signal_handlers)

    def listen_success(self, port: Any) -> None:
        """Daphne forgets the port, which could then not be closed before everything else."""
        super().listen_success(port)
        self._ports.append(port)
        if self._lane.connection is not None:
            port.transport = self._lane.connection
        if self._control is not None:
            reactor.callLater(0, self._control.open_soon)  # it needs the loop, which may not run yet

    def listen_error(self, failure: Failure) -> None:
        """Daphne logs this and exits as if all was well."""
        self.failure = failure.getErrorMessage()
        self.stop()

    async def stop_listening(self) -> None:
        """Takes no more connections; the system resets those that nobody has accepted yet."""
        closing = [defer.maybeDeferred(port.stopListening) for port in self._ports]
        for closed in closing:
            await closed.asFuture(asyncio.get_running_loop())

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> asyncio.Queue[dict[str, Any]] | Inbox:
        """Starts the application of a request or a WebSocket; what it will receive. Daphne's queue has no bound."""
        queue: asyncio.Queue[dict[str, Any]] | Inbox = asyncio.Queue()
        if isinstance(protocol, WebSocketProtocol):
            queue = Inbox(self.limits.inbound_frames // 2, protocol.resume_soon)
            scope["extensions"] = protocol.extensions
        scope["asgi"] = {"version": "3.0"}
        application = self.application(scope=scope, receive=queue.get, send=partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return queue

    def note_refusal(self, limit: str, event: str, **fields: Any) -> None:
        """A limit of the launcher's has refused somebody; the application counts its own in the same place."""
        self.runtime.switchboard.tally.count(limit)
        refusals.info(event, limit=limit, **fields)

    def timeout_checker(self) -> None:
        """Looks at every connection: has it waited, or been silent, for too long?"""
        reactor.callLater(self.clock.tick_seconds, self.timeout_checker)
        self.clock.tick(reactor.seconds())
        for connection in self._watched():
            try:
                connection.check_timeouts()
            except Exception:  # a fault of ours about one connection must not stop the clock of all
                log.exception("time-outs could not be checked")

    def _watched(self) -> Iterator[Any]:
        yield from list(self.http_factory.channels)
        yield from list(self.connections)

    def kill_all_applications(self) -> Any:
        """What is to be done before the reactor stops."""
        drained: asyncio.Future[None] = Context().run(asyncio.ensure_future, Drain(self).run())
        return defer.Deferred.fromFuture(drained)


def tick_seconds(limits: Limits) -> float:
    """How often connections are looked at."""
    shortest = min(limits.heartbeat_seconds, limits.silence_seconds, limits.request_seconds)
    return min(TICK_SECONDS, shortest / 4)


def endpoints(host: str, port: int) -> list[str]:
    """Twisted's endpoint descriptions; no host means all interfaces, of both families where the system has both."""
    descriptions: list[str] = build_endpoint_description_strings(host=host or EVERYWHERE, port=port)
    return [f"{description}:backlog={BACKLOG}" for description in descriptions]


def check_free(host: str, port: int) -> None:
    """Raises OSError when nobody can listen there now.

    Called before the log is opened: a second server, started by mistake, must not empty the first one's log.
    """
    address = host or EVERYWHERE
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    socket.create_server((address, port), family=family, dualstack_ipv6=address == "::").close()
