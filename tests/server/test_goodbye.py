"""How a real server goes: everybody is told, nothing is left hanging, it is gone in time (R5, R6). A port in use."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from http.client import HTTPConnection

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests import answerers
from tests.faults.vitals import assert_empty, census
from tests.loopback import fresh_address
from tests.posting import OFFER, offer, post
from tests.server.connections import connection
from tests.server.sleeper import sleeper
from tests.server.sockets import DeafSocket
from tests.serverprocess import HOST, Server, server, start
from tests.wsclient import Peer

pytestmark = pytest.mark.usefixtures("either_server")

DRAIN_SECONDS = 3
CALL = answerers.CALL
PATIENT = {"limits": {"drain_seconds": DRAIN_SECONDS}}
SPARE_SECONDS = 2.0
"""For a machine that has other things to do."""


@pytest.fixture
def heard_hangup() -> Iterator[None]:
    """A server that is started now hears SIGHUP, even when the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


async def stop(running: Server, within: float = DRAIN_SECONDS + SPARE_SECONDS) -> float:
    """Sends SIGTERM, and waits until the server has gone with status 0; the seconds that took."""
    began = time.monotonic()
    assert await asyncio.to_thread(running.stop, within) == 0, running.log
    return time.monotonic() - began


async def test_it_goes_at_ctrl_c_too() -> None:
    with server(PATIENT) as running:
        running.process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(running.process.wait, DRAIN_SECONDS) == 0


async def test_r5_it_goes_as_well_when_its_terminal_is_closed(heard_hangup: None) -> None:
    with server(PATIENT) as running:
        async with Peer.welcomed(running.ws_url) as ada:
            running.process.send_signal(signal.SIGHUP)
            await ada.expect("going_away")
            await ada.expect_close(4000)
        assert await asyncio.to_thread(running.process.wait, DRAIN_SECONDS) == 0


async def test_the_line_of_the_end_is_about_no_connection_though_one_was_at_work() -> None:
    with server(program=sleeper) as running:
        async with connect(f"ws://{HOST}:{running.port}/0", compression=None, proxy=None) as socket:
            await socket.send("stop")
            assert await asyncio.to_thread(running.process.wait, DRAIN_SECONDS + SPARE_SECONDS) == 0
        (line,) = [line for line in running.log.splitlines() if " msg=stopped " in line]
        assert " connection=" not in line


async def test_r5_every_peer_is_told_and_closed_with_4000() -> None:
    with server(PATIENT) as running:
        async with AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(Peer.welcomed(running.ws_url)) for _ in range(20)]
            silent = await stack.enter_async_context(Peer.connected(running.ws_url))
            going = asyncio.create_task(stop(running))
            for peer in peers:
                assert (await peer.expect("going_away"))["retry_after"] >= 1
                await peer.expect_close(4000)
            await silent.expect_close(4000)
            assert await going < DRAIN_SECONDS


async def test_r5_unanswered_offers_end_and_so_do_calls() -> None:
    with server(PATIENT) as running:
        async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
            answered, unanswered = await ada.dial(bob.id, OFFER), await ada.dial(bob.id, OFFER)
            await bob.expect("offer", call=unanswered)
            await bob.answer(answered, {"type": "answer", "sdp": "v=0"})
            await ada.expect("answer", call=answered)
            going = asyncio.create_task(stop(running))
            await ada.expect_close(4000)
            await bob.expect_close(4000)
            await going
        assert endings(ada, unanswered) == [("error", "draining")]
        assert endings(bob, unanswered) == [("hangup", "draining")]
        assert endings(ada, answered) + endings(bob, answered) == [("hangup", "draining")]  # to whoever goes second


