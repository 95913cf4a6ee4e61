"""Which ASGI application serves which scope: signalling and the probes are before Django, pages are Django's."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from roundtable import logs
from signalling.bodies import BodyRefused, Disconnected, having_read, read_body
from signalling.consumers import SignallingConsumer, refuse
from signalling.operators.control import ControlSocket
from signalling.operators.desk import DESK
from signalling.operators.metrics import METRICS_PATH, MetricsEndpoint
from signalling.post import PostEndpoint, respond, respond_with
from signalling.visitor import as_the_client_came, new_request_id

if TYPE_CHECKING:
    from signalling.runtime import Runtime

SIGNAL_PATH = "/signal"


class Router:
    """The ASGI application of the whole server. Paths are exact: `/signal/` is not `/signal`, and nothing redirects."""

    def __init__(self, runtime: Runtime, pages: Any, control: ControlSocket | None = None) -> None:
        self.runtime = runtime
        self._control = control if control is not None else ControlSocket(None, runtime.desk)
        self._pages = pages
        self._http: dict[str, Any] = {
            SIGNAL_PATH: PostEndpoint(runtime),
            "/healthz": self._bounded(self._healthz),
            "/readyz": self._bounded(self._readyz),
            METRICS_PATH: self._bounded(MetricsEndpoint(runtime)),
        }
        self._page = self._bounded(self._serve_page)
        self._websocket = SignallingConsumer.as_asgi(runtime=runtime)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands the scope to what serves it. The first one tells that the process serves."""
        self.runtime.start()
        self._control.open_soon()
        match scope["type"]:
            case "http":
                await self._http.get(scope["path"], self._page)(scope, receive, send)
            case "websocket":
                await self._serve_websocket(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)

    async def _serve_websocket(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == SIGNAL_PATH:
            await self._websocket(scope, receive, send)
            return
        with logs.context(connection=new_request_id()):
            await refuse(scope, receive, send)

    def _bounded(self, application: Any) -> Any:
        """That, with a body that was read: Django would spool one of any size to disk, and probes would not look."""

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            instance = new_request_id()
            with logs.context(request=instance):
                try:
                    body = await read_body(receive, scope, self.runtime.configuration.limits, instance)
                except BodyRefused as refused:
                    self.runtime.switchboard.tally.count(refused.problem.limit)
                    await respond_with(send, refused.problem)
                except Disconnected:
                    return
                else:
                    await application(scope, having_read(body, receive), send)

        return serve

    async def _serve_page(self, scope: Any, receive: Any, send: Any) -> None:
        await self._pages(self._page_scope(scope), receive, send)

    def _page_scope(self, scope: Any) -> dict[str, Any]:
        """Daphne takes the root path from a header, Daphne-Root-Path, that anybody may send."""
        came = as_the_client_came(scope, self.runtime.configuration.trustedproxies)
        return {**came, "root_path": "", DESK: self.runtime.desk}

    async def _healthz(self, scope: Any, receive: Any, send: Any) -> None:
        await _plain(send, HTTPStatus.OK, b"ok\n")

    async def _readyz(self, scope: Any, receive: Any, send: Any) -> None:
        if self.runtime.draining:
            await _plain(send, HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        else:
            await _plain(send, HTTPStatus.OK, b"ready\n")

    async def _lifespan(self, receive: Any, send: Any) -> None:
        """The launcher and daphne have none, so nothing depends on it; other server programs tell of their end so."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.runtime.close()
        await self._control.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _plain(send: Any, status: HTTPStatus, body: bytes) -> None:
    await respond(send, status, [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")], body)
