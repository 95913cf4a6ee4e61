"""The four ways to run the server, by the README's own commands: handshakes, close codes, files and probes."""

import re
from contextlib import closing
from http.client import HTTPConnection

import pytest
from websockets.exceptions import InvalidStatus

from tests.serverprocess import HOST, Program, Server
from tests.wsclient import Peer


async def test_our_subprotocol_is_chosen_and_a_client_that_offers_none_is_served(running: Server) -> None:
    for offered, chosen in ((["x", "roundtable.v1"], "roundtable.v1"), (None, None)):
        async with Peer.connected(running.ws_url, subprotocols=offered) as ada:
            assert ada.socket.subprotocol == chosen
            await ada.hello()


@pytest.mark.parametrize(
    "handshake",
    [
        {"subprotocols": ["roundtable.v2"]},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
    ids=str,
)
async def test_other_subprotocols_and_other_origins_are_refused(running: Server, handshake: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with Peer.connected(running.ws_url, **handshake):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/signal/", "/other"])
async def test_t39_other_paths_are_refused_with_one_line(running: Server, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with Peer.connected(running.ws_url.removesuffix("/signal") + path):
            pass
    assert refused.value.response.status_code == 403
    await running.until_logged(f" path={path}\n")


async def test_a_page_of_an_allowed_origin_is_served(running: Server) -> None:
    async with Peer.connected(running.ws_url, origin="https://app.example") as ada:
        await ada.hello()


class TestCloseCodes:
    async def test_bye_is_1000(self, running: Server) -> None:
        async with Peer.welcomed(running.ws_url) as ada:
            await ada.bye()
            await ada.expect_close(1000)

    async def test_the_id_of_another_is_4504_and_the_other_notices_nothing(self, running: Server) -> None:
        async with Peer.welcomed(running.ws_url) as ada, Peer.connected(running.ws_url) as mallory:
            await mallory.send("hello", peer=ada.id)
            await mallory.expect("error", code="identity_taken")
            await mallory.expect_close(4504)
            await ada.expect_nothing_else()

    async def test_ten_malformed_messages_are_4500(self, running: Server) -> None:
        async with Peer.welcomed(running.ws_url) as mallory:
            for message in ("{", "[]", '{"type":"nonsense"}', b"binary", '{"type":"offer"}') * 2:
                await mallory.send_text(message)
            for _ in range(10):
                await mallory.expect("error")
            await mallory.expect_close(4500)


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


async def test_the_launcher_says_which_loop_it_runs_on_and_for_serve_it_is_uvloop(
    running: Server, program: Program
) -> None:
    loops = {"serve": ["uvloop"], "uvicorn": ["uvloop"], "runserver": ["asyncio.unix_events"], "daphne": []}
    assert re.findall(r" loop=(\S+)", await running.whole_log()) == loops[program]


def fetch(connection: HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


async def test_the_log_says_at_start_which_address_clients_must_be_given(running: Server) -> None:
    await running.until_logged("set publicaddress in the configuration")