async def test_the_log_tells_what_was_there_when_it_began_to_drain_and_that_nothing_is_left() -> None:
    with server(PATIENT) as running:
        async with Peer.welcomed(running.ws_url) as ada, Peer.welcomed(running.ws_url) as bob:
            await ada.send("join", table="camelot")
            await ada.expect("joined")
            call = await ada.dial(bob.id, OFFER)
            await bob.expect("offer", call=call)
            going = asyncio.create_task(stop(running))
            await ada.expect_close(4000)
            await bob.expect_close(4000)
            await going
        there = {"connections": 2, "addresses": 1, "peers": 2, "calls": 1, "tables": 1, "groups": 1, "channels": 1}
        assert {name: count for name, count in census(running, "draining").items() if count} == there
        assert_empty(running, "stopped")


async def test_r6_callers_over_http_get_503_draining_and_a_stuck_answerer_holds_nobody_up() -> None:
    with server({**PATIENT, "forwardallow": ["127.0.0.0/8"]}) as running:
        async with (
            Peer.welcomed(running.ws_url) as bob,
            answerers.listening(answerers.tarpit, fresh_address()) as answerer,
        ):
            posting = [
                asyncio.create_task(post(running.http_url, offer(bob.id, call=CALL))),
                asyncio.create_task(post(running.http_url, offer(at=answerer.target.prefix))),
            ]
            await bob.expect("offer", call=CALL)
            async with asyncio.timeout(DRAIN_SECONDS):
                await answerer.asked.wait()
            going = asyncio.create_task(stop(running))
            replies = await asyncio.gather(*posting)
            await bob.expect("hangup", call=CALL, reason="draining")
            await bob.expect_close(4000)
            assert await going < DRAIN_SECONDS
            await answerer.hung_up.wait()
        for reply in replies:
            reply.assert_problem(503, "draining")
            assert reply.retry_after >= 1


async def test_r6_a_client_that_does_not_close_holds_it_up_no_longer_than_draining_lasts() -> None:
    with server(PATIENT) as running:
        async with DeafSocket.opened(running.ws_url) as deaf:
            deaf.send_text('{"type":"hello"}')
            await deaf.text()
            going = asyncio.create_task(stop(running))
            assert await deaf.close_code() == 4000
            assert await going < DRAIN_SECONDS + SPARE_SECONDS


async def test_r6_a_request_that_never_ends_holds_it_up_no_longer_than_draining_lasts() -> None:
    with server() as running, closing(socket.create_connection((HOST, running.port))) as slow:
        slow.sendall(b"POST /signal HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{")
        await asyncio.to_thread(running.get, "/healthz")
        assert await stop(running) < 1 + SPARE_SECONDS


async def test_r6_a_request_that_has_begun_and_not_arrived_is_told_and_not_waited_for() -> None:
    with server(PATIENT) as running:
        async with connection(running) as half_a_head, connection(running) as half_a_body:
            half_a_head.send(b"POST /signal HTTP/1.1\r\nHo")
            half_a_body.send(b"POST /signal HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{")
            await asyncio.to_thread(running.get, "/healthz")
            assert await stop(running) < DRAIN_SECONDS / 2
            status, headers, body = await half_a_body.response()
            assert (status, headers["content-type"]) == (503, "application/problem+json")
            assert int(headers["retry-after"]) >= 1
            assert json.loads(body)["code"] == "draining"
        assert_empty(running, "stopped")


async def test_r5_while_it_drains_it_takes_nothing_new_and_says_so() -> None:
    """Over a connection that was kept; somebody who is slow to leave holds the server up meanwhile."""
    with server(PATIENT) as running, closing(HTTPConnection(HOST, running.port, timeout=5)) as kept:
        assert fetch(kept, "GET", "/readyz") == (200, b"ready\n")
        async with DeafSocket.opened(running.ws_url) as deaf:
            going = asyncio.create_task(stop(running))
            assert await deaf.close_code() == 4000
            assert await asyncio.to_thread(fetch, kept, "GET", "/readyz") == (503, b"draining\n")
            status, problem = await asyncio.to_thread(fetch, kept, "POST", "/signal", offer(CALL))
            assert (status, b'"draining"' in problem) == (503, True)
            assert await asyncio.to_thread(fetch, kept, "GET", "/healthz") == (200, b"ok\n")
            with closing(socket.socket()) as late:
                assert late.connect_ex((HOST, running.port)) != 0
            await going


