"""Python programs that start in a tenth of the time, forked from a process that has read the libraries already.

Tests start servers and commands by the hundred, and most of such a start is reading Django, Twisted and their like. One
process beside pytest's reads them once, and what of this project needs no settings; every start is a fork of it that
goes on as `python manage.py …` does: with its own arguments, environment, configuration, output and exit status.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPLETED_WITHIN_SECONDS = 40.0
READ_ALREADY = (
    *("aiohttp", "asgiref.server", "autobahn.twisted.websocket", "channels.db", "channels.routing", "daphne.utils"),
    *("django.contrib.admin.apps", "django.contrib.admin.options", "django.contrib.auth.apps", "django.core.asgi"),
    *("django.contrib.contenttypes.apps", "django.contrib.messages.apps", "django.contrib.messages.middleware"),
    *("django.contrib.messages.storage.fallback", "django.contrib.sessions.apps", "django.contrib.sessions.middleware"),
    *("django.contrib.sessions.backends.db", "django.contrib.staticfiles.apps", "django.contrib.staticfiles.handlers"),
    *("django.contrib.staticfiles.storage", "django.core.handlers.asgi", "django.core.management.commands.check"),
    *("django.core.management.commands.runserver", "django.db.backends.sqlite3.base", "django.db.migrations.executor"),
    *("django.db.models", "django.middleware.clickjacking", "django.middleware.common", "django.middleware.security"),
    *("django.test.client", "django.views.debug", "httptools", "msgspec", "prometheus_client", "pydantic.json_schema"),
    *("pydantic.types", "service_identity", "servestatic.apps", "servestatic.asgi", "servestatic.middleware"),
    *("servestatic.responders", "twisted.internet.asyncioreactor", "twisted.internet.ssl", "twisted.web.http"),
    *("uvicorn", "uvloop", "websockets", "yaml"),
    *("roundtable.commandline", "roundtable.launcher", "signalling.routing", "signalling.runtime"),
)
"""What works without settings, and installs no reactor."""


class Forked:
    """A program that runs, with what `subprocess.Popen` has to see to it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        output: Path,
        complaints: Path | None = None,
        folder: Path = ROOT,
    ) -> None:
        """Starts what `python *arguments` does in this folder; what it says is added to `output`, and what it says to
        stderr to `complaints`, if that is another file."""
        self._process: BaseProcess = _server().Process(
            target=_go_on_as,
            args=(list(arguments), dict(environment), output, complaints or output, folder),
            daemon=True,
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs, negative when a signal has ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises subprocess.TimeoutExpired when it is still there after so many seconds."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Does nothing when it has gone."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def is_for_test() -> bool:
    """Whether pytest runs here: `multiprocessing` would begin another main module again in each fork."""
    return "PYTEST_VERSION" in os.environ


def completed(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path = ROOT,
    *,
    within: float = COMPLETED_WITHIN_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """What has become of `python *arguments` there. Raises subprocess.TimeoutExpired after so many seconds."""
    with tempfile.TemporaryDirectory(prefix="roundtable-") as name:
        said, complaints = Path(name, "stdout"), Path(name, "stderr")
        process = Forked(arguments, environment, said, complaints, folder)
        try:
            status = process.wait(within)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(arguments), status, said.read_text(), complaints.read_text())


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*READ_ALREADY, __name__])
    return context


def _go_on_as(
    arguments: list[str], environment: Mapping[str, str], output: Path, complaints: Path, folder: Path
) -> None:
    gc.freeze()  # nobody has to look for garbage in what was read already
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _speak_to(output, complaints)
    sys.path.insert(0, str(ROOT))
    try:
        _run(arguments)
    finally:
        atexit._run_exitfuncs()  # `multiprocessing` leaves them out


def _speak_to(output: Path, complaints: Path) -> None:
    with open(os.devnull) as nothing, output.open("ab") as said, complaints.open("ab") as complained:
        for file, number in ((nothing, 0), (said, 1), (complained, 2)):
            os.dup2(file.fileno(), number)


def _run(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
