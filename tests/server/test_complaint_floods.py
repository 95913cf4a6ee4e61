"""What pages refuse is not worth a traceback, and hardly a line, however often strangers ask for it."""

import asyncio

from tests.server.connections import connection
from tests.serverprocess import server

MOST_LINES = 150
"""For 400 refusals: what strangers cause is told some times, and then counted."""
NAMELESS = b"GET / HTTP/1.1\r\n\r\n"
BROKEN_FORM = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
    b"Content-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 4\r\n\r\nabcd"
)


async def test_t36_requests_that_pages_refuse_are_no_flood_in_the_log_and_no_traceback() -> None:
    with server({"loglevel": "info"}) as running:
        before = running.log.count("\n")
        async with connection(running) as sender:
            for request in [NAMELESS] * 300 + [BROKEN_FORM] * 100:
                sender.send(request)
                assert (await sender.response())[0] == 400
        await asyncio.to_thread(running.stop)  # no line is missing then
        assert running.log.count("\n") - before <= MOST_LINES
        assert "Traceback" not in running.log
        assert "level=error" not in running.log
