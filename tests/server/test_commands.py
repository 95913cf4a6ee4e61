"""`manage.py sessions`, `disconnect` and `drain`, and the control socket by which they reach a real server."""

import asyncio
import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.forking import completed
from tests.programs.commands import PROGRAMS, in_the_readme
from tests.serverprocess import ROOT, Program, Server, free_port, launch, server, surroundings
from tests.waiting import until
from tests.wsclient import Peer

WITHIN_SECONDS = 10.0
NOBODY = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server({"limits": {"resume_seconds": 0.1}}) as running:
        until_open(running)
        yield running


def control_socket(running: Server) -> Path:
    return running.folder / "roundtable.sock"


def is_open(running: Server) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(control_socket(running))) == 0


def until_open(running: Server) -> None:
    asyncio.run(until(lambda: is_open(running), WITHIN_SECONDS))


def arguments(folder: Path, *command: str) -> list[str]:
    return [sys.executable, "manage.py", *command, "--configFilePath", str(folder / "config.yaml")]


def manage(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command about the server of this folder's configuration."""
    return completed(arguments(folder, *command)[1:], surroundings())


async def managed(running: Server, *command: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(manage, running.folder, *command)


# The socket


@pytest.mark.parametrize("program", PROGRAMS)
def test_socket_is_its_owners_only_and_goes_with_the_server(program: Program) -> None:
    with server(program=in_the_readme(program)) as running:
        until_open(running)
        assert stat.S_IMODE(control_socket(running).stat().st_mode) == 0o600
        running.stop()
        assert not control_socket(running).exists()


def test_one_that_a_killed_server_left_is_cleared_away() -> None:
    with server() as running:
        until_open(running)
        running.kill()
        assert control_socket(running).is_socket()
        ended = manage(running.folder, "sessions")
        assert (ended.returncode, ended.stderr) == (
            3,
            f"CommandError: no server at the control socket {control_socket(running)}: nobody listens there any more\n",
        )
        running.restart()
        running._await_ready()
        until_open(running)
        assert "no control socket" not in running.log


async def test_a_second_server_leaves_that_of_the_first_alone(running: Server) -> None:
    port = free_port()
    config = running.folder / "config.yaml"
    config.with_name("second.yaml").write_text(config.read_text().replace(str(running.port), str(port)))
    second = Server(port, running.folder, launch(running.folder, _with_the_second_configuration, port, {}))
    try:
        second._await_ready()
        await running.until_logged("no control socket: commands cannot reach this server")
        assert 'reason="another server listens there"' in running.log
        assert second.stop() == 0
    finally:
        second.kill()
    assert is_open(running)


def _with_the_second_configuration(config: Path, port: int) -> list[str]:
    return [sys.executable, "manage.py", "serve", "--configFilePath", str(config.with_name("second.yaml"))]


async def test_a_file_in_its_place_is_left_alone_and_the_server_serves() -> None:
    with server({"controlsocket": "config.yaml"}) as running:
        await running.until_logged("no control socket: commands cannot reach this server")
        assert "which is no socket; it is left alone" in running.log
        assert (running.folder / "config.yaml").read_text()


async def test_a_path_that_is_too_long_is_a_warning_and_the_server_serves() -> None:
    with server({"controlsocket": "x" * 108}) as running:
        await running.until_logged("no control socket: commands cannot reach this server")
        assert running.get("/healthz")[0] == 200


def test_turned_off_there_is_none() -> None:
    with server({"controlsocket": ""}) as running:
        assert running.get("/readyz")[0] == 200
        ended = manage(running.folder, "drain")
        assert ended.returncode == 3
        assert ended.stderr == (
            "CommandError: controlsocket is turned off in the configuration, so no command reaches the server\n"
        )
        assert not list(running.folder.glob("*.sock"))


# No server


def test_without_a_server_it_is_status_3_and_one_line_that_names_the_socket(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("loglevel: info\n")
    ended = manage(tmp_path, "sessions", "--watch")
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (3, "")
    assert line.startswith(f"CommandError: no server at the control socket {tmp_path}/roundtable.sock: ")


@pytest.mark.parametrize("command", [["sessions"], ["drain"], ["disconnect", NOBODY]])
def test_it_is_so_for_every_command(command: list[str], tmp_path: Path, settings: Settings) -> None:
    nowhere = {"controlsocket": tmp_path / "roundtable.sock"}
    settings.ROUNDTABLE = settings.ROUNDTABLE.model_copy(update=nowhere)
    with pytest.raises(CommandError, match=f"^no server at the control socket {tmp_path}") as raised:
        call_command(*command)
    assert raised.value.returncode == 3


# Sessions


async def test_sessions_are_listed_as_text(running: Server) -> None:
    async with (
        Peer.welcomed(running.ws_url, name="Lancelot") as lancelot,
        Peer.welcomed(running.ws_url, name="<b>lance"),
    ):
        ended = await managed(running, "sessions", "--search", "lance", "--sort", "name")
    head, hostile, other, summary = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert head.startswith("PEER ")
    assert hostile.split()[1:3] == ["<b>lance", "connected"]
    assert other.split()[:3] == [lancelot.id, "Lancelot", "connected"]
    assert summary.startswith("2 ")


async def test_sessions_are_searched_and_listed_as_json(running: Server) -> None:
    async with Peer.welcomed(running.ws_url, name="Morgana") as morgana, Peer.welcomed(running.ws_url, name="Bob"):
        ended = await managed(running, "sessions", "--search", "MORGANA", "--json")
    found = json.loads(ended.stdout)
    assert (found["total"] >= 2, found["matching"]) == (True, 1)
    assert [row["peer"] for row in found["sessions"]] == [morgana.id]


def test_watching_in_a_pipe_is_a_list_each_second_until_it_is_interrupted(running: Server) -> None:
    watching = subprocess.Popen(
        arguments(running.folder, "sessions", "--watch", "--json"),
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert watching.stdout is not None
        lists = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        _, complaints = watching.communicate(timeout=WITHIN_SECONDS)
    finally:
        watching.kill()
    assert all(listed.keys() == {"total", "matching", "sessions"} for listed in lists)
    assert (watching.returncode, complaints) == (0, b"")


def test_a_reader_that_has_had_enough_is_no_error(running: Server) -> None:
    watching = subprocess.Popen(
        arguments(running.folder, "sessions", "--watch"),
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert watching.stdout is not None and watching.stderr is not None
    assert watching.stdout.readline()
    watching.stdout.close()
    assert watching.wait(WITHIN_SECONDS) == 0
    assert watching.stderr.read() == b""
    watching.stderr.close()


async def test_watching_in_a_terminal_fits_it_and_clears_it(running: Server) -> None:
    watching = arguments(running.folder, "sessions", "--watch", "--search", "Galahad")
    async with Peer.welcomed(running.ws_url, name="Galahad") as galahad:
        shown = await asyncio.to_thread(_in_a_terminal, watching, "session")
    assert shown.startswith("\x1b[H\x1b[2J")
    lines = shown.removeprefix("\x1b[H\x1b[2J").split("\r\n")
    assert lines[0].split() == ["PEER", "NAME", "STATE", "SINCE", "ADDRESS", "SEEN"]
    assert lines[1].split()[:2] == [galahad.id, "Galahad"]


def _in_a_terminal(command: list[str], until: str) -> str:
    """What the command writes to a terminal of 80 columns until this is there; it is interrupted then."""
    terminal, inner = pty.openpty()
    environment = surroundings() | {"COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    try:
        while until.encode() not in shown:
            ready, _, _ = select.select([terminal], [], [], WITHIN_SECONDS)
            assert ready, shown
            shown += os.read(terminal, 4_096)
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    return shown.decode()


def test_what_is_no_column_is_status_2(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("loglevel: info\n")
    ended = manage(tmp_path, "sessions", "--sort", "password")
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: manage.py sessions")


# Acts


async def test_a_peer_is_disconnected_and_may_not_come_back(running: Server) -> None:
    async with Peer.welcomed(running.ws_url) as ada:
        ended = await managed(running, "disconnect", ada.id.upper())
        assert (ended.returncode, ended.stdout) == (0, f"{ada.id} is disconnected\n")
        await ada.expect_close(4503)
        async with Peer.connected(running.ws_url) as again:
            await again.send("hello", peer=ada.id, proof=ada.welcome["proof"])
            await again.expect_close(4503)
    await running.until_logged(f'msg="a command disconnects" peer={ada.id}')


def test_a_peer_that_is_not_here_is_status_1(running: Server) -> None:
    ended = manage(running.folder, "disconnect", NOBODY)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"CommandError: {NOBODY} is not here\n")


def test_what_is_no_id_is_status_2_and_asks_for_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("loglevel: info\n")
    ended = manage(tmp_path, "disconnect", f"{NOBODY[:8]}\x1b[2J")
    assert ended.returncode == 2
    assert f"{NOBODY[:8]}\\x1b[2J is no peer's id" in ended.stderr


@pytest.mark.parametrize("command", ["serve", "check", "sessions", "disconnect", "drain"])
def test_help_names_the_configuration_by_which_a_server_is_found(command: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("loglevel: info\n")
    assert "--configFilePath PATH" in manage(tmp_path, command, "--help").stdout


@pytest.mark.parametrize("program", PROGRAMS)
async def test_draining_tells_everybody_and_waits_for_the_end(program: Program) -> None:
    with server({"limits": {"drain_seconds": 3}}, program=in_the_readme(program)) as running:
        async with Peer.welcomed(running.ws_url) as ada:
            draining = asyncio.create_task(managed(running, "drain"))
            await ada.expect("going_away", within=WITHIN_SECONDS)
            await ada.expect_close(4000)
            ended = await draining
        first, *_, last = ended.stdout.splitlines()
        assert (ended.returncode, ended.stderr) == (0, "")
        assert first == "draining: 1 of 1 connections left"
        assert last == "the server has gone"
        assert await asyncio.to_thread(running.process.wait, WITHIN_SECONDS) == 0
        assert not control_socket(running).exists()


async def test_draining_need_not_be_waited_for() -> None:
    with server() as running:
        await until(lambda: is_open(running), WITHIN_SECONDS)
        ended = await managed(running, "drain", "--no-wait")
        assert (ended.returncode, ended.stdout) == (0, "draining: 0 of 0 connections left\n")
        assert await asyncio.to_thread(running.process.wait, WITHIN_SECONDS) == 0