async def test_r5_whom_the_application_does_not_close_the_launcher_closes_with_1012() -> None:
    with server(PATIENT, program=sleeper) as running:
        async with connect(f"ws://{HOST}:{running.port}/0", compression=None, proxy=None) as socket:
            going = asyncio.create_task(stop(running))
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (1012, "restarting")
            await going


async def test_r5_an_application_that_is_about_to_close_is_waited_for() -> None:
    with server(PATIENT, program=sleeper) as running:
        async with connect(f"ws://{HOST}:{running.port}/0", compression=None, proxy=None) as socket:
            await socket.send("stop and close")
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4000, "by the application")
        assert await asyncio.to_thread(running.process.wait, DRAIN_SECONDS + SPARE_SECONDS) == 0


async def test_r6_an_application_that_never_ends_holds_it_up_no_longer_than_draining_lasts() -> None:
    with server({"limits": {"drain_seconds": 1}}, program=sleeper) as running:
        async with connect(f"ws://{HOST}:{running.port}/60", compression=None, proxy=None):
            assert await stop(running) < DRAIN_SECONDS + SPARE_SECONDS


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_r6_a_second_signal_ends_it_now(second: signal.Signals) -> None:
    with server({"limits": {"drain_seconds": 60}}) as running:
        async with DeafSocket.opened(running.ws_url) as deaf:
            running.process.send_signal(signal.SIGTERM)
            assert await deaf.close_code() == 4000
            running.process.send_signal(second)
            assert await asyncio.to_thread(running.process.wait, SPARE_SECONDS) == 0


async def test_r5_an_idle_connection_that_is_kept_holds_nobody_up() -> None:
    with server(PATIENT) as running, closing(HTTPConnection(HOST, running.port, timeout=5)) as kept:
        assert fetch(kept, "GET", "/healthz") == (200, b"ok\n")
        assert await stop(running) < DRAIN_SECONDS / 2


async def test_r5_who_has_connected_and_was_not_accepted_yet_is_not_left_hanging() -> None:
    with server(PATIENT) as running:
        running.process.send_signal(signal.SIGSTOP)
        async with AsyncExitStack() as stack:
            waiting = [await stack.enter_async_context(connection(running)) for _ in range(100)]
            for one in waiting:
                one.send(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            running.process.send_signal(signal.SIGTERM)
            running.process.send_signal(signal.SIGCONT)
            endings = await asyncio.gather(*(one.rest() for one in waiting))
            assert all(ending.startswith(b"HTTP/1.1 200 ") or not ending for ending in endings)
            await asyncio.to_thread(running.process.wait, DRAIN_SECONDS)


def test_r19_a_port_in_use_is_status_1_and_one_clear_line() -> None:
    with server() as running:
        folder = running.folder / "second"
        folder.mkdir()
        log = folder / "of the first.log"
        log.write_text("a line of the first server\n")
        second = start(folder, {"loglevel": "error", "logfile": str(log)}, "serve", running.port, {})
        assert second.process.wait(10) == 1
        (line,) = second.log.splitlines()
        assert f"{HOST}:{running.port}" in line
        assert "in use" in line
        assert log.read_text() == "a line of the first server\n"
        assert running.get("/healthz")[0] == 200


def endings(peer: Peer, call: str) -> list[tuple[str, str]]:
    """What it got of this call after `going_away`: types, and codes or reasons."""
    kinds = [frame["type"] for frame in peer.received]
    frames = [frame for frame in peer.received[kinds.index("going_away") :] if frame.get("call") == call]
    return [(frame["type"], frame.get("code") or frame["reason"]) for frame in frames]


def fetch(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection.request(method, path, body)
    response = connection.getresponse()
    return response.status, response.read()
