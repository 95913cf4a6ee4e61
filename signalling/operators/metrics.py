"""`/metrics`: the figures for Prometheus, to whom `metricsallow` lets read them. What they are is in exposition.py.

Before Django, as the probes are: a scrape takes no thread, no session and no database.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from roundtable import logs
from signalling.addresses import is_trusted
from signalling.operators.exposition import registry
from signalling.post import respond
from signalling.visitor import header_values

if TYPE_CHECKING:
    from signalling.runtime import Runtime
    from signalling.visitor import Visitor

METRICS_PATH = "/metrics"
METHODS = ("GET", "HEAD")

refusals = logs.logger("signalling.refusals")


class MetricsEndpoint:
    """The ASGI application of `/metrics`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._registry = registry(runtime)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves one request."""
        guest = self._runtime.visitor(scope)
        with logs.context(request=guest.id):
            if not self._may_read(guest):
                refusals.info("metrics refused", address=guest.address)
                await _respond(send, HTTPStatus.FORBIDDEN, b"not from your address\n")
            elif scope["method"] not in METHODS:
                allow = (b"allow", ", ".join(METHODS).encode())
                await _respond(send, HTTPStatus.METHOD_NOT_ALLOWED, b"metrics are read by GET\n", allow)
            else:
                await self._serve(scope, send)

    def _may_read(self, guest: Visitor) -> bool:
        """Judged by the client's address. Nobody knows it when a stranger forwards, or a proxy does not tell it."""
        allowed = self._runtime.configuration.metricsallow
        return not guest.through_stranger and not guest.is_unnamed and is_trusted(guest.address, allowed)

    async def _serve(self, scope: Any, send: Any) -> None:
        body, content_type = self._exposition(",".join(header_values(scope["headers"], b"accept")))
        await _respond(send, HTTPStatus.OK, body, content_type=content_type)  # servers send no body to a HEAD

    def _exposition(self, accept: str) -> tuple[bytes, str]:
        """The format that is named first; the client library's own choice raises for a version that is no number."""
        kinds = (kind.partition(";")[0].strip().lower() for kind in accept.split(","))
        first = next((kind for kind in kinds if kind in ("application/openmetrics-text", "text/plain")), None)
        if first == "application/openmetrics-text":
            body: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return body, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4


async def _respond(
    send: Any, status: HTTPStatus, body: bytes, *headers: tuple[bytes, bytes], content_type: str = "text/plain"
) -> None:
    fixed = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store"), (b"vary", b"Accept")]
    await respond(send, status, [*fixed, *headers], body)
