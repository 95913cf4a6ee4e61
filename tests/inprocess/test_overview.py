"""The overview of a running process."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from roundtable import VERSION
from signalling.operators import process
from signalling.operators.overview import overview
from tests.inprocess.application import application

ROOT = Path(__file__).resolve().parents[2]


async def test_it_shows_who_is_here_and_what_they_do() -> None:
    async with application(limits={"resume_seconds": 30}) as app, app.peer() as ada, app.peer() as bob:
        await (await app.ringing(ada)).hang_up()
        request = await app.ringing(bob)
        await ada.say("join", table="camelot")
        await ada.expect("hangup")
        await ada.expect("joined")
        await ada.vanish()
        now = overview(app.runtime)
        assert (now.here.connections, now.here.connected, now.here.away) == (1, 1, 1)
        assert (now.here.waiting, now.here.tables, now.here.open_calls, now.here.draining) == (1, 1, 1, False)
        assert (now.calls_last_hour, now.outcomes_last_hour, now.success_share) == (2, (("withdrawn", 1),), 0)
        await request.hang_up()
        await bob.vanish()
        app.runtime.drain()
        assert overview(app.runtime).here.draining


async def test_it_shows_what_the_process_takes() -> None:
    async with application() as app:
        seen = overview(app.runtime).process
        assert seen.memory_bytes is not None
        assert seen.memory_bytes > 10_000_000
        assert seen.open_files is not None
        with socket.socket():
            more = overview(app.runtime).process
        assert more.open_files == seen.open_files + 1
        assert 0 <= seen.uptime_seconds < more.uptime_seconds
        assert (seen.version, seen.loop) == (VERSION, "asyncio")


async def test_where_linux_does_not_count_open_files_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until 6.2 the directory has no size."""
    counted = process.look(1).open_files
    monkeypatch.setattr(process, "stat", lambda path: SimpleNamespace(st_size=0))
    listed = process.look(1).open_files
    assert counted is not None
    assert listed in (counted, counted + 1), "to list them opens the directory"


async def test_where_the_system_tells_nothing_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATUS", "OPEN_FILES"):
        monkeypatch.setattr(process, name, Path("/nowhere/at/all"))
    seen = process.look(1)
    assert (seen.memory_bytes, seen.open_files) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        (["manage.py", "serve", "--configFilePath", "secret.yaml"], "manage.py serve"),
        (["/srv/server/manage.py", "runserver"], "manage.py runserver"),
        (["/srv/.venv/bin/daphne", "-p", "1066"], "daphne"),
        (["/srv/.venv/lib/uvicorn/__main__.py", "--port", "1066"], "uvicorn"),
        ([], ""),
    ],
)
def test_the_program_is_told_by_its_command_line(arguments: list[str], program: str) -> None:
    assert process.program(arguments) == program


async def test_it_is_a_plain_value() -> None:
    async with application() as app:
        glance = overview(app.runtime)
    assert len(msgspec.json.decode(msgspec.json.encode(glance))["minutes"]) == 60


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
