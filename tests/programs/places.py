"""Servers of one program, by the README's command, in the conditions that a fence needs to be seen."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.programs.commands import bare_daphne, in_the_readme
from tests.server.sleeper import sleeper, sleeper_on_uvicorn
from tests.serverprocess import Command, Program, Server, server

SOFT_OPEN_FILES = 512
TRUSTED_PROXY = "127.77.0.1"
PATIENT: Mapping[str, Any] = {
    "loglevel": "info",
    "allowedorigins": ["https://app.example"],
    "trustedproxies": ["127.77.0.0/16"],
    "limits": {
        "refused_messages": 5,
        "posts_burst": 3,
        "posts_per_second": 0.01,
        "connections_per_address": 8,
        "http_connections_per_address": 20,
    },
}
HASTY: Mapping[str, Any] = {
    "loglevel": "info",
    "limits": {"hello_seconds": 1, "heartbeat_seconds": 0.5, "silence_seconds": 1.5, "request_seconds": 1},
}
HASTY_OPTIONS = {"--ping-interval": "1", "--ping-timeout": "1"}
DRAIN_SECONDS = 2
ENDING: Mapping[str, Any] = {"loglevel": "info", "limits": {"drain_seconds": DRAIN_SECONDS}}


class Place:
    """The servers of one program, started when asked for. Bare daphne may log tracebacks of its own."""

    def __init__(self, program: Program, stack: ExitStack, *, has_options: bool = True) -> None:
        self.program = program
        self._has_options = has_options
        self._stack = stack
        self._started: dict[str, Server] = {}
        self.ending: object = None
        """What came of its end, when that was tried."""

    @property
    def patient(self) -> Server:
        """With the default limits but for small counts; few files may be open unless it asks for more."""
        return self._running("patient", PATIENT, few_files(self.command()))

    @property
    def hasty(self) -> Server:
        """It soon loses patience."""
        return self._running("hasty", HASTY, self.command(HASTY_OPTIONS))

    @property
    def asleep(self) -> Server:
        """An application that takes its time."""
        return self._running("asleep", {"loglevel": "info"}, self.with_sleeper())

    def command(self, options: Mapping[str, str] | None = None) -> Command:
        """How it is started, with these values for some of its options."""
        return in_the_readme(self.program, options) if self._has_options else bare_daphne

    def with_sleeper(self) -> Command:
        """How the program serves that application."""
        if self.program == "daphne":
            return in_the_readme(self.program, application="tests.server.sleeper:application")
        return sleeper_on_uvicorn if self.program == "uvicorn" else sleeper

    def _running(self, name: str, config: Mapping[str, Any], command: Command) -> Server:
        if name not in self._started:
            one = server(config, program=command, makes_tracebacks=self.program == "daphne")
            self._started[name] = self._stack.enter_context(one)
        return self._started[name]


def few_files(command: Command) -> Command:
    """The same with a low soft limit of open files, as most systems set it."""

    def limited(config: Path, port: int) -> Sequence[str]:
        return ["sh", "-c", f'ulimit -Sn {SOFT_OPEN_FILES} && exec "$@"', "sh", *command(config, port)]

    return limited
