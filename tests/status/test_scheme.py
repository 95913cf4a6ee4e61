"""T35: behind a proxy that ends TLS; the scheme and the address that pages are told, and what becomes of cookies."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.inprocess.application import application
from tests.status.desk import FakeDesk
from tests.status.operator import PASSWORD, Operator, user

PROXY, CLIENT = "10.0.0.1", "198.51.100.7"
FORWARDED = [
    (b"host", b"signal.example.org"),
    (b"x-forwarded-for", b"203.0.113.9, 198.51.100.7"),
    (b"x-forwarded-proto", b"https"),
]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """In place of Django: says what it was told."""
    told = f"{scope['scheme']} {scope['client'][0]} {'roundtable.desk' in scope}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told.encode()})


@pytest.mark.parametrize(
    ("client", "trusted", "told"),
    [
        (PROXY, [f"{PROXY}/32"], f"https {CLIENT} True"),
        (PROXY, [], f"http {PROXY} True"),
        ("203.0.113.5", [f"{PROXY}/32"], "http 203.0.113.5 True"),
        (None, [f"{PROXY}/32"], "http unknown True"),
    ],
)
async def test_t35_a_page_is_told_the_clients_scheme_by_a_trusted_proxy_and_by_nobody_else(
    client: str | None, trusted: list[str], told: str
) -> None:
    async with application(echo, trustedproxies=trusted) as app:
        assert (await app.get("/status/", headers=FORWARDED, client=client)).body.decode() == told


@pytest.mark.django_db
@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
def test_t35_cookies_are_secure_by_https_and_never_for_scripts(scheme: str, is_secure: bool, desk: FakeDesk) -> None:
    user("vera", password=PASSWORD)
    operator = Operator(desk)
    operator.client.scheme = scheme
    operator.log_in("vera")
    assert set(operator.client.cookies) == {"sessionid", "csrftoken"}
    for cookie in operator.client.cookies.values():
        assert bool(cookie["secure"]) is is_secure
        assert cookie["httponly"] and cookie["samesite"] == "Lax"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scheme", "origin", "status"),
    [
        ("https", "https://testserver", 302),
        ("http", "http://testserver", 302),
        ("http", "https://testserver", 403),
        ("https", "https://evil.example", 403),
        ("https", "null", 403),
    ],
)
def test_t35_a_log_in_is_taken_from_our_own_origin(scheme: str, origin: str, status: int, desk: FakeDesk) -> None:
    assert User.objects.create_superuser("uther", password=PASSWORD)
    operator = Operator(desk, checks_csrf=True)
    operator.client.scheme = scheme
    operator.headers = {"origin": origin, "referer": f"{origin}/status/login/"}
    assert operator.log_in("uther").status_code == status
