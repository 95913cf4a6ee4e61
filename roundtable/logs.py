"""Logging: one event is one line, with its fields; to standard output as text, or to `logfile` as JSON.

Every process logs to standard error until it calls `start_serving`, which only those do that serve (importing
roundtable.asgi is what makes a process one): it opens and truncates `logfile`. So `migrate` and the like, run beside a
server, leave its log alone.

    log = logs.logger(__name__)
    with logs.context(connection=connection_id):     # in every line of this task, Django's own lines included
        log.info("offer delivered", call=call_id)    # SDP, candidates, tokens and passwords are never fields

A level that is off costs one look-up. What strangers do wrong is logged by a logger named `*.refusals`, of which a
flood is left out. In a process that serves, a thread writes the lines: a disk or a pipe that is full, stuck or closed
loses lines, which are counted, and neither raises nor holds anybody up.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypedDict

from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from roundtable.loglines import (
    Complaints,
    Events,
    JSONLines,
    LineFile,
    QueueHandler,
    StreamHandler,
    TextLines,
    is_about_clients,
    is_about_peers,
)
from roundtable.mistakes import shown_path

LEVELS = {
    "none": logging.CRITICAL + 1,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}

_REROUTED = ("django", "django.server", "daphne", "twisted", "uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers to which Django and the servers attach handlers of their own, which write more than a line an event."""
_QUIET = ("django.db.backends", "django.template", "asyncio")
"""Loggers whose debug lines are for their own authors; those of the database hold password hashes and session keys."""
_SILENT = ("uvicorn.error", "uvicorn.access")
"""Loggers of which only warnings are written: uvicorn (0.54) logs the beginning and the end of every frame at `debug`,
passwords and descriptions included, and every path with its query at `info`. What is worth a line has one of ours."""
_COMPLAINTS_PER_SECOND, _COMPLAINTS_AT_ONCE = 5, 50
"""About clients, our own and Django's: what strangers may make us log."""
_EVENTS_PER_SECOND, _EVENTS_AT_ONCE = 200, 5_000
"""Of peers: more than a busy server has, and no more than 3 GB a day. Two thousand peers may come at once."""
_context: ContextVar[Mapping[str, object]] = ContextVar("roundtable.logs", default={})  # noqa: B039


class Settings(TypedDict):
    """Django's LOGGING, for `configure`."""

    level: str
    file: Path | None
    notices: tuple[str, ...]
    warnings: tuple[str, ...]


class Logger:
    """A named logger whose events carry fields; fields of the context come first and give way to the event's own."""

    __slots__ = ("_kind", "_logger")

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._kind = Events if is_about_peers(name) else Complaints if is_about_clients(name) else None

    def debug(self, event: str, /, **fields: object) -> None:
        """What somebody who hunts a fault wants to see."""
        if self._logger.isEnabledFor(logging.DEBUG):
            self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """What an operator wants to see of a service that works."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if self._kind in _bounds and _way_out is not None:
            self._enter(_way_out, _bounds[self._kind], event, fields)
        else:
            self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Something that an operator may have to look at."""
        if self._logger.isEnabledFor(logging.WARNING):
            self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Something that did not work and should have."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._write(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """As `error`, with the exception that is being handled."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._write(logging.ERROR, event, fields, exc_info=True)

    def _write(self, level: int, event: str, fields: dict[str, object], *, exc_info: bool = False) -> None:
        self._logger.log(level, event, extra={"fields": fields}, exc_info=exc_info)

    def _enter(self, way_out: QueueHandler, bound: Complaints, event: str, fields: dict[str, object]) -> None:
        """Most of what a busy server could log is left out, so that is asked before anything is made."""
        admitted = bound.admit(fields)
        if admitted is not None:
            way_out.enter(self._logger.name, event, admitted)


def logger(name: str) -> Logger:
    """The logger of a module: `logs.logger(__name__)`."""
    return Logger(name)


def bind(**fields: object) -> None:
    """These fields are in every line of the present task from here on, and of the tasks and threads that it starts."""
    _context.set({**_context.get(), **fields})


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """These fields are in every line of this block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


_settings = Settings(level="info", file=None, notices=(), warnings=())
_serving = False
_told = False
_way_out: QueueHandler | None = None
"""Of a process that serves: what it says of clients and peers goes there straight, and not through Python's logging."""
_bounds: dict[type[Complaints] | None, Complaints] = {}
"""The bounds of that."""


def configure(settings: Settings) -> None:
    """Django's LOGGING_CONFIG: sets the level, and sends all lines of this process to standard error."""
    global _settings, _told
    _settings = settings
    logging.captureWarnings(True)
    _reroute()
    if not _serving:
        _install(StreamHandler(lambda: sys.stderr, TextLines(_context.get)))
    if not _told and os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":  # else runserver's parent has told it
        _told = True
        _tell()


def start_serving() -> None:
    """Says that this process serves: lines go to `logfile`, truncated now, or when it is unset to standard output.

    Ends the process with status 1 and one line on standard error when the file cannot be opened. Further calls do
    nothing.
    """
    global _serving
    if _serving:
        return
    _serving = True
    _reroute()
    path = _settings["file"]
    if path is None or _settings["level"] == "none":
        _install(QueueHandler(LineFile.standard_output(), TextLines(_context.get)))
        return
    try:
        _install(QueueHandler(LineFile.emptied(path), JSONLines(_context.get)))
    except OSError as error:
        print(f"logfile: {shown_path(path)} cannot be opened for writing: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from None
    _tell()


def _tell() -> None:
    """What the author of the configuration should know."""
    log = logger("roundtable.config")
    for line in _settings["notices"]:
        log.info(line)
    for line in _settings["warnings"]:
        log.warning(line)


def _reroute() -> None:
    """One level and one way out for all loggers; `daphne` and uvicorn set up theirs before our settings are read."""
    logging.getLogger().setLevel(LEVELS[_settings["level"]])
    for name in _REROUTED:
        rerouted = logging.getLogger(name)
        rerouted.handlers.clear()
        rerouted.propagate = True
        rerouted.setLevel(logging.NOTSET)
    for least, names in ((logging.INFO, _QUIET), (logging.WARNING, _SILENT)):
        for name in names:
            logging.getLogger(name).setLevel(max(least, LEVELS[_settings["level"]]))


def _install(handler: logging.Handler) -> None:
    """Puts this handler in place of ours and of logging.basicConfig's; those of a test runner stay."""
    global _way_out
    root = logging.getLogger()
    for old in root.handlers[:]:
        if type(old) is logging.StreamHandler or isinstance(old, StreamHandler | QueueHandler):
            root.removeHandler(old)
            old.close()
    complaints = Complaints(_COMPLAINTS_PER_SECOND, _COMPLAINTS_AT_ONCE)
    events = Events(_EVENTS_PER_SECOND, _EVENTS_AT_ONCE)
    handler.addFilter(complaints)
    handler.addFilter(events)
    root.addHandler(handler)
    if isinstance(handler, QueueHandler):
        _way_out = handler
        _bounds.update({Complaints: complaints, Events: events})
