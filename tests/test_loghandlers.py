import errno
import io
import json
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from roundtable import logs
from roundtable.loglines import Complaints, Events, JSONLines, LineFile, QueueHandler, StreamHandler, TextLines
from tests.waiting import until


def record(message: str) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "signalling", "levelno": logging.INFO, "msg": message})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


# The file


@pytest.fixture
def file(path: Path) -> Iterator[LineFile]:
    file = LineFile.emptied(path)
    yield file
    file.close()


def disk_with_room_for(octets: int) -> Callable[[int, bytes], int]:
    """An os.write to a disk that fills up."""
    write = os.write
    room = [octets]

    def filling(file: int, text: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(file, text[: room[0]])
        room[0] -= written
        return written

    return filling


def test_file_is_emptied_when_it_is_opened(path: Path) -> None:
    path.write_text("yesterday\n")
    file = LineFile.emptied(path)
    assert file.write(["today"]) == 1
    file.close()
    assert path.read_text() == "today\n"


def test_log_is_not_for_everybody(file: LineFile, path: Path) -> None:
    assert path.stat().st_mode & 0o007 == 0


def test_full_disk_raises_nothing() -> None:
    file = LineFile.emptied(Path("/dev/full"))
    assert file.write(["lost", "lost too"]) == 0
    file.close()


@pytest.mark.parametrize(("room", "whole"), [(0, 0), (3, 0), (6, 1), (8, 1), (18, 3)])
def test_only_whole_lines_count_as_written(
    room: int, whole: int, file: LineFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", disk_with_room_for(room))
    assert file.write(["first", "second"[:5], "third"]) == whole


def test_torn_line_spoils_no_other(file: LineFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", disk_with_room_for(8))
        assert file.write(["first", "torn"]) == 1
        assert file.write(["lost"]) == 0
    assert file.write(["last"]) == 1
    assert path.read_text() == "first\nto\nlast\n"


def test_line_that_is_written_in_pieces_is_whole(file: LineFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:3]))
    assert file.write(["first", "last"]) == 2
    assert path.read_text() == "first\nlast\n"


# The thread that writes


class Stalled(LineFile):
    """A file on a disk that is stuck until it is released."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.is_written_to = threading.Event()
        self.released = threading.Event()

    def write(self, lines: Sequence[str]) -> int:
        """Waits to be released."""
        self.is_written_to.set()
        assert self.released.wait(20)
        return super().write(lines)


@pytest.fixture
def stalled(path: Path) -> Iterator[Stalled]:
    file = Stalled.emptied(path)
    yield file
    file.released.set()


def emit(handler: logging.Handler, *events: str) -> None:
    for event in events:
        handler.emit(record(event))


def emit_and_get_stuck(handler: logging.Handler, file: Stalled, event: str) -> None:
    """This event is the one that is being written from here on."""
    file.is_written_to.clear()
    emit(handler, event)
    assert file.is_written_to.wait(20)


def events(path: Path) -> list[Any]:
    """The events in a log, and for lost lines how many these were."""
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    return [row["lines"] if row["msg"] == "lines of this log were lost" else row["msg"] for row in rows]


def test_lines_are_written_in_order_and_to_the_last(path: Path) -> None:
    handler = QueueHandler(LineFile.emptied(path), JSONLines(dict))
    emit(handler, *map(str, range(2_000)))
    handler.close()
    assert events(path) == [str(number) for number in range(2_000)]


class Watched(str):
    """A line of which it shows whether anybody holds it."""


async def test_nobody_holds_a_line_that_is_written(path: Path) -> None:
    lines: list[weakref.ref[Watched]] = []

    class Watching(JSONLines):
        def format(self, record: logging.LogRecord) -> str:
            line = Watched(super().format(record))
            lines.append(weakref.ref(line))
            return line

    handler = QueueHandler(LineFile.emptied(path), Watching(dict))
    emit(handler, "the last for a while")
    await until(lambda: lines[0]() is None)
    handler.close()
    assert events(path) == ["the last for a while"]


def test_event_reads_the_same_with_and_without_a_record() -> None:
    own = {"call": "6ba7b811", "reason": "a reason", "peer": None, "seconds": 0.25}
    fields = {"name": "signalling", "levelno": logging.INFO, "msg": "call offered", "created": 1.5, "fields": own}
    for lines in (TextLines(lambda: {"connection": "8f3a"}), JSONLines(lambda: {"connection": "8f3a"})):
        assert lines.event(1.5, "signalling", "call offered", own) == lines.format(logging.makeLogRecord(fields))


def test_events_without_a_record_are_counted_when_there_is_no_room(stalled: Stalled, path: Path) -> None:
    handler = QueueHandler(stalled, JSONLines(dict), room=1)
    emit_and_get_stuck(handler, stalled, "being written")
    for event in ("waiting", "lost", "lost too"):
        handler.enter("signalling", event, {})
    stalled.released.set()
    handler.close()
    handler.enter("signalling", "too late", {})
    assert events(path) == ["being written", "waiting", 2]


def test_stuck_disk_stops_nobody_and_what_finds_no_room_is_counted(stalled: Stalled, path: Path) -> None:
    handler = QueueHandler(stalled, JSONLines(dict), room=2)
    emit_and_get_stuck(handler, stalled, "being written")
    emit(handler, "waiting", "waiting too", "lost", "lost too", "lost as well")
    stalled.released.set()
    handler.close()
    assert events(path) == ["being written", "waiting", "waiting too", 3]


def test_next_line_that_finds_room_says_how_many_did_not(stalled: Stalled, path: Path) -> None:
    handler = QueueHandler(stalled, JSONLines(dict), room=1)
    emit_and_get_stuck(handler, stalled, "being written")
    emit(handler, "waiting", "lost", "lost too")
    stalled.is_written_to.clear()
    stalled.released.set()
    assert stalled.is_written_to.wait(20)
    emit(handler, "last")
    handler.close()
    assert events(path) == ["being written", "waiting", 2, "last"]


class Full(LineFile):
    """A file on a disk that is full for some writes."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.refusals = 0
        self.is_refused = threading.Event()

    def write(self, lines: Sequence[str]) -> int:
        """Writes nothing as long as there are refusals left."""
        if not self.refusals:
            return super().write(lines)
        self.refusals -= 1
        self.is_refused.set()
        return 0


@pytest.mark.parametrize("refusals", [1, 3])
def test_lines_that_a_full_disk_swallows_are_counted_when_there_is_room_again(refusals: int, path: Path) -> None:
    file = Full.emptied(path)
    file.refusals = refusals
    handler = QueueHandler(file, JSONLines(dict))
    for _ in range(refusals):
        file.is_refused.clear()
        emit(handler, "lost")
        assert file.is_refused.wait(20)
    emit(handler, "last")
    handler.close()
    assert events(path) == [refusals, "last"]


def test_stuck_disk_does_not_hold_up_the_end(stalled: Stalled, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roundtable.loglines._LAST_SECONDS", 0.01)
    handler = QueueHandler(stalled, JSONLines(dict))
    emit_and_get_stuck(handler, stalled, "being written")
    handler.close()
    assert not stalled.released.is_set() and path.read_text() == ""


def test_nothing_is_written_after_the_end(path: Path) -> None:
    handler = QueueHandler(LineFile.emptied(path), JSONLines(dict))
    emit(handler, "last")
    handler.close()
    emit(handler, "too late")
    handler.close()
    assert events(path) == ["last"]


def test_handler_without_lines_has_no_thread(path: Path) -> None:
    before = threading.active_count()
    QueueHandler(LineFile.emptied(path), JSONLines(dict)).close()
    assert threading.active_count() == before


def test_system_without_a_thread_to_spare_loses_lines_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = QueueHandler(LineFile.emptied(path), JSONLines(dict))
    with monkeypatch.context() as busy:
        busy.setattr(threading.Thread, "start", _no_thread)
        emit(handler, "lost", "lost too")
    emit(handler, "last")
    handler.close()
    assert events(path) == [2, "last"]


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_stream_that_nobody_reads_raises_nothing() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    closed = io.StringIO()
    closed.close()
    for stream in (Broken(), closed, None):
        StreamHandler(lambda stream=stream: stream, TextLines(dict)).emit(record("lost"))  # type: ignore[misc]


# Strangers' mistakes


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("django.request", logging.WARNING),
        ("django.security.DisallowedHost", logging.ERROR),
        ("signalling.refusals", logging.INFO),
        ("signalling.refusals", logging.ERROR),
    ],
)
def test_t36_complaints_are_no_flood_and_the_next_tells_how_many_were_left_out(
    name: str, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("roundtable.loglines.time.monotonic", lambda: now[0])
    complaints = Complaints(per_second=1, burst=2)

    def complain() -> logging.LogRecord | None:
        record = logging.makeLogRecord({"name": name, "levelno": level, "msg": "refused", "fields": {"path": "/x"}})
        return record if complaints.filter(record) else None

    assert [complain() is None for _ in range(5)] == [False, False, True, True, True]
    now[0] = 1.0
    record = complain()
    assert record is not None and vars(record)["fields"] == {"path": "/x", "left_out": 3}


def test_django_says_how_many_were_left_out_though_it_knows_no_fields() -> None:
    complaints = Complaints(per_second=1_000_000, burst=1)
    complaints._left_out = 3
    record = logging.makeLogRecord({"name": "django.request", "levelno": logging.WARNING, "msg": "Not Found: /x"})
    assert complaints.filter(record) and vars(record)["fields"] == {"left_out": 3}


def test_t36_who_only_comes_and_goes_does_not_flood_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roundtable.loglines.time.monotonic", lambda: 0.0)
    events = Events(per_second=1, burst=3)

    def logged(name: str, level: int) -> int:
        record = {"name": name, "levelno": level, "msg": "session opened"}
        return sum(bool(events.filter(logging.makeLogRecord(record))) for _ in range(10))

    assert logged("signalling", logging.INFO) == 3
    assert logged("signalling", logging.WARNING) == 10
    assert logged("signalling", logging.ERROR) == 10
    assert logged("roundtable.server", logging.INFO) == 10


def test_t36_every_way_out_of_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    handler = logging.NullHandler()
    logs._install(handler)
    assert [type(bound) for bound in handler.filters] == [Complaints, Events]


def test_faults_of_our_own_are_never_left_out() -> None:
    complaints = Complaints(per_second=0.001, burst=1)
    own = {"name": "signalling", "levelno": logging.ERROR, "msg": "it failed"}
    page = {**own, "name": "django.request", "exc_info": (ValueError, ValueError(), None)}
    assert all(complaints.filter(logging.makeLogRecord(fields)) for fields in [own, page] * 20)
