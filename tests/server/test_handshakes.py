"""Requests as bytes: which handshakes a real server takes, and what it refuses before the application sees it."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from tests.ambiguousheaders import AMBIGUOUS, REPEATED, request_with
from tests.posting import NIL_UUID, offer, post
from tests.server.aftermath import withstanding
from tests.serverprocess import HOST, Server, server
from tests.wsclient import Peer

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def here() -> Iterator[Server]:
    with withstanding({"limits": {"posts_burst": 1}}) as running:
        yield running


@pytest.fixture(scope="module")
def fenced() -> Iterator[Server]:
    """A server for the pages of one origin."""
    with server({"allowedorigins": [ORIGIN]}) as running:
        yield running


async def assert_refused(running: Server, path: str = "/signal", **handshake: object) -> None:
    url = running.ws_url.removesuffix("/signal") + path
    with pytest.raises(InvalidStatus) as refused:
        async with Peer.connected(url, **handshake):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


class TestWebSocket:
    @pytest.mark.parametrize("path", ["/", "/signal/", "/other", "/signal/x", "/healthz"])
    async def test_t39_other_paths_are_refused_with_one_line(self, here: Server, path: str) -> None:
        await assert_refused(here, path)
        await here.until_logged(f" path={path}\n")

    async def test_our_subprotocol_is_chosen_and_none_is_served_the_same(self, here: Server) -> None:
        for offered, chosen in ((["x", "roundtable.v1"], "roundtable.v1"), (None, None)):
            async with Peer.connected(here.ws_url, subprotocols=offered) as ada:
                assert ada.socket.subprotocol == chosen
                await ada.hello()

    async def test_other_subprotocols_alone_are_refused(self, here: Server) -> None:
        await assert_refused(here, subprotocols=["roundtable.v2", "chat"])

    @pytest.mark.parametrize("origin", [None, "null", "https://anybody.example", "chrome-extension://abcdefgh"])
    async def test_t28_any_page_may_come_while_allowedorigins_is_unset(self, here: Server, origin: str | None) -> None:
        async with Peer.connected(here.ws_url, origin=origin) as ada:
            await ada.hello()

    async def test_t28_only_pages_of_allowed_origins_may_come_when_it_is_set(self, fenced: Server) -> None:
        for origin in (ORIGIN, None):
            async with Peer.connected(fenced.ws_url, origin=origin) as ada:
                await ada.hello()
        for origin in ("null", "https://evil.example", "http://app.example", f"{ORIGIN}.evil.example"):
            await assert_refused(fenced, origin=origin)


class TestForgedHeaders:
    FORGED = ("X-Forwarded-For", "Forwarded", "CF-Connecting-IP", "X-Real-IP", "True-Client-IP")

    @pytest.mark.parametrize("header", FORGED)
    async def test_t24_they_give_no_stranger_another_allowance(self, here: Server, header: str) -> None:
        source = f"127.9.{self.FORGED.index(header) + 1}.1"
        replies = [
            await post(
                here.http_url, offer(NIL_UUID, here.http_url), source=source, headers={header: f"198.51.100.{n}"}
            )
            for n in (1, 2)
        ]
        assert [reply.status for reply in replies] == [503, 429]

    @pytest.mark.parametrize("path", ["/signal", "/healthz", "/"])
    async def test_t38_a_root_path_has_no_effect(self, here: Server, path: str) -> None:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        plain = await exchanged(here, f"{head}\r\n".encode())
        forged = await exchanged(here, f"{head}Daphne-Root-Path: /evil\r\n\r\n".encode())
        assert b"evil" not in forged
        assert forged.split(b"\r\n")[0] == plain.split(b"\r\n")[0]


class TestSmuggling:
    """T37: requests that two servers in a row could read differently."""

    @pytest.mark.parametrize("headers", [*AMBIGUOUS, REPEATED])
    async def test_t37_they_are_400(self, here: Server, headers: str) -> None:
        reply = await exchanged(here, request_with(headers))
        assert reply.startswith(b"HTTP/1.1 400 ")
        assert b"bad_message" not in reply, "the application saw it"

    @pytest.mark.parametrize("chunks", ["zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "2\n{}\r\n0\r\n\r\n"])
    async def test_t37_so_are_chunks_that_are_none(self, here: Server, chunks: str) -> None:
        head = "POST /signal HTTP/1.1\r\nHost: here\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await exchanged(here, (head + chunks).encode())).startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize("gibberish", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    async def test_other_protocols_are_400(self, here: Server, gibberish: bytes) -> None:
        assert (await exchanged(here, gibberish)).startswith(b"HTTP/1.1 400 ")


async def exchanged(running: Server, request: bytes) -> bytes:
    """All that the server sends in reply to these bytes until it closes."""
    reader, writer = await asyncio.open_connection(HOST, running.port)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
