"""Bodies over ASGI are bounded in size and time, whatever serves them and whichever path they are for."""

from typing import Any

import pytest

from tests.inprocess.application import application
from tests.inprocess.test_routing import pages


@pytest.mark.parametrize("path", ["/signal", "/", "/anything"])
async def test_t13_one_byte_over_the_limit_is_refused_and_counted(path: str) -> None:
    async with application(pages) as app:
        request = app.request(path=path)
        await request.send_body(b"x" * 65_536, more=True)
        await request.send_body(b"x", more=True)
        (await request.reply()).assert_problem(413, "too_large")
        assert app.runtime.switchboard.tally.refusals["message_bytes"] == 1


@pytest.mark.parametrize("path", ["/signal", "/"])
async def test_t14_one_that_does_not_come_in_time_is_refused_and_the_connection_closed(path: str) -> None:
    async with application(pages, limits={"request_seconds": 0.05}) as app:
        request = app.request(path=path)
        await request.send_body(b"{", more=True)
        reply = await request.reply()
        reply.assert_problem(408, None)
        assert reply.headers["connection"] == "close"
        assert app.runtime.switchboard.tally.refusals["request_seconds"] == 1


async def test_a_page_gets_the_body_that_was_sent_and_hears_of_the_hang_up() -> None:
    heard: list[dict[str, Any]] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    async with application(page) as app:
        request = app.request(path="/form")
        await request.send_body(b"a=", more=True)
        await request.send_body(b"1")
        await request.hang_up()
        await request.ended()
    assert heard == [{"type": "http.request", "body": b"a=1", "more_body": False}, {"type": "http.disconnect"}]
