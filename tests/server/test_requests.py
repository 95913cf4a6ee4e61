"""HTTP as a hostile client sends it: bodies without end, requests that never arrive, connections that say nothing."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus

import pytest

from tests.loopback import fresh_address
from tests.posting import ANSWER, offer
from tests.server.connections import Connection, assert_closed, connection
from tests.server.sockets import DeafSocket
from tests.serverprocess import HOST, ON_UVICORN, Server, server
from tests.wsclient import Peer

BODY_BYTES = 65_536
MEBIBYTE = 1_048_576
WITHIN_SECONDS = 8.0
REQUEST_SECONDS = 1.0
SPARE_SECONDS = 3.0
"""For a busy machine: without the deadline it would be for ever."""
UPGRADE = (
    b"GET /signal HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
)


@pytest.fixture(scope="module")
def here(either_server: str) -> Iterator[Server]:
    with server() as running:
        yield running


@pytest.fixture(scope="module")
def hasty(either_server: str) -> Iterator[Server]:
    """A server on which a request has a second to arrive."""
    limits = {"request_seconds": REQUEST_SECONDS, "http_connections": 1_000}
    with server({"limits": limits, "trustedproxies": ["127.77.0.0/16"]}) as running:
        yield running


def head(path: str = "/signal", *headers: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def assert_too_large(sender: Connection) -> None:
    """The refusal is a problem as the application's are, and the connection ends."""
    status, headers, body = await sender.response()
    assert (status, headers["content-type"], headers["connection"]) == (413, "application/problem+json", "close")
    problem = json.loads(body)
    assert (problem["status"], problem["code"], problem["title"]) == (413, "too_large", "Content Too Large")
    assert problem["instance"]
    assert await sender.rest() == b""


