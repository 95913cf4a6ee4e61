"""The control socket: what it answers, and what a client that does not behave can make it do."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from signalling.operators.control import MOST_CLIENTS, ControlSocket
from signalling.operators.controlmessages import MOST_BYTES
from signalling.operators.desk import Desk
from signalling.operators.survey import Page, Query, SessionRow
from signalling.routing import Router
from tests.inprocess.application import Application, application
from tests.waiting import WITHIN_SECONDS, until

DISCONNECTED = 4503


class Command:
    """A client of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, ask: str, **fields: Any) -> dict[str, Any]:
        return await self.say(json.dumps({"ask": ask, **fields}).encode() + b"\n")

    async def say(self, line: bytes) -> dict[str, Any]:
        self.writer.write(line)
        return await self.reply()

    async def reply(self) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_SECONDS):
            reply: dict[str, Any] = json.loads(await self.reader.readline())
        return reply

    async def is_hung_up_on(self) -> bool:
        async with asyncio.timeout(WITHIN_SECONDS):
            return await self.reader.read(1) == b""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roundtable.sock"


def is_there(path: Path) -> bool:
    return path.exists()


@asynccontextmanager
async def controlled(path: Path, desk: Desk, **options: Any) -> AsyncIterator[ControlSocket]:
    control = ControlSocket(path, desk, **options)
    control.open_soon()
    assert await control.opened()
    yield control
    await control.close()


@asynccontextmanager
async def command(path: Path) -> AsyncIterator[Command]:
    reader, writer = await asyncio.open_unix_connection(path, limit=10_000_000)
    try:
        yield Command(reader, writer)
    finally:
        writer.close()


@pytest.fixture
async def running() -> AsyncIterator[Application]:
    async with application() as running:
        yield running


@pytest.fixture
async def asked(path: Path, running: Application) -> AsyncIterator[Command]:
    async with controlled(path, running.runtime.desk), command(path) as asked:
        yield asked


# Questions


async def test_sessions_are_listed(asked: Command, running: Application) -> None:
    async with running.peer(name="Bob"), running.peer(name="Yves") as yves:
        everybody = (await asked.ask("sessions", sort="name", descending=False))["page"]
        assert [row["name"] for row in everybody["rows"]] == ["Bob", "Yves"]
        one = (await asked.ask("sessions", search="yves"))["page"]  # which no peer's id can have in it
        assert (one["total"], one["matching"], one["rows"][0]["peer"]) == (2, 1, yves.id)


async def test_a_page_of_the_list_is_what_was_asked_for(asked: Command, running: Application) -> None:
    async with running.peer(name="Ada"), running.peer(name="Bob"):
        second = (await asked.ask("sessions", sort="name", descending=False, page=2, per_page=1))["page"]
    assert ([row["name"] for row in second["rows"]], second["number"], second["pages"]) == (["Bob"], 2, 2)


async def test_a_peer_is_disconnected(asked: Command, running: Application) -> None:
    async with running.peer() as ada:
        assert await asked.ask("disconnect", peer=ada.id) == {"reply": "disconnected", "was_here": True}
        await ada.expect_close(DISCONNECTED)
    assert await asked.ask("disconnect", peer=ada.id) == {"reply": "disconnected", "was_here": False}


async def test_draining_begins_once(asked: Command, running: Application) -> None:
    running.runtime.parting.kill = lambda process, signal: None
    assert (await asked.ask("progress"))["progress"]["draining"] is False
    async with running.peer() as ada:
        for _ in range(2):
            progress = (await asked.ask("drain"))["progress"]
            assert (progress["draining"], progress["connections"]) == (True, 1)
        await ada.expect("going_away")
    assert running.runtime.draining
    running.runtime.parting.hand_over()


