"""The pages with a whole server behind them, in process: real sessions on its event loop, pages in their threads."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.test import Client
from pytest_django import Settings

from tests.inprocess.application import Application, Header, application
from tests.posting import Reply

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cookies(configured: Settings) -> list[Header]:
    """Those of an administrator."""
    configured.ALLOWED_HOSTS = ["here.example"]
    client = Client()
    client.force_login(User.objects.create_superuser("uther"))
    token = "t" * 32
    return [
        (b"host", b"here.example"),
        (b"cookie", f"sessionid={client.cookies['sessionid'].value}; csrftoken={token}".encode()),
        (b"x-csrftoken", token.encode()),
    ]


async def post(app: Application, path: str, body: bytes, cookies: list[Header]) -> Reply:
    form = (b"content-type", b"application/x-www-form-urlencoded")
    length = (b"content-length", str(len(body)).encode())
    return await app.post(body, path=path, headers=[*cookies, form, length])


async def test_sessions_appear_and_one_is_disconnected(cookies: list[Header]) -> None:
    async with application(get_asgi_application()) as app, app.peer(name="Ada") as ada:
        async with app.peer(name="Bob") as bob:
            listed = (await app.get("/status/sessions/", headers=cookies)).body.decode()
            assert ada.id in listed and bob.id in listed and "2 sessions" in listed
            body = f"selected={bob.id}&post=yes".encode()
            done = await post(app, "/status/sessions/disconnect/", body, cookies)
            assert done.status == HTTPStatus.FOUND
            await bob.expect_close(4503)
        listed = (await app.get("/status/sessions/", headers=cookies)).body.decode()
        assert "1 session<" in listed
        entry = await LogEntry.objects.aget()
        assert (entry.object_id, entry.object_repr) == (bob.id, f"Bob ({bob.id})")


async def test_pages_are_served_while_sessions_come_and_go(cookies: list[Header]) -> None:
    async with application(get_asgi_application()) as app:

        async def come_and_go() -> None:
            for number in range(20):  # each at a table of its own: whoever is away keeps the seat
                async with app.peer() as peer:
                    await peer.say("join", table=f"camelot {number}")
                    await peer.expect("joined")

        async def look() -> list[int]:
            pages = ("/status/sessions/", "/status/tables/", "/status/", "/status/bans/", "/status/drain/")
            return [(await app.get(page, headers=cookies)).status for page in pages * 2]

        *_, statuses, more = await asyncio.gather(come_and_go(), come_and_go(), look(), look())
        assert set(statuses + more) == {HTTPStatus.OK}


SECRETS = ("198.51.100.77", "typ host", "a=ice-ufrag", "opensesame", "candidate:1")
CALL = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"


async def test_t40_no_page_of_operators_shows_what_peers_say(cookies: list[Header]) -> None:
    candidate = "candidate:1 1 udp 2130706431 198.51.100.77 50000 typ host"
    sdp = f"v=0\r\no=- 1 2 IN IP4 198.51.100.77\r\na=ice-ufrag:opensesame\r\na={candidate}\r\n"
    async with application(get_asgi_application()) as app, app.peer(name="Ada") as ada, app.peer(name="Bob") as bob:
        await ada.say("join", table="camelot", password="opensesame")
        await ada.expect("joined")
        await ada.say("offer", call=CALL, to=bob.id, description={"type": "offer", "sdp": sdp})
        await bob.expect("offer")
        await bob.say("answer", call=CALL, description={"type": "answer", "sdp": sdp})
        await ada.expect("answer")
        await ada.say("candidate", call=CALL, candidate={"candidate": candidate, "sdpMid": "0"})
        await bob.expect("candidate")
        secrets = [*SECRETS, str(ada.welcome["resume"]), str(bob.welcome["resume"])]
        pages = ["", "sessions/?addresses=1", f"sessions/{ada.id}/?addresses=1", "tables/", "table/camelot/", "calls/"]
        bodies = [await page_of(app, page, cookies) for page in (*pages, f"calls/{CALL}/", "bans/", "drain/")]
        assert CALL in bodies[5] and ">host<" in bodies[6], "the call is there, with the types of its candidates"
        for secret in secrets:
            assert not [body for body in bodies if secret in body], secret


async def page_of(app: Application, page: str, cookies: list[Header]) -> str:
    path, _, query = page.partition("?")
    reply = await app.get(f"/status/{path}", headers=cookies, query_string=query.encode())
    assert reply.status == HTTPStatus.OK, page
    return reply.body.decode()
