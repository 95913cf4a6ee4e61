"""A scrape of each program, as Prometheus makes it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

from tests.posting import request
from tests.prometheus import families, faults
from tests.serverprocess import HOST, Program, Server
from tests.wsclient import Peer

NAMES = {
    "serve": "manage.py serve",
    "runserver": "manage.py runserver",
    "daphne": "daphne",
    "uvicorn": "manage.py serve --server uvicorn",
}


async def test_a_scrape_follows_the_rules_and_shows_who_is_here(running: Server, program: Program) -> None:
    async with Peer.welcomed(running.ws_url):
        status, body = await asyncio.to_thread(running.get, "/metrics")
    assert status == 200
    assert list(faults(body.decode())) == []
    found = families(body.decode())
    connected = [sample.value for sample in found["roundtable_sessions"].samples if "connected" in str(sample.labels)]
    assert connected[0] >= 1
    assert found["roundtable_frames_sent_total"].samples[0].value > 0
    assert found["process_open_fds"].samples[0].value > 3
    assert found["roundtable_build_info"].samples[0].labels["program"] == NAMES[program]


async def test_t24_a_forwarding_header_of_a_stranger_is_refused(running: Server) -> None:
    reply = await request("GET", f"{running.http_url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert (reply.status, reply.body) == (403, b"not from your address\n")


def test_head_has_no_body_and_post_is_not_allowed(running: Server) -> None:
    """All over one connection, on which a body too many would be the next response."""
    with closing(HTTPConnection(HOST, running.port, timeout=5)) as connection:
        head = ask(connection, "HEAD")
        assert (head.status, head.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        refused = ask(connection, "POST")
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
        assert ask(connection, "GET").status == 200


def ask(connection: HTTPConnection, method: str) -> HTTPResponse:
    """The response, whose body was read."""
    connection.request(method, "/metrics")
    response = connection.getresponse()
    response.read()
    return response
