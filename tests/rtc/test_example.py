"""The example client, run as the README says: one answers, the other dials."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests import goclient
from tests.rtc.datachannel import DataPeer
from tests.serverprocess import ROOT, Server, free_port, server, surroundings
from tests.wsclient import Peer

LOOPBACK = Path(__file__).parent / "loopback"
WITHIN_SECONDS = 20.0
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


class Example:
    """`python examples/call.py …` in a process of its own."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, *arguments: str, options: Sequence[str] = ()) -> AsyncIterator["Example"]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *options, "examples/call.py", *arguments),
            cwd=ROOT,
            env=surroundings() | {"PYTHONPATH": str(LOOPBACK)},
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def line(self, containing: str) -> str:
        """The next line of its output that contains this text."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_SECONDS):
            async for line in self.process.stdout:
                if containing in line.decode():
                    return line.decode().strip()
        raise AssertionError(f"it ended without a line that has {containing!r}")

    async def end(self) -> tuple[int, str, str]:
        """Exit status, output and errors, once it has ended."""
        async with asyncio.timeout(WITHIN_SECONDS):
            output, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, output.decode(), errors.decode()

    async def interrupt(self) -> tuple[int, str, str]:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return await self.end()


async def dialled(*arguments: str) -> tuple[int, str, str]:
    async with Example.running("dial", *arguments) as dialler:
        return await dialler.end()


async def test_first_call_as_the_readme_says(signalling_server: Server) -> None:
    url = signalling_server.ws_url
    async with Example.running("answer", "--server", url, "--name", "Ada") as answerer:
        how_to_dial = await answerer.line("examples/call.py dial ")
        arguments = how_to_dial.partition("examples/call.py dial ")[2].split()
        status, output, errors = await dialled(*arguments, "--name", "Bob", "--message", "good morning")
        assert (status, errors) == (0, "")
        assert "echo of 'good morning' after " in output

        assert "call from Bob" in await answerer.line("call from")
        assert "'good morning'" in await answerer.line("echoing")
        await answerer.line("call ended")
        status, output, errors = await answerer.interrupt()
        assert (status, errors) == (0, "")


async def test_one_answerer_takes_many_calls(signalling_server: Server) -> None:
    async with Example.running("answer", "--server", signalling_server.ws_url) as answerer:
        peer = (await answerer.line("connected to")).rpartition(" ")[2]
        both = await asyncio.gather(*(dialled(peer, "--server", signalling_server.ws_url) for _ in range(2)))
        assert [status for status, _, _ in both] == [0, 0]


async def test_answers_an_unmodified_client(signalling_server: Server) -> None:
    async with (
        Example.running("answer", "--server", signalling_server.ws_url) as answerer,
        DataPeer() as caller,
    ):
        peer = (await answerer.line("connected to")).rpartition(" ")[2]
        assert (await goclient.dial(caller, signalling_server.http_url, "", callee=peer)).status == 200
        await caller.send(b"over HTTP")
        assert await caller.receive() == b"over HTTP"


async def test_dials_an_unmodified_client(signalling_server: Server) -> None:
    async with (
        goclient.Answerer.listening() as answerer,
        Example.running(
            "dial", goclient.identifier(answerer.public_ip), "--server", signalling_server.ws_url
        ) as dialler,
    ):
        async with asyncio.timeout(WITHIN_SECONDS):
            callee = await answerer.callees.get()
        assert await callee.receive() == "hello"
        await callee.send("hello")
        status, _, errors = await dialler.end()
        assert (status, errors) == (0, "")


async def test_dials_a_peer_on_another_server(signalling_server: Server, other_server: Server) -> None:
    async with Example.running("answer", "--server", other_server.ws_url) as answerer:
        identifier = (await answerer.line("examples/call.py dial ")).split(" dial ")[1].split()[0]
        status, output, errors = await dialled(identifier, "--server", signalling_server.ws_url)
        assert (status, errors) == (0, "")
        assert "echo of 'hello'" in output


@pytest.mark.parametrize("to", [NOBODY, "not an identifier"])
async def test_dialling_nobody_fails_with_one_line(signalling_server: Server, to: str) -> None:
    assert_one_clear_line(await dialled(to, "--server", signalling_server.ws_url))


async def test_rejected_call_fails_with_one_line(signalling_server: Server) -> None:
    async with (
        Peer.welcomed(signalling_server.ws_url) as bob,
        Example.running("dial", bob.id, "--server", signalling_server.ws_url) as dialler,
    ):
        await bob.reject((await bob.expect("offer", within=WITHIN_SECONDS))["call"], "busy")
        assert "busy" in assert_one_clear_line(await dialler.end())


async def test_unanswered_call_fails_with_one_line() -> None:
    with server({"timeout": 1}) as impatient:
        async with Peer.welcomed(impatient.ws_url) as bob:
            assert "answer_timeout" in assert_one_clear_line(await dialled(bob.id, "--server", impatient.ws_url))


async def test_server_that_is_away_is_one_line() -> None:
    nowhere = f"ws://127.0.0.1:{free_port()}/signal"
    assert nowhere in assert_one_clear_line(await dialled(NOBODY, "--server", nowhere))


async def test_server_that_goes_away_ends_the_answerer_with_one_line() -> None:
    with server() as leaving:
        async with Example.running("answer", "--server", leaving.ws_url) as answerer:
            await answerer.line("waiting for calls")
            await asyncio.to_thread(leaving.stop)
            assert "closed" in assert_one_clear_line(await answerer.end())


async def test_bad_description_is_rejected_and_the_answerer_stays(signalling_server: Server) -> None:
    async with (
        Example.running("answer", "--server", signalling_server.ws_url) as answerer,
        Peer.welcomed(signalling_server.ws_url) as mallory,
        DataPeer() as caller,
    ):
        peer = (await answerer.line("connected to")).rpartition(" ")[2]
        call = await mallory.dial(peer, {"type": "offer", "sdp": "no SDP"})
        assert (await mallory.expect("reject", call=call))["reason"] == "failed"

        call = await mallory.dial(peer, await caller.offer(with_candidates=True))
        await mallory.trickle(call, {"candidate": "candidate:nonsense", "sdpMid": "0"})
        await caller.accept((await mallory.expect("answer", call=call))["description"])
        candidate = (await mallory.expect("candidate", call=call))["candidate"]
        assert candidate["candidate"].split()[4] == "127.0.0.1", "a test's program leaves loopback"
        await caller.add(candidate)
        await caller.send("still there?")
        assert await caller.receive() == "still there?"


async def test_missing_aiortc_names_what_to_run() -> None:
    async with Example.running("answer", options=["-I", "-S"]) as example:  # without the installed packages
        assert "make test-environment" in assert_one_clear_line(await example.end())


def assert_one_clear_line(ended: tuple[int, str, str]) -> str:
    """It failed, and said why in one line; that line."""
    status, output, errors = ended
    assert status == 1, output
    assert len(errors.splitlines()) == 1, errors
    return errors
