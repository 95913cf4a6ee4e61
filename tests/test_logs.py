import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from roundtable import logs
from roundtable.loglines import Complaints, JSONLines, StreamHandler, TextLines
from tests.test_commandline import run

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = "a\nb\r\x1b[2J\x00\x7f\x85\u2028\u2029\u202e\ud800"
log = logs.logger("signalling.tests")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes to a log of text lines at level `debug`."""
    stream = io.StringIO()
    yield from _installed(StreamHandler(lambda: stream, TextLines(logs._context.get)), stream)


@pytest.fixture
def written_json() -> Iterator[io.StringIO]:
    """What goes to a log of JSON lines at level `debug`."""
    stream = io.StringIO()
    yield from _installed(StreamHandler(lambda: stream, JSONLines(logs._context.get)), stream)


def _installed(handler: logging.Handler, stream: io.StringIO) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level = root.level
    handler.addFilter(Complaints(per_second=0.001, burst=3))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def line(stream: io.StringIO) -> str:
    """The one line that was written, without its time."""
    (only,) = stream.getvalue().splitlines()
    return only.partition(" ")[2]


# Lines


def test_text_line(written: io.StringIO) -> None:
    log.info("offer delivered", call="6ba7b811", seconds=0.25, held=False, peer=None)
    assert line(written) == (
        'level=info logger=signalling.tests msg="offer delivered" call=6ba7b811 seconds=0.25 held=false peer=null'
    )


def test_json_line(written_json: io.StringIO) -> None:
    log.warning("offer refused", call="6ba7b811", seconds=0.25, held=False, peer=None)
    fields = json.loads(written_json.getvalue())
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "warn",
        "logger": "signalling.tests",
        "msg": "offer refused",
        "call": "6ba7b811",
        "seconds": 0.25,
        "held": False,
        "peer": None,
    }


def test_time_is_utc_in_milliseconds() -> None:
    record = logging.makeLogRecord({"name": "x", "levelno": logging.INFO, "msg": "y", "created": 1767323045.6789})
    assert TextLines(dict).format(record).startswith("time=2026-01-02T03:04:05.678Z ")


@pytest.mark.parametrize("value", ["", "two words", 'a"b', "a=b", "back\\slash"])
def test_text_is_quoted_where_it_must_be(value: str, written: io.StringIO) -> None:
    log.info("event", field=value)
    quoted = line(written).partition("field=")[2]
    assert json.loads(quoted) == value


@pytest.mark.parametrize("place", ["message", "field", "logger's message", "exception"])
def test_t36_one_event_is_one_line_whatever_a_client_sent(
    place: str, written: io.StringIO, written_json: io.StringIO
) -> None:
    match place:
        case "message":
            log.info(HOSTILE)
        case "field":
            log.info("event", name=HOSTILE)
        case "logger's message":
            logging.getLogger("aiohttp").warning("bad line %s", HOSTILE)
        case "exception":
            _fail(HOSTILE)
    for stream in (written, written_json):
        assert stream.getvalue().count("\n") == 1 and stream.getvalue().endswith("\n")
        assert stream.getvalue()[:-1].isascii() and stream.getvalue()[:-1].isprintable()


def _fail(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("it failed")


@given(st.text())
def test_any_text_is_found_again_in_the_json_line(text: str) -> None:
    record = logging.makeLogRecord({"name": "x", "levelno": logging.INFO, "msg": "y", "fields": {"field": text[:500]}})
    assert json.loads(JSONLines(dict).format(record))["field"] == text[:500]


def test_exception_is_in_its_line(written_json: io.StringIO) -> None:
    _fail("the reason")
    fields = json.loads(written_json.getvalue())
    assert fields["level"] == "error"
    assert fields["traceback"].startswith("Traceback (most recent call last):\n")
    assert fields["traceback"].endswith("ValueError: the reason")


def test_long_values_are_cut(written_json: io.StringIO) -> None:
    log.info("m" * 70_000, field="x" * 70_000)
    assert len(written_json.getvalue()) < 2_200


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_what_cannot_be_written_is_named(written: io.StringIO) -> None:
    log.info("event", field=Unspeakable(), ratio=float("nan"))
    assert line(written).endswith("msg=event field=<Unspeakable> ratio=nan")


def test_a_library_that_formats_wrongly_loses_no_line() -> None:
    record = logging.makeLogRecord({"name": "x", "levelno": logging.INFO, "msg": "%d of %d", "args": ("one",)})
    assert TextLines(dict).format(record).endswith('level=info logger=x msg="%d of %d"')


# Fields of the context


def test_context_is_in_every_line_of_its_block(written: io.StringIO) -> None:
    with logs.context(connection="8f3a"):
        log.info("opened", call="1")
        logging.getLogger("django.request").error("it failed")
    log.info("afterwards")
    assert [row.partition("msg=")[2] for row in written.getvalue().splitlines()] == [
        "opened connection=8f3a call=1",
        '"it failed" connection=8f3a',
        "afterwards",
    ]


def test_own_fields_win_over_the_context(written: io.StringIO) -> None:
    with logs.context(connection="8f3a"):
        log.info("delivered", connection="77aa")
    assert line(written).endswith("msg=delivered connection=77aa")


async def test_bound_fields_stay_in_their_task(written: io.StringIO) -> None:
    import asyncio

    async def serve(connection: str, opened: asyncio.Event, other: asyncio.Event) -> None:
        logs.bind(connection=connection)
        opened.set()
        await other.wait()
        log.info("served")

    first, second = asyncio.Event(), asyncio.Event()
    await asyncio.gather(serve("8f3a", first, second), serve("77aa", second, first))
    log.info("afterwards")
    rows = sorted(row.partition("msg=")[2] for row in written.getvalue().splitlines() if "signalling" in row)
    assert rows == ["afterwards", "served connection=77aa", "served connection=8f3a"]


# Levels


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("none", ""),
        ("error", "error"),
        ("warn", "error warn"),
        ("info", "error warn info"),
        ("debug", "error warn info debug"),
    ],
)
def test_level_is_the_least_severe_that_is_written(level: str, heard: str, written: io.StringIO) -> None:
    logging.getLogger().setLevel(logs.LEVELS[level])
    log.error("error")
    log.warning("warn")
    log.info("info")
    log.debug("debug")
    logging.getLogger("other").critical("critical")
    rows = [row.rpartition("msg=")[2] for row in written.getvalue().splitlines()]
    assert rows == ([*heard.split(), "critical"] if heard else [])


def test_level_that_is_off_costs_no_text(written: io.StringIO) -> None:
    logging.getLogger().setLevel(logging.INFO)
    log.debug("event", field=Unspeakable())
    assert written.getvalue() == ""


@pytest.mark.parametrize("name", ["django.db.backends", "django.template", "asyncio"])
def test_debug_lines_of_libraries_that_know_secrets_are_never_written(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("name", ["uvicorn.error", "uvicorn.access"])
def test_of_a_server_program_that_knows_secrets_only_warnings_are_written(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    assert logging.getLogger(name).isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("name", ["django", "django.server", "daphne", "uvicorn.access", "twisted"])
def test_other_loggers_have_no_way_out_of_their_own(name: str) -> None:
    assert (logging.getLogger(name).handlers, logging.getLogger(name).propagate) == ([], True)


# Django's complaints about clients


def test_t39_foreign_host_is_one_line_without_a_traceback(written: io.StringIO) -> None:
    assert Client().get("/", headers={"host": "evil.example"}).status_code == 400
    (row,) = [row for row in written.getvalue().splitlines() if "DisallowedHost" in row]
    assert "level=warn logger=django.security.DisallowedHost" in row
    assert "evil.example" in row and "Traceback" not in written.getvalue()


# Which process opens the file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def messages(file: Path) -> list[Any]:
    return [json.loads(row)["msg"] for row in file.read_text().splitlines()]


SERVE = """
import django, sys
django.setup()
from roundtable import logs
logs.start_serving()
logs.start_serving()
log = logs.logger("signalling")
log.info("first")
print("ready", flush=True)
sys.stdin.readline()
log.info("last")
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text("logfile: server.log\n")
    return file


