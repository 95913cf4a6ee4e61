"""The public pages, through Django's whole request cycle, and without a database."""

import base64
import json
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Any, cast

import pytest
import yaml
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path
from pytest_django import Settings

from roundtable import urls
from roundtable.config import Configuration
from signalling.middleware import POLICY


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault of ours")


def with_a_policy_of_its_own(request: HttpRequest) -> HttpResponse:
    return HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})


urlpatterns = [*urls.urlpatterns, path("broken", broken), path("own-policy", with_a_policy_of_its_own)]


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> Settings:
    """A server whose public address is not configured, and which serves pages for every name under example.org."""
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = [".example.org", "localhost", "[::1]"]
    settings.ROUNDTABLE = Configuration()
    return settings


async def get(
    path: str,
    host: str = "localhost:1066",
    *,
    method: str = "GET",
    scheme: str = "http",
    enforce_csrf_checks: bool = False,
    **headers: str,
) -> HttpResponse:
    """What comes back for a request as a browser sends it."""
    fields = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope: dict[str, Any] = {
        "method": method,
        "path": path,
        "query_string": "",
        "scheme": scheme,
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }
    client = AsyncClient(enforce_csrf_checks=enforce_csrf_checks, raise_request_exception=False)
    return cast(HttpResponse, await client.request(**scope))


class Outline(HTMLParser):
    """The links and the code of a page, as a browser would read them."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.links: list[str] = []
        self.code: list[str] = []
        self._in_code = False
        self.feed(response.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "style"), "the policy forbids it"
        assert "style" not in dict(attrs), "the policy forbids it"
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        if tag == "code":
            self._in_code = True
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_code = self._in_code and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.code[-1] += data


async def test_the_configured_address_is_shown_as_it_is(configured: Settings) -> None:
    configured.ROUNDTABLE = Configuration(publicaddress="https://signal.example.org:8443")
    response = await get("/", host="inside.example.org")
    assert response.status_code == HTTPStatus.OK
    code = Outline(response).code
    assert "https://signal.example.org:8443" in code
    assert "wss://signal.example.org:8443/signal" in code
    assert "POST https://signal.example.org:8443/signal" in code
    assert "inside.example.org" not in response.content.decode()
    assert "guess" not in response.content.decode()


@pytest.mark.parametrize(
    ("host", "scheme", "prefix"),
    [
        ("localhost:1066", "http", "http://localhost:1066"),
        ("signal.example.org", "https", "https://signal.example.org"),
        ("[::1]:1066", "http", "http://[::1]:1066"),
    ],
)
async def test_an_address_that_is_not_configured_is_guessed_and_said_to_be(host: str, scheme: str, prefix: str) -> None:
    response = await get("/", host, scheme=scheme)
    assert prefix in Outline(response).code
    assert "This is a guess" in response.content.decode()
    assert "no-store" in response["Cache-Control"], "the page of one Host must not be kept for another"


async def test_only_a_trusted_proxy_says_what_scheme_the_client_used(configured: Settings) -> None:
    told = await get("/", "signal.example.org", x_forwarded_proto="https")
    assert "http://signal.example.org" in Outline(told).code
    configured.ROUNDTABLE = Configuration.model_validate({"trustedproxies": ["127.0.0.0/8"]})
    told = await get("/", "signal.example.org", x_forwarded_proto="https")
    assert "https://signal.example.org" in Outline(told).code


async def test_the_identifier_shown_is_the_json_shown() -> None:
    code = Outline(await get("/")).code
    [shown] = [text for text in code if text.startswith('{"Uuid"')]
    peer = json.loads(shown)
    assert peer == {"Uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "PublicIP": "http://localhost:1066"}
    [identifier] = [text for text in code if text.startswith("eyJ")]
    assert json.loads(base64.b64decode(identifier, validate=True)) == peer


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        'localhost"><script>alert(1)</script>',
        "localhost:1066/path",
        "user@localhost",
        "localhost:0",
        "localhost:65536",
        "localhost:99999999999999999999",
        "[::1",
        "",
    ],
)
async def test_a_foreign_or_malformed_host_is_a_bad_request_and_not_repeated(host: str) -> None:
    response = await get("/", host)
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert b"<h1>Bad request</h1>" in response.content
    assert not host or host.encode() not in response.content
    assert response["Content-Security-Policy"] == POLICY


async def test_an_unknown_path_is_not_found_and_not_repeated() -> None:
    response = await get("/nowhere/<b>")
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert b"<h1>Not found</h1>" in response.content
    assert b"nowhere" not in response.content
    assert response["Content-Security-Policy"] == POLICY


async def test_a_fault_of_ours_looks_like_our_pages_and_tells_nothing() -> None:
    response = await get("/broken")
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert b"<h1>Server error</h1>" in response.content
    assert b"a fault of ours" not in response.content
    assert response["Content-Security-Policy"] == POLICY


async def test_a_view_may_set_a_policy_of_its_own() -> None:
    assert (await get("/own-policy"))["Content-Security-Policy"] == "default-src 'self'"


@pytest.mark.parametrize("page", ["/", "/nowhere", "/broken"])
async def test_every_link_of_a_page_is_here(page: str) -> None:
    links = Outline(await get(page)).links
    assert links
    for link in links:
        assert link.startswith("/") and not link.startswith("//"), "no external assets"
        assert (await get(link)).status_code == HTTPStatus.OK, link


async def test_pages_are_not_framed_and_not_sniffed() -> None:
    response = await get("/")
    assert response["Content-Security-Policy"] == POLICY
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"


async def test_a_page_may_do_nothing_but_show_itself() -> None:
    directives = dict(directive.split(" ", 1) for directive in (await get("/"))["Content-Security-Policy"].split("; "))
    assert directives == {
        "default-src": "'none'",  # scripts and connections, too
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",  # these three have no default
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(("document", "kind"), [("asyncapi", "asyncapi"), ("openapi", "openapi")])
async def test_the_contracts_for_machines_are_served(document: str, kind: str) -> None:
    response = await get(f"/{document}.yaml")
    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == "application/yaml"
    assert kind in yaml.safe_load(response.content)


@pytest.mark.parametrize("path", ["/", "/asyncapi.yaml", "/openapi.yaml"])
async def test_pages_are_only_read(path: str) -> None:
    assert (await get(path, method="HEAD")).status_code == HTTPStatus.OK
    assert (await get(path, method="POST")).status_code == HTTPStatus.METHOD_NOT_ALLOWED


async def test_a_form_from_elsewhere_is_refused_in_our_look() -> None:
    response = await get("/", method="POST", enforce_csrf_checks=True)
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert b"<h1>Forbidden</h1>" in response.content
    Outline(response)