async def test_what_was_done_by_command_is_logged(
    asked: Command, running: Application, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "roundtable.control"):
        await asked.ask("disconnect", peer="6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    (record,) = [record for record in caplog.records if record.name == "roundtable.control"]
    assert record.message == "a command disconnects"
    assert record.__dict__["fields"]["peer"] == "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert isinstance(record.__dict__["fields"]["user"], int)


# What is no question


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"\n", "Input data was truncated"),
        (b"{\n", "Input data was truncated"),
        (b"[]\n", "Expected `object`, got `array`"),
        (b'{"ask":"password"}\n', "Invalid value 'password' - at `$.ask`"),
        (b'{"ask":"sessions","page":"x"}\n', "Expected `int`, got `str` - at `$.page`"),
        (b'{"ask":"drain","now":true}\n', "Object contains unknown field `now`"),
        (b'{"ask":"disconnect"}\n', "Object missing required field `peer`"),
        (b"\xff\xfe\n", "JSON is malformed"),
        (b"[" * 4_000 + b"\n", "Expected `object`, got `array`"),
        (b'{"ask":"sessions","sort":"password"}\n', "there is no column of this name"),
    ],
)
async def test_what_is_no_question_is_refused_and_the_next_one_answered(line: bytes, why: str, asked: Command) -> None:
    refused = await asked.say(line)
    assert refused["reply"] == "refused"
    assert refused["why"].startswith(why)
    assert (await asked.ask("progress"))["reply"] == "progress"


async def test_a_line_that_is_too_long_ends_the_conversation(asked: Command) -> None:
    refused = await asked.say(b"x" * (MOST_BYTES + 1) + b"\n")
    assert refused == {"reply": "refused", "why": f"a question has at most {MOST_BYTES} bytes"}
    assert await asked.is_hung_up_on()


async def test_a_fault_of_the_desk_is_logged_and_no_end(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Desk):
        def __init__(self) -> None:
            pass

        def sessions(self, query: Query) -> Page[SessionRow]:
            raise ZeroDivisionError

    async with controlled(path, Faulty()), command(path) as asked:
        for _ in range(2):
            assert (await asked.ask("sessions"))["why"] == "the server has made a mistake: see its log"
    assert [record.message for record in caplog.records] == ["a command could not be answered"] * 2


# Clients that do not behave


async def test_one_client_too_many_is_told_so(path: Path, running: Application) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(controlled(path, running.runtime.desk))
        commands = [await stack.enter_async_context(command(path)) for _ in range(MOST_CLIENTS)]
        for asked in commands:
            assert (await asked.ask("progress"))["reply"] == "progress"
        refused = await stack.enter_async_context(command(path))
        assert (await refused.reply())["why"] == "8 commands are connected already"
        assert await refused.is_hung_up_on()
        commands[0].writer.close()
        await commands[0].writer.wait_closed()
        async with command(path) as another:
            assert (await another.ask("progress"))["reply"] == "progress"


async def test_who_asks_nothing_is_hung_up_on(path: Path, running: Application) -> None:
    async with controlled(path, running.runtime.desk, idle_seconds=0.05), command(path) as idle:
        idle.writer.write(b'{"ask":')
        assert await idle.is_hung_up_on()


async def test_who_does_not_read_is_hung_up_on_and_keeps_nobody_waiting(path: Path, running: Application) -> None:
    async with controlled(path, running.runtime.desk, idle_seconds=0.3), command(path) as deaf, running.peer():
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        deaf.writer.write(b'{"ask":"sessions"}\n' * 20_000)
        async with command(path) as asked:
            assert (await asked.ask("progress"))["reply"] == "progress"

        def is_hung_up_on() -> bool:
            deaf.writer.write(b"\n")  # a client that does not read learns of it when it writes
            return deaf.writer.is_closing()

        await until(is_hung_up_on)


# The end


async def test_at_the_end_it_hangs_up_and_its_file_is_gone(path: Path, running: Application) -> None:
    async with controlled(path, running.runtime.desk) as control, command(path) as asked:
        assert (await asked.ask("progress"))["reply"] == "progress"
        await control.close()
        assert await asked.is_hung_up_on()
    assert not is_there(path)


async def test_a_place_that_cannot_be_had_is_one_warning(
    path: Path, running: Application, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(path)
    control = ControlSocket(path, running.runtime.desk)
    for _ in range(3):
        control.open_soon()
    assert not await control.opened()
    await control.close()
    (record,) = caplog.records
    assert record.message == "no control socket: commands cannot reach this server"
    assert is_there(path)


async def test_without_a_path_there_is_none(running: Application) -> None:
    control = ControlSocket(None, running.runtime.desk)
    control.open_soon()
    assert not await control.opened()
    await control.close()


async def test_it_is_opened_by_the_first_scope(path: Path, running: Application) -> None:
    control = ControlSocket(path, running.runtime.desk)
    running.router = Router(running.runtime, None, control)
    assert not is_there(path)
    assert (await running.get("/healthz")).status == 200
    assert await control.opened()
    await control.close()
    assert not is_there(path)