def serving(config: Path, script: str = SERVE) -> subprocess.Popen[str]:
    """A process that serves, as far as the log is concerned, until it gets a line."""
    environ = {**os.environ, "ROUNDTABLE_CONFIG": str(config), "DJANGO_SETTINGS_MODULE": "roundtable.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_migrate_beside_a_running_server_leaves_its_log_alone(config: Path, file: Path) -> None:
    with serving(config) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        migrated = run("manage.py", "migrate", "--configFilePath", str(config))
        server.communicate("\n", timeout=20)
    assert migrated.returncode == 0
    assert (config.parent / "roundtable.sqlite3").exists()
    assert messages(file) == ["first", "last"]


def test_commands_do_not_make_the_file(config: Path, file: Path) -> None:
    assert run("manage.py", "check", "--configFilePath", str(config)).returncode == 0
    assert not file.exists()


def test_serving_process_writes_to_the_file_only(config: Path, file: Path) -> None:
    file.write_text("yesterday\n")
    with serving(config) as server:
        output, errors = server.communicate("\n", timeout=20)
    assert (output, errors, messages(file)) == ("ready\n", "", ["first", "last"])


def test_without_a_file_a_serving_process_writes_text_to_standard_output(config: Path) -> None:
    config.write_text("")
    with serving(config) as server:
        output, errors = server.communicate("\n", timeout=20)
    first, last = (row for row in output.splitlines() if "logger=signalling " in row)
    assert first.endswith("level=info logger=signalling msg=first")
    assert last.endswith("level=info logger=signalling msg=last")
    assert errors == ""


def test_level_none_writes_nothing_anywhere(config: Path, file: Path) -> None:
    config.write_text("logfile: server.log\nloglevel: none\n")
    with serving(config) as server:
        output, errors = server.communicate("\n", timeout=20)
    assert (output, errors, file.exists()) == ("ready\n", "", False)


def test_warnings_about_the_configuration_are_in_the_servers_log_too(config: Path, file: Path) -> None:
    config.write_text("logfile: server.log\nlocl_port: 5\n")
    with serving(config) as server:
        _, errors = server.communicate("\n", timeout=20)
    assert len(errors.splitlines()) == 1
    assert messages(file)[0] == f"{config}: locl_port: unknown key, ignored; did you mean localport?"


# A log that nobody reads

FLOOD = """
import django, sys
django.setup()
from roundtable import logs
logs.start_serving()
log = logs.logger("roundtable")  # what peers do is bounded
for number in range(20_000):
    log.info("event", number=number)
print("flooded", file=sys.stderr, flush=True)
sys.stdin.readline()
log.info("event", number=20_000)
"""
LOST = "lines of this log were lost"


def numbers_and_lost(output: str) -> tuple[list[int], int]:
    """Which events came through, and how many are said to be lost."""
    rows = output.splitlines()
    numbers = [int(row.rpartition("number=")[2]) for row in rows if "msg=event" in row]
    lost = sum(int(row.rpartition("lines=")[2]) for row in rows if LOST in row)
    return numbers, lost


def test_process_whose_output_nobody_reads_goes_on_and_ends_in_time(config: Path) -> None:
    config.write_text("")
    with serving(config, FLOOD) as server:
        assert server.stdin is not None and server.stdout is not None and server.stderr is not None
        assert server.stderr.readline() == "flooded\n"
        server.stdin.close()
        assert server.wait(timeout=10) == 0
        numbers, _ = numbers_and_lost(server.stdout.read().rpartition("\n")[0])
        assert server.stderr.read() == ""
    assert 0 < len(numbers) < 10_000
    assert numbers == list(range(len(numbers)))


def test_output_that_is_read_again_has_all_lines_in_order_or_says_how_many_are_lost(config: Path) -> None:
    config.write_text("")
    with serving(config, FLOOD) as server:
        assert server.stderr is not None
        assert server.stderr.readline() == "flooded\n"
        output, _ = server.communicate("\n", timeout=20)
    numbers, lost = numbers_and_lost(output)
    assert numbers == sorted(set(numbers))
    assert lost > 0 and len(numbers) + lost == 20_001


def test_lines_just_before_the_end_are_there(config: Path, file: Path) -> None:
    with serving(config, SERVE + "for number in range(1_000): log.info('event', number=number)") as server:
        server.communicate("\n", timeout=20)
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    assert [row["number"] for row in rows if row["msg"] == "event"] == list(range(1_000))


def test_lines_have_the_fields_of_the_thread_that_logs(config: Path, file: Path) -> None:
    with serving(config, SERVE + "with logs.context(connection='8f3a'): log.info('event')") as server:
        server.communicate("\n", timeout=20)
    assert json.loads(file.read_text().splitlines()[-1])["connection"] == "8f3a"


FORK = """
import os
if not os.fork():
    log.info("of the child")
    logs.logging.shutdown()
    os._exit(0)
os.wait()
log.info("of the parent")
"""


def test_child_of_a_fork_logs_as_well(config: Path, file: Path) -> None:
    with serving(config, SERVE + FORK) as server:
        server.communicate("\n", timeout=20)
    ours = [message for message in messages(file) if "fork()" not in message]  # Python 3.12 warns of it
    ours.remove("of the child")  # of the lines of two processes, either may come first
    assert ours == ["first", "last", "of the parent"]


TWO_FLOODS = """
for name in ("signalling", "signalling.refusals"):
    flooding = logs.logger(name)
    for number in range(10_000):
        flooding.info("flood", number=number)
"""


def test_t36_a_process_that_serves_leaves_a_flood_out(config: Path, file: Path) -> None:
    with serving(config, SERVE + TWO_FLOODS) as server:
        server.communicate("\n", timeout=20)
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    for name, at_once in (("signalling", 5_000), ("signalling.refusals", 50)):
        of_flood = [row for row in rows if row["msg"] == "flood" and row["logger"] == name]
        assert [row["number"] for row in of_flood[:at_once]] == list(range(at_once))
        assert len(of_flood) < at_once * 1.5


@pytest.mark.parametrize(
    "server",
    [
        ["manage.py", "serve"],
        ["-m", "daphne", "-p", "0", "roundtable.asgi:application"],
        ["-m", "uvicorn", "--port", "0", "roundtable.asgi:application"],
    ],
    ids=["serve", "daphne", "uvicorn"],
)
def test_r18_a_log_that_cannot_be_opened_ends_a_server_with_status_1_and_one_line(
    server: list[str], config: Path
) -> None:
    config.write_text("localport: 0\nlogfile: none/server.log\n")
    ended = run(*server, environment={"ROUNDTABLE_CONFIG": str(config)})
    assert ended.returncode == 1
    assert ended.stderr == (
        f"logfile: {config.parent}/none/server.log cannot be opened for writing: No such file or directory\n"
    )


def test_r18_a_log_that_is_a_directory_ends_it_alike(config: Path, tmp_path: Path) -> None:
    config.write_text("localport: 0\nlogfile: logs\n")
    (tmp_path / "logs").mkdir()
    ended = run("manage.py", "serve", environment={"ROUNDTABLE_CONFIG": str(config)})
    assert ended.returncode == 1
    assert ended.stderr == f"logfile: {tmp_path}/logs cannot be opened for writing: Is a directory\n"
