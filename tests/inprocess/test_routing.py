"""Which paths there are, who may come by them, and the probes."""

import asyncio
import logging
from typing import Any

import pytest
from django.core.asgi import get_asgi_application

from signalling.runtime import Runtime
from tests.inprocess.application import CLIENT, Application, Client, application, configuration
from tests.posting import Reply, offer
from tests.waiting import WITHIN_SECONDS


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """In place of Django: says which root path it was given."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"page at {scope['root_path']!r}".encode()})


def states(reply: Reply) -> tuple[int, bytes]:
    return reply.status, reply.body


async def test_healthz_and_readyz_answer_a_serving_process() -> None:
    async with application() as app:
        assert states(await app.get("/healthz")) == (200, b"ok\n")
        ready = await app.get("/readyz")
        assert states(ready) == (200, b"ready\n")
        assert ready.headers["cache-control"] == "no-store"


async def test_a_draining_process_is_alive_and_not_ready() -> None:
    async with application() as app:
        app.runtime.drain()
        assert (await app.get("/healthz")).status == 200
        assert states(await app.get("/readyz")) == (503, b"draining\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", [b"evil.example", b"10.0.0.7:1066", b"", b"not a host at all"])
async def test_t39_the_probes_take_any_host(path: str, host: bytes) -> None:
    async with application() as app:
        assert (await app.get(path, headers=[(b"host", host)])).status == 200
        assert (await app.get(path, headers=[])).status == 200


@pytest.mark.parametrize("host", [b"evil.example", b"", b"not a host at all"])
async def test_t39_signal_takes_any_host(host: bytes) -> None:
    async with application() as app:
        (await app.post(b"{", headers=[(b"host", host)])).assert_problem(400, "bad_json")
        socket = app.socket(headers=[(b"host", host)])
        await socket.open()
        await socket.hello()
        await socket.vanish()


async def test_t39_a_foreign_host_on_a_page_is_refused_with_one_line_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with application(get_asgi_application()) as app:
        reply = await app.get("/", headers=[(b"host", b"evil.example")])
    assert reply.status == 400
    assert b"Traceback" not in reply.body
    assert [record.name for record in caplog.records if "evil.example" in record.getMessage()] == [
        "django.security.DisallowedHost"
    ]


@pytest.mark.parametrize("path", ["/", "/signal/", "/signal/x", "/signall", "/Signal", "/healthz", "//signal"])
async def test_t39_a_websocket_on_another_path_is_refused_with_one_line(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "signalling")
    async with application() as app:
        assert await app.socket(path).is_refused()
    assert [record.getMessage() for record in caplog.records] == ["websocket refused"]


@pytest.mark.parametrize("path", ["/signal/", "/signal/x", "/Signal", "/signal%2f"])
async def test_only_the_exact_path_takes_offers(path: str) -> None:
    async with application(pages) as app:
        assert (await app.post(b"", path=path)).body.startswith(b"page")


async def test_signal_with_a_slash_is_not_found_and_not_redirected() -> None:
    async with application(get_asgi_application()) as app:
        reply = await app.post(b"{}", path="/signal/", headers=[(b"host", b"localhost")])
    assert reply.status == 404
    assert "location" not in reply.headers


async def test_t38_a_root_path_from_a_client_reaches_no_page() -> None:
    """Daphne takes its header Daphne-Root-Path from anybody."""
    async with application(pages) as app:
        assert (await app.get("/", root_path="/evil")).body == b"page at ''"


async def test_t38_a_root_path_from_a_client_changes_no_link() -> None:
    async with application(get_asgi_application()) as app:
        reply = await app.get("/", headers=[(b"host", b"localhost")], root_path="/evil")
    assert reply.status == 200
    assert b"evil" not in reply.body


async def test_t38_a_root_path_from_a_client_changes_no_route() -> None:
    async with application(pages) as app:
        (await app.post(b"{", root_path="/signal")).assert_problem(400, "bad_json")
        assert (await app.get("/healthz", root_path="/healthz")).status == 200


async def test_a_lifespan_is_answered_and_its_end_says_goodbye() -> None:
    app = Application(Runtime(configuration()))
    lifespan = Client(app.router, {"type": "lifespan"})
    await lifespan.send_input({"type": "lifespan.startup"})
    assert await lifespan.receive_output(WITHIN_SECONDS) == {"type": "lifespan.startup.complete"}
    async with app.peer() as ada:
        await lifespan.send_input({"type": "lifespan.shutdown"})
        await ada.expect("going_away")
        await ada.expect_close(4000)
    assert await lifespan.receive_output(WITHIN_SECONDS) == {"type": "lifespan.shutdown.complete"}
    app.assert_empty()


async def test_nothing_waits_for_a_lifespan() -> None:
    """Daphne has none."""
    async with application() as app, app.peer() as ada, app.peer() as bob:
        await ada.dial(bob.id, "6ba7b811-9dad-11d1-80b4-00c04fd430c8")
        await bob.expect("offer", **{"from": ada.id})


async def test_one_client_does_not_wait_for_another() -> None:
    """A request that waits for its answer holds up nobody."""
    async with application() as app, app.peer() as callee:
        posted = app.request()
        await posted.send_body(offer(callee.id))
        await callee.expect("offer")
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.gather(*(app.get("/healthz", client=CLIENT) for _ in range(50)))
        assert not posted.is_over
        await posted.hang_up()
