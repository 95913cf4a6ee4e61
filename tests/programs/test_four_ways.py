"""The four ways to run the server, by the README's own commands: each makes calls and serves all files."""

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import get_args

import pytest

from tests import serverprocess, test_readme
from tests.posting import ANSWER, OFFER, offer, post
from tests.serverprocess import HOST, Program, Server, command, server
from tests.wsclient import Peer

PROGRAMS = get_args(Program)


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serverprocess, "command", in_the_readme)
        with server(program=request.param) as started:
            yield started


@pytest.fixture
def program(running: Server, request: pytest.FixtureRequest) -> Program:
    """Which of the four this is."""
    way: Program = request.node.callspec.params["running"]
    return way


def in_the_readme(program: Program, config: Path, port: int) -> list[str]:
    """The README's command at a loopback address."""
    if program in ("serve", "runserver"):
        return command(program, config, port)
    replaced = {"0.0.0.0": HOST, "1066": str(port)}
    arguments = [replaced.get(argument, argument) for argument in test_readme.command(program)]
    assert {HOST, str(port)} < set(arguments)
    return [str(Path(sys.executable).with_name(program)), *arguments]


async def test_a_call_over_the_websocket(running: Server) -> None:
    async with Peer.welcomed(running.ws_url, name="Ada") as ada, Peer.welcomed(running.ws_url) as bob:
        assert ada.socket.subprotocol == "roundtable.v1"
        call = await ada.dial(bob.id, OFFER, id="a1")
        await ada.expect("ack", id="a1", state="delivered")
        await bob.expect("offer", call=call, name="Ada", description=OFFER)
        await bob.answer(call, ANSWER)
        await ada.expect("answer", call=call, description=ANSWER)
        await ada.trickle(call, {"candidate": "", "sdpMid": "0"}, None)
        await bob.expect("candidate", call=call, candidate=None)
        await bob.hangup(call)
        await ada.expect("hangup", call=call, reason="done")
        await ada.bye()
        await ada.expect_close(1000)


async def test_a_call_over_http(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as bob:
        posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
        call = (await bob.expect("offer", via="http"))["call"]
        await bob.answer(call, ANSWER)
        reply = await posting
    assert (reply.status, reply.json) == (200, {"OfferUUID": call, "WebRTCSessionDescription": ANSWER})


async def test_a_caller_that_hangs_up_withdraws_its_offer(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as bob:
        posting = asyncio.create_task(post(running.http_url, offer(bob.id)))
        call = (await bob.expect("offer"))["call"]
        posting.cancel()
        await bob.expect("hangup", call=call, reason="gone")


async def test_close_codes_of_the_application_arrive(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada, Peer.connected(running.ws_url) as mallory:
        await mallory.send("hello", peer=ada.id)
        await mallory.expect("error", code="identity_taken")
        await mallory.expect_close(4504)
        await ada.expect_nothing_else()


def test_stylesheets_pages_and_probes_with_debug_on_and_off(running: Server, program: Program) -> None:
    """All over one connection, which ends when there is nothing more to come."""
    with closing(HTTPConnection(HOST, running.port, timeout=5)) as connection:
        for stylesheet in ("admin/css/base.css", "signalling/site.css"):
            status, text = fetch(connection, f"/static/{stylesheet}")
            assert status == 200
            assert b"{" in text
        assert fetch(connection, "/static/signalling/missing.css")[0] == 404
        status, page = fetch(connection, "/missing")
        assert status == 404
        assert (b"DEBUG = True" in page) == (program == "runserver")
        assert fetch(connection, "/")[0] == 200
        assert fetch(connection, "/readyz") == (200, b"ready\n")
        assert fetch(connection, "/healthz") == (200, b"ok\n")


def test_the_launcher_says_which_loop_it_runs_on_and_for_serve_it_is_uvloop(running: Server, program: Program) -> None:
    loops = re.findall(r"msg=listening .*\bloop=(\S+)", running.log)
    assert loops == {"serve": ["uvloop"], "runserver": ["asyncio.unix_events"]}.get(program, [])


def fetch(connection: HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def test_the_log_says_at_start_which_address_clients_must_be_given(running: Server) -> None:
    assert "set publicaddress in the configuration" in running.log
