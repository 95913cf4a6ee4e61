"""What the launcher's uvicorn has of its own: handshakes, frames in their order, faults; and when it is not there."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.rawframes import PING, TEXT, ClientFrame, encode
from tests.server.connections import connection
from tests.server.test_lanes import EVERYWHERE, PLAIN, TOGETHER, WITHIN_SECONDS, answer, request, say_all
from tests.server.witness import witness
from tests.serverprocess import LANE, ON_UVICORN, ROOT, Server, server, surroundings

OTHER = PLAIN + "\r\nX_Underscore: x"
"""A handshake that is not read in place."""


@pytest.fixture(scope="module")
def witnessed() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LANE, ON_UVICORN)
        with server(EVERYWHERE, program=witness, makes_tracebacks=True) as running:
            yield running


@pytest.mark.parametrize("headers", [PLAIN, OTHER], ids=["plain", "another"])
class TestHandshakes:
    async def test_it_is_accepted_and_the_application_is_told_who_comes(self, witnessed: Server, headers: str) -> None:
        octets = request(headers + "\r\nSec-WebSocket-Protocol: roundtable.v1", "/a%20b%C3%A4?c=%20d")
        for host in ("127.0.0.1", "::1"):
            head, payloads = await answer(host, witnessed.port, octets, 1)
            assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
            assert b"roundtable.v1\r\n" in head
            scope = json.loads(payloads[0])
            assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a bä", "/a%20b%C3%A4", "c=%20d")
            assert (scope["client"].removeprefix("::ffff:"), scope["subprotocols"]) == (host, ["roundtable.v1"])
            assert ["upgrade", "websocket"] in scope["headers"]

    async def test_it_may_come_in_pieces(self, witnessed: Server, headers: str) -> None:
        async with connection(witnessed) as sender:
            for piece in (request(headers)[:50], request(headers)[50:]):
                sender.send(piece)
                await asyncio.sleep(0.05)  # nothing tells that the server has read the first
            assert (await sender.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")

    async def test_frames_in_its_segment_are_kept(self, witnessed: Server, headers: str) -> None:
        """Uvicorn loses them."""
        octets = request(headers) + b"".join(map(encode, TOGETHER))
        _, payloads = await answer("127.0.0.1", witnessed.port, octets, 1 + len(TOGETHER))
        assert b"two" in payloads
        assert [payload for payload in payloads if payload in (b"one", b"three")] == [b"one", b"three"]

    async def test_a_frame_may_come_octet_by_octet(self, witnessed: Server, headers: str) -> None:
        async with connection(witnessed) as sender:
            sender.send(request(headers))
            for octet in encode(ClientFrame(PING, b"dear")) + encode(ClientFrame(TEXT, b"friend")):
                sender.send(bytes([octet]))
                await asyncio.sleep(0)
            async with asyncio.timeout(WITHIN_SECONDS):
                received = await sender.reader.readuntil(b"friend")
            assert b"\x8a\x04dear" in received
            assert received.endswith(b"\x81\x06friend")


async def test_messages_of_all_kinds_stay_in_order(witnessed: Server) -> None:
    async with connect(f"ws://127.0.0.1:{witnessed.port}/", compression=None, proxy=None) as socket:
        await socket.recv()
        said: list[str | bytes] = []
        for number in range(1, 200):
            said += [f"{number}", f"{number}".encode(), "x" * number * 40, f"{number} again"]
        async with asyncio.timeout(WITHIN_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(say_all(socket, said))
            assert [await socket.recv() for _ in said] == said


async def test_t33_a_handler_that_raises_ends_its_own_connection_with_1011(witnessed: Server) -> None:
    url = f"ws://127.0.0.1:{witnessed.port}/"
    async with connect(url, proxy=None) as other, connect(url, proxy=None) as socket:
        await socket.recv()
        await other.recv()
        await socket.send("fail")
        async with asyncio.timeout(WITHIN_SECONDS):
            await socket.wait_closed()
        assert socket.close_code == 1011
        await other.send("here")
        assert await other.recv() == "here"


async def test_t37_no_handshake_is_taken_while_a_response_is_under_way(witnessed: Server) -> None:
    """The client of the first request would read the second's response, or frames, as its own."""
    async with connection(witnessed) as sender:
        sender.send(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" + request(PLAIN))
        async with asyncio.timeout(WITHIN_SECONDS):
            assert b" 101 " not in await sender.rest()


def ended(*arguments: str, blocked: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What becomes of `serve` with these arguments; of modules in `blocked` there are only those."""
    path = {} if blocked is None else {"PYTHONPATH": str(blocked)}
    command = [sys.executable, "manage.py", "serve", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=surroundings() | path, capture_output=True, text=True, timeout=30, check=False
    )


def test_an_unknown_server_is_status_2_and_one_clear_line() -> None:
    told = ended("--server", "gunicorn")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "CommandError: --server: 'gunicorn' is not allowed; allowed: daphne or uvicorn\n"


@pytest.mark.parametrize("module", ["uvicorn", "httptools"])
def test_without_uvicorn_or_its_parser_it_is_status_2_and_says_what_to_do(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError(name={module!r})\n")
    told = ended("--server", "uvicorn", blocked=tmp_path)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == f"CommandError: --server uvicorn: {module} is not installed: make uvicorn\n"
