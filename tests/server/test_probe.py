"""The probe, at servers that are well and at others; the command itself as a program of its own."""

import asyncio
import json
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from signalling.frames import SUBPROTOCOL
from signalling.operators.probe import place, probe
from signalling.operators.probefindings import Failure, Finding
from tests.answerers import Script, answering, listening, make_certificate, replying, tarpit
from tests.forking import completed
from tests.programs.commands import in_the_readme
from tests.serverprocess import ROOT, Program, Server, free_port, server, surroundings
from tests.tampering import Frame, Post, Tamper, tampering

STEPS = ["connect", "hello", "offer", "answer", "candidates", "hangup", "post", "bye"]
WITHIN_SECONDS = 5.0


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server({"publicaddress": "https://signal.example"}) as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def probed(url: str, seconds: float = WITHIN_SECONDS) -> Finding:
    return await probe(place(url), seconds)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    probe = ["manage.py", "probe", "--configFilePath", str(ROOT / "tests/config.yaml"), *arguments]
    return completed(probe, surroundings())


# A server that is well


@pytest.mark.parametrize("program", ["serve", "uvicorn"])
async def test_probe_makes_both_calls_and_leaves_nobody_behind(program: Program) -> None:
    with server(program=in_the_readme(program)) as running:
        finding = await probed(running.ws_url)
        assert (finding.failure, finding.status) == (None, 0)
        assert [step.name for step in finding.steps] == STEPS
        assert all(step.milliseconds > 0 for step in finding.steps)
        await running.until_logged('msg="session ended"', times=2)
        assert len(re.findall(r'msg="session ended".* reason=bye', running.log)) == 2


async def test_probe_reaches_a_server_whose_public_address_is_another(running: Server) -> None:
    finding = await probed(running.http_url)
    assert finding.status == 0


async def test_probe_works_through_a_proxy(running: Server, stack: AsyncExitStack) -> None:
    url = await stack.enter_async_context(tampering(running.http_url))
    finding = await probed(url)
    assert (finding.failure, finding.status) == (None, 0)


def test_command_says_each_step_and_ends_with_status_0(running: Server) -> None:
    ended = command(running.http_url)
    *steps, last = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split()[0] for line in steps] == STEPS
    assert all(line.endswith(" ms") for line in steps)
    assert last.startswith(f"all well: roundtable-signalling/1.0 at {running.http_url}/signal carried a call in ")


def test_command_writes_one_json_object(running: Server) -> None:
    ended = command(running.ws_url, "--json")
    found = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert (found["ok"], found["status"], found["failure"]) == (True, 0, None)
    assert [step["name"] for step in found["steps"]] == STEPS


# Servers that are not well


def replaced(kind: str, by: Any) -> Tamper:
    """The server, but for frames of this type."""
    return lambda frame: by if frame["type"] == kind else frame


def with_another_description(frame: Frame) -> Frame:
    return frame | {"description": {"type": frame["description"]["type"], "sdp": "v=0\r\n"}}


async def redirect(body: bytes) -> web.Response:
    return web.Response(status=301, headers={"Location": "https://elsewhere.example/signal"})


async def refusal(body: bytes) -> web.Response:
    return web.json_response({"code": "draining", "detail": "the server\x1b[2J is going away"}, status=503)


async def nobodys_answer(body: bytes) -> web.Response:
    answer = {"type": "answer", "sdp": "v=0\r\n"}
    return web.json_response({"OfferUUID": json.loads(body)["OfferUUID"], "WebRTCSessionDescription": answer})


GOING = {"type": "going_away", "seq": 1}
REFUSED = {"type": "error", "code": "rate_limited", "message": "too many"}
ILL: dict[str, tuple[Tamper, str, str]] = {
    "closes at hello": (replaced("welcome", 4004), "hello", "a close, 4004"),
    "welcomes with half a welcome": (replaced("welcome", {"type": "welcome", "peer": "x"}), "hello", "one without"),
    "says no JSON": (replaced("ack", "<html>"), "offer", "no JSON object, but <html>"),
    "says a list": (replaced("ack", "[]"), "offer", "no JSON object, but []"),
    "says something without a type": (replaced("ack", {"kind": "ack"}), "offer", "a frame without a type"),
    "sends octets": (replaced("ack", b"ack"), "offer", "a binary frame"),
    "is draining": (replaced("ack", GOING), "offer", "going_away"),
    "refuses the offer": (replaced("ack", REFUSED), "offer", "error: rate_limited: too many"),
    "changes the offer": (
        lambda frame: with_another_description(frame) if frame["type"] == "offer" else frame,
        "offer",
        "another one",
    ),
    "loses the answer": (replaced("answer", None), "answer", "nothing"),
    "changes the answer": (
        lambda frame: with_another_description(frame) if frame["type"] == "answer" else frame,
        "answer",
        "nothing more in time, but answer",
    ),
    "loses candidates": (replaced("candidate", None), "candidates", "nothing"),
    "cuts the call off": (replaced("hangup", 4500), "hangup", "a close, 4500"),
}


@pytest.mark.parametrize("ill", ILL)
async def test_probe_says_which_step_failed_and_what_came_instead(
    ill: str, running: Server, stack: AsyncExitStack
) -> None:
    tamper, step, got = ILL[ill]
    url = await stack.enter_async_context(tampering(running.http_url, tamper))
    finding = await probed(url, seconds=1.0)
    assert finding.failure is not None
    assert (finding.failure.step, finding.failure.got, finding.status) == (step, got, 1)
    assert [done.name for done in finding.steps] == STEPS[: STEPS.index(step)]


