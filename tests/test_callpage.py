"""The page /call/ as it is served; tests/browser/ shows what it does."""

import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest
from django.http import HttpResponse
from django.test import AsyncClient
from pytest_django import Settings

from roundtable.config import Configuration
from signalling.middleware import POLICY

STATIC = Path(__file__).parent.parent / "signalling" / "static" / "signalling"


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> Settings:
    settings.ALLOWED_HOSTS = ["localhost", "[::1]"]
    settings.ROUNDTABLE = Configuration()
    return settings


async def get(path: str, host: str = "localhost:1066") -> HttpResponse:
    """What comes back for a request that names this Host, and no other."""
    headers = [(b"host", host.encode())]
    scope: dict[str, Any] = {"method": "GET", "path": path, "query_string": "", "scheme": "http", "headers": headers}
    return cast(HttpResponse, await AsyncClient().request(**scope))


async def test_page_is_served_and_linked() -> None:
    response = await get("/call/")
    assert response.status_code == HTTPStatus.OK
    assert b"Join the table" in response.content
    assert b'href="/call/"' in (await get("/")).content


async def test_page_can_be_turned_off(configured: Settings) -> None:
    configured.ROUNDTABLE = Configuration(callpage=False)
    response = await get("/call/")
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert response["Content-Security-Policy"] == POLICY
    assert b"/call/" not in (await get("/")).content


@pytest.mark.parametrize(
    ("host", "connect"),
    [
        ("localhost:1066", "'self' ws://localhost:1066 wss://localhost:1066"),
        ("[::1]:1066", "'self'"),
    ],
)
async def test_policy_lets_the_page_reach_its_own_server_and_nobody_else(host: str, connect: str) -> None:
    response = await get("/call/", host)
    directives = dict(directive.split(" ", 1) for directive in response["Content-Security-Policy"].split("; "))
    assert directives == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "script-src": "'self'",
        "connect-src": connect,
        "require-trusted-types-for": "'script'",
    }
    assert "no-store" in response["Cache-Control"], "the policy is for this Host only"


async def test_host_cannot_write_the_policy() -> None:
    assert (await get("/call/", "localhost; script-src *")).status_code == HTTPStatus.BAD_REQUEST


async def test_page_has_no_inline_script_or_style() -> None:
    page = (await get("/call/")).content.decode()
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", page) == []


def test_every_module_is_imported_and_there() -> None:
    """The static files' finder follows no link that leads out of its folder, so these must be files."""
    modules = {path for path in STATIC.rglob("*.js") if path.is_file() and not path.is_symlink()}
    reached, waiting = set(), [STATIC / "call.js", STATIC / "status.js"]
    while waiting:
        module = waiting.pop()
        reached.add(module)
        for imported in re.findall(r'^import .* from "(.+)";$', module.read_text(encoding="utf-8"), re.MULTILINE):
            path = (module.parent / imported).resolve()
            if path not in reached:
                waiting.append(path)
    assert reached == modules


def test_no_module_makes_markup_of_a_text() -> None:
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(")
    assert [module for module in STATIC.rglob("*.js") if markup.search(module.read_text())] == []
