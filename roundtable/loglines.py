"""What logs.py is made of: how an event becomes one line, and where lines go. Nothing here raises (R17, T36)."""

import json
import logging
import math
import os
import re
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Self, TextIO

from signalling.throttle import Bucket

Context = Callable[[], Mapping[str, object]]

_BARE = re.compile(r"[\w.,:;/@+~%()\[\]{}<>|!?*&$#^'-]+", re.ASCII)
_LONGEST_VALUE = 1_000
_LONGEST_TRACEBACK = 16_000
_ROOM = 10_000
"""Lines that wait to be written; some megabytes."""
_BATCH = 1_024
"""Lines in one write."""
_GATHER_SECONDS = 0.02
"""How long a line waits for others to be written with it: to wake the thread for each costs more than the line."""
_LAST_SECONDS = 1.0
"""How long the end of the process may wait for the last lines to be written."""


class Lines(ABC, logging.Formatter):
    """One line for each record, in ASCII: whatever could break a line or move a terminal's cursor is escaped."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._fields_of_context = context

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        own = getattr(record, "fields", {})
        fields = self._fields(record.created, _level(record), record.name, _message(record), own)
        if record.exc_info and not _is_complaint(record):
            fields["traceback"] = _bounded(self.formatException(record.exc_info), _LONGEST_TRACEBACK)
        return self.line(fields)

    def event(self, seconds: float, logger: str, message: str, own: Mapping[str, object]) -> str:
        """The same of an event at `info` that has no record: to make one takes longer than all the rest."""
        return self.line(self._fields(seconds, "info", logger, message, own))

    @abstractmethod
    def line(self, fields: dict[str, object]) -> str:
        """How these fields are written."""

    def _fields(
        self, seconds: float, level: str, logger: str, message: str, own: Mapping[str, object]
    ) -> dict[str, object]:
        fields: dict[str, object] = {
            "time": _timestamp(seconds),
            "level": level,
            "logger": logger,
            "msg": _bounded(message, _LONGEST_VALUE),
        }
        for name, value in {**self._fields_of_context(), **own}.items():
            fields[name] = _plain(value)
        return fields


class TextLines(Lines):
    """`key=value`, quoted as in JSON where it needs to be."""

    def line(self, fields: dict[str, object]) -> str:
        """See Lines."""
        return " ".join([f"{name}={_word(value)}" for name, value in fields.items()])


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


def _is_complaint(record: logging.LogRecord) -> bool:
    """Whether strangers decide how often this is logged."""
    if record.name == "django.request":
        status: int = getattr(record, "status_code", 500 if record.exc_info else 400)
        return status < 500
    return is_about_clients(record.name) or _is_suspicious(record)


def _is_event(record: logging.LogRecord) -> bool:
    """Whether it tells what peers do: the more of them and the busier they are, the more often."""
    return is_about_peers(record.name) and record.levelno <= logging.INFO


def is_about_clients(logger: str) -> bool:
    """Whether all that this logger of ours says is about what a client did wrong."""
    return logger.endswith(".refusals")


def is_about_peers(logger: str) -> bool:
    """Whether what this logger of ours says at `info` is what peers do."""
    return logger == "signalling"


def _level(record: logging.LogRecord) -> str:
    if record.levelno >= logging.ERROR and not _is_suspicious(record):
        return "error"
    if record.levelno >= logging.WARNING:
        return "warn"
    return "info" if record.levelno >= logging.INFO else "debug"


def _timestamp(seconds: float) -> str:
    """RFC 3339, in UTC."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    """Most lines come in the same second as the one before."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _plain(value: object) -> object:
    if type(value) is str:
        return _bounded(value, _LONGEST_VALUE)
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
    return text if _BARE.fullmatch(text) else encode_basestring_ascii(text)


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


class LineFile:
    """An open file to which whole lines are appended, several in one write(2); a descriptor of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._torn = False

    @classmethod
    def emptied(cls, path: Path) -> Self:
        """The file of this name, empty, made when there is none. Raises OSError when it cannot be opened."""
        return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o640))

    @classmethod
    def standard_output(cls) -> Self:
        """Standard output, without Python's buffer: a thread that is stuck in that one would hold up the exit."""
        with suppress(AttributeError, OSError, ValueError):  # a process may have none
            return cls(os.dup(sys.__stdout__.fileno()))  # type: ignore[union-attr]
        return cls(os.open(os.devnull, os.O_WRONLY))

    def write(self, lines: Sequence[str]) -> int:
        """Appends these, as long as it takes, and says how many of them, from the first, could be written whole."""
        start = "\n" if self._torn else ""
        text = (start + "".join(f"{line}\n" for line in lines)).encode("ascii")
        written = self._append(text)
        if written:
            self._torn = not text[:written].endswith(b"\n")
        return text[len(start) : written].count(b"\n")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _append(self, text: bytes) -> int:
        written = 0
        with suppress(OSError):  # a full disk, a closed pipe
            while written < len(text):
                written += os.write(self._descriptor, text[written:])
        return written


