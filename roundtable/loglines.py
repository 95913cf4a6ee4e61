"""What logs.py is made of: how an event becomes one line, and where lines go. Nothing here raises (R17, T36)."""

import json
import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from signalling.throttle import Bucket

Context = Callable[[], Mapping[str, object]]

_BARE = re.compile(r"[\w.,:;/@+~%()\[\]{}<>|!?*&$#^'-]+", re.ASCII)
_LONGEST_VALUE = 1_000
_LONGEST_TRACEBACK = 16_000


class Lines(logging.Formatter):
    """One line for each record, in ASCII: whatever could break a line or move a terminal's cursor is escaped."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._fields_of_context = context

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return self.line(self._fields(record))

    def line(self, fields: dict[str, object]) -> str:
        """How these fields are written."""
        raise NotImplementedError

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        fields: dict[str, object] = {
            "time": _timestamp(record.created),
            "level": _level(record),
            "logger": record.name,
            "msg": _bounded(_message(record), _LONGEST_VALUE),
        }
        given = {**self._fields_of_context(), **getattr(record, "fields", {})}
        fields |= {name: _plain(value) for name, value in given.items()}
        if record.exc_info and not _is_suspicious(record):
            fields["traceback"] = _bounded(self.formatException(record.exc_info), _LONGEST_TRACEBACK)
        return fields


class TextLines(Lines):
    """`key=value`, quoted as in JSON where it needs to be."""

    def line(self, fields: dict[str, object]) -> str:
        """See Lines."""
        return " ".join(f"{name}={_word(value)}" for name, value in fields.items())


class JSONLines(Lines):
    """One JSON object."""

    def line(self, fields: dict[str, object]) -> str:
        """See Lines."""
        return json.dumps(fields)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a library's own mistake in its format; its text is better than nothing
        return str(record.msg)


def _is_suspicious(record: logging.LogRecord) -> bool:
    """Whether a client is wrong; Django makes an error of it, with a traceback (T39)."""
    return record.name.startswith("django.security.")


def _level(record: logging.LogRecord) -> str:
    if record.levelno >= logging.ERROR and not _is_suspicious(record):
        return "error"
    if record.levelno >= logging.WARNING:
        return "warn"
    return "info" if record.levelno >= logging.INFO else "debug"


def _timestamp(seconds: float) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    try:
        return _bounded(str(value), _LONGEST_VALUE)
    except Exception:  # a log line is no place to fail
        return f"<{type(value).__name__}>"


def _bounded(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + "..."


def _word(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if _BARE.fullmatch(text) else json.dumps(text)


class StreamHandler(logging.Handler):
    """Writes lines to a standard stream, looked up for each, so that it may be replaced."""

    def __init__(self, stream: Callable[[], TextIO | None], formatter: Lines) -> None:
        super().__init__()
        self._stream = stream
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line, or loses it when nobody reads any more."""
        stream = self._stream()
        if stream is None:
            return
        with suppress(OSError, ValueError):  # a closed pipe, a full disk, a closed stream
            stream.write(self.format(record) + "\n")
            stream.flush()


class FileHandler(logging.Handler):
    """Appends lines to a file that is truncated at first; counts those that a full disk swallows, and says so later.

    Each line is one write(2) to a file opened with O_APPEND: whole lines, whoever else appends.
    """

    def __init__(self, path: Path, formatter: Lines) -> None:
        """Raises OSError when the file cannot be opened."""
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o640)
        self._lines = formatter
        self._lost = 0
        self._torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line, or counts it as lost."""
        if self._lost and self._write(self._loss(record)):
            self._lost = 0
        if not self._write(self._lines.format(record)):
            self._lost += 1

    def close(self) -> None:
        """Closes the file."""
        self._file, file = -1, self._file
        if file >= 0:
            os.close(file)
        super().close()

    def _loss(self, record: logging.LogRecord) -> str:
        fields = {"time": _timestamp(record.created), "level": "error", "logger": __name__}
        return self._lines.line({**fields, "msg": "lines of this log were lost", "lines": self._lost})

    def _write(self, line: str) -> bool:
        text = f"\n{line}\n" if self._torn else f"{line}\n"
        try:
            written = os.write(self._file, text.encode("ascii"))
        except OSError:
            return False
        self._torn = written < len(text)
        return not self._torn


class Complaints(logging.Filter):
    """Bounds what Django complains about strangers (bad hosts, missing pages), and counts what it leaves out.

    Exceptions of our own views are never left out.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        super().__init__()
        self._bucket = Bucket(per_second, burst)
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is logged; the next one that is tells how many were not."""
        is_complaint = record.name == "django.request" and not record.exc_info
        if not (is_complaint or _is_suspicious(record)):
            return True
        if self._bucket.take(time.monotonic()):
            self._left_out += 1
            return False
        if self._left_out:
            record.fields = {"left_out": self._left_out}
            self._left_out = 0
        return True
