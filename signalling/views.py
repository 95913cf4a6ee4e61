"""The public pages: what this server is and how to connect to it, a voice call, and its contract for machines.

They read the configuration and files, never the switchboard or the database.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from signalling.identity import PeerID, encode_identifier
from signalling.middleware import POLICY
from signalling.visitor import visitor

EXAMPLE_PEER = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
YAML = "application/yaml"
"""RFC 9512; it has no charset parameter, for YAML is UTF-8."""


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """Where clients reach this server: `prefix` is `http(s)://host[:port]`, and may be a guess from the request."""

    prefix: str
    is_guess: bool

    @property
    def post_url(self) -> str:
        """Where offers are posted."""
        return f"{self.prefix}/signal"

    @property
    def websocket_url(self) -> str:
        """The same place for WebSockets: `ws` for `http`, `wss` for `https` (RFC 6455, section 3)."""
        return f"ws{self.prefix.removeprefix('http')}/signal"


@require_safe
@never_cache
def landing(request: ASGIRequest) -> HttpResponse:
    """What this is, the address for clients, and an identifier explained."""
    address = client_address(request)
    context = {
        "address": address,
        "example_peer": EXAMPLE_PEER,
        "example_identifier": encode_identifier(PeerID(EXAMPLE_PEER, address.prefix)),
        "has_call_page": settings.ROUNDTABLE.callpage,
    }
    return render(request, "signalling/landing.html", context)


@require_safe
@never_cache
def call_page(request: HttpRequest) -> HttpResponse:
    """A voice call in the browser. Raises Http404 where the configuration has turned it off (`callpage`)."""
    if not settings.ROUNDTABLE.callpage:
        raise Http404
    response = render(request, "signalling/call.html")
    response.headers["Content-Security-Policy"] = call_page_policy(request.get_host())
    return response


def call_page_policy(host: str) -> str:
    """Our own scripts and our own server besides; a text never becomes markup (W3C Trusted Types).

    `host` is this request's `host[:port]`. Older browsers do not take `'self'` for a WebSocket to the same host, and
    none knows IPv6 addresses here (CSP Level 3, section 2.3.1: host-part).
    """
    sockets = "" if host.startswith("[") else f" ws://{host} wss://{host}"
    return f"{POLICY}; script-src 'self'; connect-src 'self'{sockets}; require-trusted-types-for 'script'"


@require_safe
def contract(request: HttpRequest, document: str) -> HttpResponse:
    """A machine-readable description of the protocol: `document` is the name of a file in `docs/`, set by the route."""
    return HttpResponse((settings.BASE_DIR / "docs" / document).read_bytes(), content_type=YAML)


def client_address(request: ASGIRequest) -> ClientAddress:
    """`publicaddress` of the configuration; while that is unset, what a WebSocket with this Host would be told.

    Raises BadRequest for a Host that is not `host[:port]`. Foreign hosts have been refused by then (`allowedhosts`).
    """
    configuration = settings.ROUNDTABLE
    home = visitor(request.scope, configuration.publicaddress, configuration.trustedproxies).home
    if not home:
        raise BadRequest("the Host header is not host[:port]")
    return ClientAddress(home, is_guess=configuration.publicaddress is None)