class _Queued(NamedTuple):
    """A line on its way to the thread that writes it; None is the end of all."""

    created: float
    line: str | None
    dropped: int
    """Lines before this one for which there was no room."""


class QueueHandler(logging.Handler):
    """Hands lines to a thread that writes them, so that a stuck pipe or disk stops nobody who logs.

    Lines that find no room, and those that cannot be written, are counted; the next that is written tells how many.
    The thread starts with the first line, and again with the first after a fork.
    """

    def __init__(self, file: LineFile, formatter: Lines, room: int = _ROOM) -> None:
        super().__init__()
        self._file = file
        self._lines = formatter
        self._room = room
        self._queue: SimpleQueue[_Queued] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._lost = 0
        """What the thread could not write, or has not told yet."""
        self._closed = False
        self._is_ending = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Queues one line, or counts it as lost; never waits."""
        if self._has_room():
            self._put(record.created, self._lines.format(record))

    def enter(self, logger: str, message: str, fields: Mapping[str, object]) -> None:
        """The same of an event at `info` that has no record."""
        if self._has_room():
            now = time.time()
            self._put(now, self._lines.event(now, logger, message, fields))

    def _has_room(self) -> bool:
        if self._closed:
            return False
        if not self._has_thread() or self._queue.qsize() >= self._room:
            self._dropped += 1
            return False
        return True

    def _put(self, created: float, line: str) -> None:
        self._queue.put(_Queued(created, line, self._dropped))
        self._dropped = 0

    def close(self) -> None:
        """Waits until all is written, for a second at most; logging does this when the process ends."""
        if not self._closed:
            self._closed = True
            self._end()
        super().close()

    def _end(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._file.close()
            return
        self._queue.put(_Queued(time.time(), None, self._dropped))
        self._is_ending.set()
        self._thread.join(_LAST_SECONDS)

    def _has_thread(self) -> bool:
        if self._thread is not None and self._thread.is_alive():
            return True
        # After a fork, what is in the old queue is for the parent to write, and the old event's lock may be held.
        self._queue, self._is_ending = SimpleQueue(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._queue,), name="log", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system has no thread left; perhaps for the next line
            return False
        return True

    def _run(self, queue: SimpleQueue[_Queued]) -> None:
        while self._write(self._next_batch(queue)):  # and nobody keeps it: the next may be long in coming
            pass
        self._file.close()

    def _next_batch(self, queue: SimpleQueue[_Queued]) -> list[_Queued]:
        """What is in the queue, soon after there is something.

        A batch, for each write gives up the interpreter's lock, which a busy thread keeps for 5 ms at a time.
        """
        batch = [queue.get()]
        self._is_ending.wait(_GATHER_SECONDS)
        with suppress(Empty):
            while len(batch) < _BATCH and batch[-1].line is not None:
                batch.append(queue.get_nowait())
        return batch

    def _write(self, batch: Sequence[_Queued]) -> bool:
        """Whether more is to come."""
        lines: list[tuple[str, int]] = []  # each with the number of events that are lost with it
        for created, line, dropped in batch:
            lost, self._lost = self._lost + dropped, 0
            if lost:
                lines.append((self._loss(created, lost), lost))
            if line is not None:
                lines.append((line, 1))
        whole = self._file.write([line for line, _ in lines])
        self._lost = sum(events for _, events in lines[whole:])
        return batch[-1].line is not None

    def _loss(self, created: float, lost: int) -> str:
        fields = {"time": _timestamp(created), "level": "error", "logger": __name__}
        return self._lines.line({**fields, "msg": "lines of this log were lost", "lines": lost})


class Complaints(logging.Filter):
    """Bounds what is logged of strangers' mistakes, and counts what it leaves out.

    These are Django's complaints (bad hosts, missing pages), and all that a logger named `*.refusals` says. Exceptions
    of our own views are never left out.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        super().__init__()
        self._bucket = Bucket(per_second, burst)
        self._left_out = 0

    concerns = staticmethod(_is_complaint)
    """Which records it bounds."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is logged; the next one that is tells how many were not."""
        if not self.concerns(record):
            return True
        fields = getattr(record, "fields", {})
        admitted = self.admit(fields)
        if admitted is None:
            return False
        if admitted is not fields:
            record.fields = admitted
        return True

    def admit(self, fields: dict[str, object]) -> dict[str, object] | None:
        """What is to be logged of one line more with these fields; None when it is left out."""
        if self._bucket.take(time.monotonic()):
            self._left_out += 1
            return None
        if not self._left_out:
            return fields
        left_out, self._left_out = self._left_out, 0
        return {**fields, "left_out": left_out}


class Events(Complaints):
    """Bounds what is logged of peers' comings, goings and calls.

    Nothing is wrong with these, but who only connects, joins and leaves, again and again, could fill a disk with them.
    """

    concerns = staticmethod(_is_event)