class TestBodies:
    PATHS = ("/signal", "/", "/healthz", "/call/", "/nowhere")

    @pytest.mark.parametrize("path", PATHS)
    async def test_t13_a_body_that_is_declared_too_large_is_refused_unread(self, here: Server, path: str) -> None:
        async with connection(here) as sender:
            sender.send(head(path, f"Content-Length: {200 * MEBIBYTE}", "Expect: 100-continue"))
            await assert_too_large(sender)

    @pytest.mark.parametrize("path", PATHS)
    async def test_t13_so_is_one_in_chunks(self, here: Server, path: str) -> None:
        async with connection(here) as sender:
            sender.send(head(path, "Transfer-Encoding: chunked") + chunk(b"x" * BODY_BYTES) + chunk(b"x"))
            await assert_too_large(sender)

    @pytest.mark.parametrize("size, status", [(BODY_BYTES, 400), (BODY_BYTES + 1, 413)])
    @pytest.mark.parametrize("is_chunked", [False, True])
    async def test_t13_the_limit_is_exact(self, here: Server, size: int, status: int, is_chunked: bool) -> None:
        async with connection(here) as sender:
            if is_chunked:
                sender.send(head("/signal", "Transfer-Encoding: chunked") + chunk(b"x" * size) + chunk(b""))
            else:
                sender.send(head("/signal", f"Content-Length: {size}") + b"x" * size)
            assert (await sender.response())[0] == status

    @pytest.mark.parametrize("is_chunked", [False, True])
    async def test_t13_200_mebibytes_are_neither_kept_nor_spooled(self, here: Server, is_chunked: bool) -> None:
        """A client that does not look at the answer finds its connection closed."""
        before = here.watch_memory()
        declared = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {200 * MEBIBYTE}"
        async with connection(here) as sender:
            sender.send(head("/signal", declared))
            with suppress(ConnectionError):
                for _ in range(200):
                    sender.send(chunk(b"x" * MEBIBYTE) if is_chunked else b"x" * MEBIBYTE)
                    await asyncio.wait_for(sender.writer.drain(), WITHIN_SECONDS)
                raise AssertionError("it took all of it")
        assert here.peak_bytes - before < 10 * MEBIBYTE

    async def test_t13_nor_is_a_body_that_is_small_enough(self, here: Server) -> None:
        async with connection(here) as sender, connection(here) as other:
            sender.send(head("/signal", "Transfer-Encoding: chunked") + chunk(b"x" * (BODY_BYTES // 2)))
            other.send(head("/healthz", method="GET"))
            assert (await other.response())[0] == 200
            assert here.temporary_files == []

    async def test_t13_what_follows_a_refused_body_is_no_request(self, here: Server) -> None:
        async with connection(here) as sender:
            sender.send(head("/signal", "Transfer-Encoding: chunked") + chunk(b"x" * (BODY_BYTES + 1)) + chunk(b""))
            sender.send(head("/healthz", method="GET"))
            await assert_too_large(sender)

    @pytest.mark.parametrize("long", ["X: " + "x" * 20_000, "\r\n".join(f"X{n}: x" for n in range(600))])
    async def test_t13_a_head_without_end_is_refused(self, here: Server, long: str) -> None:
        async with connection(here) as sender:
            sender.send(head("/healthz", long, method="GET"))
            status, headers, _ = await sender.response()
            assert status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            assert headers["content-type"] == "application/problem+json"
            assert await sender.rest() == b""

    async def test_a_form_is_not_parsed(self, here: Server) -> None:
        """Twisted would, and answer 400 to one that is broken; whose business that is the application says."""
        async with connection(here) as sender:
            sender.send(head("/signal", "Content-Type: multipart/form-data; boundary=x", "Content-Length: 2") + b"{}")
            status, _, body = await sender.response()
            assert (status, json.loads(body)["code"]) == (400, "bad_message")


BEGINNINGS = {
    "nothing": b"",
    "half a request line": b"GET /hea",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: here\r\n",
    "half a body": head("/signal", "Content-Length: 100") + b"{",
    "half a chunk": head("/signal", "Transfer-Encoding: chunked") + b"10\r\n{",
    "half a handshake": UPGRADE,
}


class TestPatience:
    async def test_t14_five_hundred_slow_requests_are_closed_and_others_served_meanwhile(self, hasty: Server) -> None:
        """Each sends another byte four times in the time that it has: that buys nothing."""
        beginnings = list(BEGINNINGS.values())
        async with AsyncExitStack() as stack:
            slow = [await stack.enter_async_context(connection(hasty)) for _ in range(500)]
            began = time.monotonic()
            for number, sender in enumerate(slow):
                sender.send(beginnings[number % len(beginnings)])
            closing = asyncio.gather(*(drip_until_closed(sender) for sender in slow))
            async with Peer.welcomed(hasty.ws_url) as ada:
                while not closing.done():
                    asked = time.monotonic()
                    await ada.send("ping")
                    await ada.expect("pong")
                    assert time.monotonic() - asked < REQUEST_SECONDS
                    await asyncio.sleep(0.02)
            for lived_seconds in await closing:
                assert lived_seconds - began < REQUEST_SECONDS + SPARE_SECONDS

    @pytest.mark.parametrize("beginning", BEGINNINGS)
    async def test_t14_what_has_begun_is_told_408(self, hasty: Server, beginning: str, either_server: str) -> None:
        """To Twisted half a request line is nothing yet."""
        async with connection(hasty) as sender:
            sender.send(BEGINNINGS[beginning])
            received = await sender.rest()
            is_request = beginning != "nothing" and (beginning != "half a request line" or either_server == ON_UVICORN)
            assert received.startswith(b"HTTP/1.1 408 ") == is_request, received
            assert is_request or not received

    async def test_t14_a_kept_connection_has_as_long_to_begin_and_then_to_send_its_next_request(
        self, hasty: Server
    ) -> None:
        async with connection(hasty) as kept:
            kept.send(head("/healthz", method="GET"))
            assert (await kept.response())[0] == 200
            for _ in range(2):
                await asyncio.sleep(REQUEST_SECONDS * 0.6)
                kept.send(b"GET /healthz")
                await asyncio.sleep(REQUEST_SECONDS * 0.6)
                kept.send(b" HTTP/1.1\r\nHost: here\r\n\r\n")
                assert (await kept.response())[0] == 200
            began = time.monotonic()
            assert await kept.rest() == b""
            assert time.monotonic() - began < REQUEST_SECONDS + SPARE_SECONDS

    async def test_t14_an_offer_waits_for_its_answer_longer_than_that(self, hasty: Server) -> None:
        async with Peer.welcomed(hasty.ws_url) as bob, connection(hasty) as caller:
            body = offer(bob.id)
            caller.send(head("/signal", f"Content-Length: {len(body)}") + body)
            call = (await bob.expect("offer"))["call"]
            await asyncio.sleep(REQUEST_SECONDS * 1.7)
            await bob.answer(call, ANSWER)
            assert (await caller.response())[0] == 200

    async def test_t14_responses_that_nobody_reads_are_not_kept(self, hasty: Server) -> None:
        """Asked for a thousand at once, far more than the kernel's buffers hold."""
        before = hasty.watch_memory()
        async with connection(hasty) as reader:
            reader.reader._transport.pause_reading()  # type: ignore[attr-defined]
            reader.send(head("/static/signalling/roundtable.js", method="GET") * 1_000)
            await assert_closed(reader)
        assert hasty.peak_bytes - before < 20 * MEBIBYTE

    async def test_t14_one_that_nobody_reads_to_its_end_has_its_time_too(self, hasty: Server) -> None:
        async with connection(hasty) as reader:
            reader.reader._transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(100):
                reader.send(head("/static/signalling/roundtable.js", method="GET"))
                await asyncio.sleep(0.005)
            await assert_closed(reader)

    async def test_t14_and_so_has_the_last_one_of_a_connection(self, hasty: Server) -> None:
        """The kernel holds less than this one response, so that Twisted waits for the client before it closes."""
        async with connection(hasty, is_narrow=True) as reader:
            reader.reader._transport.pause_reading()  # type: ignore[attr-defined]
            reader.send(head("/static/signalling/roundtable.js", method="GET") * 5)
            reader.send(head("/static/signalling/roundtable.js", "Connection: close", method="GET"))
            await assert_closed(reader)


async def drip_until_closed(sender: Connection) -> float:
    """A byte now and then; when the server had closed."""
    ending = asyncio.create_task(sender.rest())
    while not ending.done():
        await asyncio.wait([ending], timeout=REQUEST_SECONDS / 4)
        with suppress(ConnectionError):
            sender.send(b"x")
    await ending
    return time.monotonic()


class TestHowMany:
    async def test_t14_one_address_holds_128_connections_that_are_no_websockets(self, here: Server) -> None:
        address = fresh_address()
        async with AsyncExitStack() as stack:
            for _ in range(128):
                await stack.enter_async_context(connection(here, address))
            async with connection(here, address) as one_more:
                one_more.send(head("/healthz", method="GET"))
                assert await one_more.rest() == b""
            async with connection(here) as stranger:
                stranger.send(head("/healthz", method="GET"))
                assert (await stranger.response())[0] == 200

    async def test_t14_connections_that_are_no_websockets_are_bounded_in_all(self) -> None:
        with server({"limits": {"http_connections": 3}}) as running:
            async with AsyncExitStack() as stack:
                for _ in range(3):
                    await stack.enter_async_context(connection(running))
                async with connection(running) as one_more:
                    one_more.send(head("/healthz", method="GET"))
                    assert await one_more.rest() == b""
            await asyncio.to_thread(running.stop)  # no line is missing then
            assert "limit=http_connections " in running.log

    async def test_t14_a_place_that_was_left_is_free(self, here: Server) -> None:
        address = fresh_address()
        for _ in range(4):
            async with AsyncExitStack() as stack:
                held = [await stack.enter_async_context(connection(here, address)) for _ in range(100)]
                for one in held:
                    one.send(head("/healthz", "Connection: close", method="GET"))
                    assert (await one.response())[0] == 200

    @pytest.mark.usefixtures("every_lane")
    async def test_t14_a_websocket_is_counted_as_one_and_no_longer_here(self) -> None:
        with server({"limits": {"http_connections_per_address": 2, "http_connections": 3}}) as running:
            async with AsyncExitStack() as stack:
                for _ in range(6):
                    await stack.enter_async_context(DeafSocket.opened(running.ws_url))
                async with connection(running, HOST) as plain:
                    plain.send(head("/healthz", method="GET"))
                    assert (await plain.response())[0] == 200

    async def test_t14_a_trusted_proxy_may_hold_more(self, hasty: Server) -> None:
        async with AsyncExitStack() as stack:
            held = [await stack.enter_async_context(connection(hasty, "127.77.0.1")) for _ in range(300)]
            for one in held:
                one.send(head("/healthz", method="GET"))
            for one in held:
                assert (await one.response())[0] == 200


class TestOddRequests:
    async def test_t24_what_a_stranger_says_of_its_address_is_not_believed_by_the_launcher(self, here: Server) -> None:
        """Neither for an HTTP connection's place nor for its address: 128 of one address are 128, whatever they say."""
        address = fresh_address()
        async with AsyncExitStack() as stack:
            for number in range(128):
                one = await stack.enter_async_context(connection(here, address))
                one.send(head("/healthz", f"X-Forwarded-For: 198.51.100.{number}", method="GET"))
                assert (await one.response())[0] == 200
            async with connection(here, address) as one_more:
                one_more.send(head("/healthz", "X-Forwarded-For: 198.51.100.200", method="GET"))
                assert await one_more.rest() == b""

    @pytest.mark.parametrize("value", ["/evil", "caf\xe9", "%ff%fe", "\xff"])
    async def test_t38_a_root_path_has_no_effect_whatever_it_is(self, here: Server, value: str) -> None:
        forged = f"Daphne-Root-Path: {value}\r\n".encode("latin-1")
        async with connection(here) as sender:
            sender.send(head("/", "Connection: close", method="GET").replace(b"\r\n\r\n", b"\r\n" + forged + b"\r\n"))
            page = await sender.rest()
            assert page.startswith(b"HTTP/1.1 200 ")
            assert b"evil" not in page
        async with connection(here) as sender:
            sender.send(UPGRADE + forged + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
            assert (await sender.reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 101 ")

    @pytest.mark.parametrize(
        "header",
        [
            "Sec-WebSocket-Protocol: caf\xe9",
            "Sec-WebSocket-Protocol: roundtable.v1, \xff\xfe",
            "Host: there",
            "Sec-WebSocket-Key: caf\xe9",
            "Sec-WebSocket-Version: \xb2",
            "Origin: caf\xe9",
            "Origin: http://[::1",
            'Sec-WebSocket-Extensions: caf\xe9; \xff="',
            "Cookie: caf\xe9=\xff",
            "X-Anything: caf\xe9",
            "User-Agent: \x00",
        ],
    )
    async def test_t37_header_bytes_that_are_not_ascii_are_no_fault_of_ours(self, here: Server, header: str) -> None:
        """Neither 5xx nor a traceback: the handshake is refused, or made when that header does not matter."""
        async with connection(here) as sender:
            key = "" if header.startswith("Sec-WebSocket-Key") else "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            request = UPGRADE.replace(b"Sec-WebSocket-Version: 13\r\n", b"") if "Version" in header else UPGRADE
            sender.send(request + f"{key}{header}\r\n\r\n".encode("latin-1"))
            line = await sender.reader.readuntil(b"\r\n")
            assert line.split()[1] in (b"101", b"400", b"403"), line
        log = await here.whole_log()
        assert "Traceback" not in log
        assert "level=error" not in log

    @pytest.mark.parametrize("header", [b"Host: there", b"Content-Length: +2"])
    async def test_t37_what_is_refused_before_the_application_is_a_problem_too(
        self, here: Server, header: bytes
    ) -> None:
        async with connection(here) as sender:
            sender.send(head("/healthz", method="GET").replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n"))
            status, headers, body = await sender.response()
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        problem = json.loads(body)
        assert (problem["status"], problem["type"]) == (400, "about:blank")
        assert problem["detail"] and problem["instance"]

    async def test_t39_a_foreign_host_is_refused_with_one_line(self, here: Server) -> None:
        before = (await here.whole_log()).count("\n")
        async with connection(here) as sender:
            sender.send(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            assert (await sender.rest()).startswith(b"HTTP/1.1 400 ")
        lines = (await here.whole_log()).splitlines()[before:]
        assert len([line for line in lines if "evil.example" in line]) == 1, lines
        assert not [line for line in lines if "Traceback" in line]
