import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roundtable.loglines import Complaints, FileHandler, JSONLines, StreamHandler, TextLines

# The file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def record(message: str) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "signalling", "levelno": logging.INFO, "msg": message})


def messages(file: Path) -> list[Any]:
    return [json.loads(row)["msg"] for row in file.read_text().splitlines()]


@pytest.fixture
def handler(file: Path) -> Iterator[FileHandler]:
    handler = FileHandler(file, JSONLines(dict))
    yield handler
    handler.close()


def test_file_is_emptied_when_it_is_opened(file: Path) -> None:
    file.write_text("yesterday\n")
    handler = FileHandler(file, JSONLines(dict))
    handler.emit(record("today"))
    handler.close()
    assert messages(file) == ["today"]


def test_log_is_not_for_everybody(handler: FileHandler, file: Path) -> None:
    assert file.stat().st_mode & 0o007 == 0


def test_full_disk_raises_nothing() -> None:
    handler = FileHandler(Path("/dev/full"), JSONLines(dict))
    for _ in range(3):
        handler.emit(record("lost"))
    handler.close()


def test_lost_lines_are_counted_when_there_is_room_again(
    handler: FileHandler, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler.emit(record("first"))
    with monkeypatch.context() as full:
        full.setattr(os, "write", _no_space)
        handler.emit(record("lost"))
        handler.emit(record("lost too"))
    handler.emit(record("last"))
    assert messages(file) == ["first", "lines of this log were lost", "last"]
    assert json.loads(file.read_text().splitlines()[1])["lines"] == 2


def test_torn_line_spoils_no_other(handler: FileHandler, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with monkeypatch.context() as filling:
        filling.setattr(os, "write", lambda file, text: write(file, text[:10]))
        handler.emit(record("torn"))
    handler.emit(record("last"))
    whole = [row for row in file.read_text().splitlines() if row.endswith("}")]
    assert [json.loads(row)["msg"] for row in whole] == ["lines of this log were lost", "last"]


def _no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_stream_that_nobody_reads_raises_nothing() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    closed = io.StringIO()
    closed.close()
    for stream in (Broken(), closed, None):
        StreamHandler(lambda stream=stream: stream, TextLines(dict)).emit(record("lost"))  # type: ignore[misc]


# Django's complaints about clients


def test_complaints_are_no_flood_and_the_next_tells_how_many_were_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("roundtable.loglines.time.monotonic", lambda: now[0])
    complaints = Complaints(per_second=1, burst=2)

    def complain() -> logging.LogRecord | None:
        record = logging.makeLogRecord({"name": "django.request", "levelno": logging.WARNING, "msg": "Not Found: /x"})
        return record if complaints.filter(record) else None

    assert [complain() is None for _ in range(5)] == [False, False, True, True, True]
    now[0] = 1.0
    record = complain()
    assert record is not None and vars(record)["fields"] == {"left_out": 3}


def test_faults_of_our_own_are_never_left_out() -> None:
    complaints = Complaints(per_second=0.001, burst=1)
    own = {"name": "signalling", "levelno": logging.ERROR, "msg": "it failed"}
    page = {**own, "name": "django.request", "exc_info": (ValueError, ValueError(), None)}
    assert all(complaints.filter(logging.makeLogRecord(fields)) for fields in [own, page] * 20)