@pytest.mark.parametrize(
    ("post", "got"),
    [
        (redirect, "301 to https://elsewhere.example/signal: probe that one"),
        (refusal, "503 draining the server\x1b[2J is going away"),
        (nobodys_answer, "200"),
    ],
)
async def test_probe_says_what_an_offer_over_http_got(
    post: Post, got: str, running: Server, stack: AsyncExitStack
) -> None:
    url = await stack.enter_async_context(tampering(running.http_url, post=post))
    finding = await probed(url)
    assert finding.failure is not None
    assert (finding.failure.step, finding.failure.got, finding.status) == ("post", got, 1)
    assert "\x1b" not in finding.last_line, "what a server says cannot move the cursor"


async def test_probe_says_bye_after_a_failure() -> None:
    with server() as running:
        async with tampering(running.http_url, replaced("answer", None)) as url:
            finding = await probed(url, seconds=0.5)
            assert finding.status == 1
            await running.until_logged('msg="session ended"', times=2)
            assert len(re.findall(r'msg="session ended".* reason=bye', running.log)) == 2


PAGE = b"<html><body>It works!</body></html>"
STRANGE: dict[str, tuple[Script, str]] = {
    "another web server": (answering(PAGE), "200, Invalid response status"),
    "a page that is missing": (answering(PAGE, "404 Not Found"), "404, Invalid response status"),
    "no HTTP at all": (replying(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), "no HTTP: "),
    "nothing, and goes": (replying(b""), "a connection that was closed without a response"),
    "nothing, for ever": (tarpit, "nothing in time"),
}


@pytest.mark.parametrize("strange", STRANGE)
async def test_a_server_that_answers_nonsense_is_status_1(strange: str) -> None:
    script, got = STRANGE[strange]
    async with listening(script) as answerer:
        finding = await probed(f"http://127.0.0.1:{answerer.port}", seconds=0.5)
    assert finding.failure is not None
    assert (finding.failure.step, finding.failure.expected, finding.status) == ("connect", "101, a WebSocket", 1)
    assert finding.failure.got.startswith(got)


async def test_a_server_that_never_stops_talking_is_status_1(stack: AsyncExitStack) -> None:
    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL])
        await socket.prepare(request)
        with suppress(ConnectionError):
            while True:
                await socket.send_str('{"type":"nonsense"}')
                await asyncio.sleep(0)  # the client is in this loop, too
        return socket

    app = web.Application()
    app.router.add_get("/signal", talk)
    talker = await stack.enter_async_context(TestServer(app))
    finding = await probed(f"http://127.0.0.1:{talker.port}")
    assert (finding.failure, finding.status) == (Failure("hello", "a welcome", "64 other frames"), 1)


# No connection


async def test_nobody_listens_there() -> None:
    finding = await probed(f"http://127.0.0.1:{free_port()}")
    line = finding.last_line
    assert finding.status == 3
    assert line.endswith(": Connection refused")


async def test_a_name_that_nobody_has() -> None:
    finding = await probed("https://nobody.invalid")
    assert (finding.status, finding.last_line) == (
        3,
        "cannot connect to https://nobody.invalid/signal: the name nobody.invalid has no address",
    )


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, stack: AsyncExitStack) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate("localhost", tmp_path / "localhost.pem"))
    answerer = await stack.enter_async_context(listening(tarpit, tls=context))
    finding = await probed(f"wss://localhost:{answerer.port}")
    line = finding.last_line
    assert finding.status == 3
    assert line.endswith(": the server's certificate is not accepted: self-signed certificate")


async def test_no_tls_where_it_is_expected(stack: AsyncExitStack) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    listener = await stack.enter_async_context(await asyncio.start_server(plain, "127.0.0.1", 0))
    finding = await probed(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    line = finding.last_line
    assert finding.status == 3
    assert line.endswith(": no TLS is spoken there, or none that we speak; is it http:// or ws://?")


def test_command_ends_with_status_3_without_a_server() -> None:
    ended = command(f"http://127.0.0.1:{free_port()}", "--json")
    found = json.loads(ended.stdout)
    assert (ended.returncode, found["status"], found["steps"]) == (3, 3, [])
    assert found["failure"] == {"step": "connect", "expected": "a connection", "got": "Connection refused"}


# The command line


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:1066",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1/signal/",
        "http://127.0.0.1/call/",
        "http://127.0.0.1/?x=1",
        "http://ada:secret@127.0.0.1",
        "http://127.0.0.1:65536",
    ],
)
def test_a_url_that_is_none_of_a_server(url: str) -> None:
    with pytest.raises(ValueError):
        place(url)


@pytest.mark.parametrize("url", ["https://a.example", "wss://a.example/", "https://a.example/signal"])
def test_a_url_with_or_without_the_path(url: str) -> None:
    assert place(url) == ("https://a.example/signal", "wss://a.example/signal")


@pytest.mark.parametrize("arguments", [["nonsense"], ["http://a.example", "--timeout", "0"], []])
def test_command_ends_with_status_2_when_it_was_not_understood(arguments: list[str]) -> None:
    ended = command(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: manage.py probe")
