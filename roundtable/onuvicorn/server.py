"""The launcher's uvicorn: how it listens, what it gives uvicorn, and an end in which everybody is told."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from roundtable.drain import Drain
from roundtable.launcher import Launcher, heed_closed_terminal
from roundtable.listening import listen
from roundtable.onuvicorn.connection import Connection
from roundtable.onuvicorn.resetting import reset
from roundtable.onuvicorn.websocket import WebSocket
from roundtable.sockets import RESTARTING

if TYPE_CHECKING:
    from roundtable.patrol import Watched
    from signalling.operators.control import ControlSocket
    from signalling.runtime import Runtime


class Configuration(uvicorn.Config):
    """Uvicorn's, from ours; it leads each connection to the launcher."""

    def __init__(self, application: Any, launcher: Server) -> None:
        super().__init__(
            application,
            interface="asgi3",
            loop="uvloop",
            http=Connection,
            ws=WebSocket,
            ws_max_size=launcher.limits.message_bytes,
            ws_ping_interval=None,  # one sweep for all: Socket.check_timeouts
            ws_per_message_deflate=False,  # browsers offer it, and it costs 1.6 times
            lifespan="off",
            log_config=None,
            access_log=False,  # it would have paths with their queries
            proxy_headers=False,  # trustedproxies says whom to believe
            server_header=False,
            timeout_keep_alive=int(launcher.limits.request_seconds),
        )
        self.launcher = launcher


class Server(Launcher, uvicorn.Server):
    """Uvicorn's server with our connections."""

    def __init__(self, application: Any, *, runtime: Runtime, control: ControlSocket | None = None) -> None:
        Launcher.__init__(self, runtime, control)
        uvicorn.Server.__init__(self, Configuration(_unheard_of(application), self))
        self.signal_handlers = threading.current_thread() is threading.main_thread()
        self._listeners: list[socket.socket] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens at these."""
        await super().startup(sockets)
        self._listeners = sockets or []
        if self.control is not None:
            self.control.open_soon()
        if self.signal_handlers:
            heed_closed_terminal()
        self._tick()
        self.begin(listener.getsockname()[:2] for listener in self._listeners)

    def _tick(self) -> None:
        asyncio.get_running_loop().call_later(self.clock.tick_seconds, self._tick)
        self.check_timeouts()

    def watched(self) -> Iterable[Watched]:
        """All connections there are."""
        return self._connections

    def is_watched(self, connection: Watched) -> bool:
        """Whether it is one of them."""
        return connection in self._connections

    @property
    def _connections(self) -> Collection[Connection | WebSocket]:
        return self.server_state.connections  # type: ignore[return-value]  # they are of our making

    # The end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop. Uvicorn would raise it again when all is over, and so end with another status than 0."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's would close every WebSocket at once."""
        await Drain(self).run()

    async def stop_listening(self) -> None:
        """Takes no more connections; the system resets those that nobody has accepted yet."""
        for server in self.servers:
            server.close()
        for listener in self._listeners:
            listener.close()

    def dismiss_requests(self) -> None:
        """Nobody waits for a request that has not arrived whole."""
        for connection in list(self._connections):
            if isinstance(connection, Connection):
                connection.dismiss()

    def is_busy(self) -> bool:
        """Whether anybody is here, or anything written has not left; idle connections are nobody."""
        return self.left() > 0

    def close_sockets(self) -> None:
        """Says 1012 to each WebSocket that the application has left open."""
        for connection in list(self._connections):
            if isinstance(connection, WebSocket):
                connection.say_goodbye(RESTARTING, "restarting")

    def left(self) -> int:
        """How many there are to wait for."""
        return sum(connection.is_busy for connection in self._connections)

    async def cancel_what_is_left(self, within_seconds: float) -> None:
        """Ends them, and the connections to answerers."""
        closing = asyncio.ensure_future(self.runtime.close())
        for connection in list(self._connections):
            reset(connection.transport)
        await asyncio.sleep(0)  # uvicorn hears that they have gone, and expects no responses
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        await asyncio.wait([closing, *left], timeout=within_seconds)


def _unheard_of(application: Any) -> Any:
    """The application; uvicorn would log a traceback of one that is cancelled."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        with suppress(asyncio.CancelledError):
            await application(scope, receive, send)

    return serve


def serve(application: Any, runtime: Runtime, control: ControlSocket) -> str | None:
    """Serves at the address of the configuration until the process is told to stop; why it could not, if so."""
    configuration = runtime.configuration
    try:
        listener = listen(configuration.host, configuration.port)
    except OSError as error:
        return str(error)
    Server(application, runtime=runtime, control=control).run([listener])
    return None
