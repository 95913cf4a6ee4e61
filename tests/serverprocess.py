"""A real server in a process of its own, for the tests that only such a one can pass (ring 3).

    with server() as running:
        async with Peer.welcomed(running.ws_url) as ada: ...

It listens on a free loopback port with a configuration of its own in a temporary folder. In the end it gets SIGTERM,
must be gone in time, and must have logged neither a traceback nor anything of a session description.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Literal

import yaml

from tests import forking
from tests.forking import Forked
from tests.waiting import comes_true
from tests.wsclient import Peer

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
LOWEST_PORT, FIRST_EPHEMERAL_PORT = 20_000, 32_768
"""Linux takes ports of outgoing connections from the latter on (net.ipv4.ip_local_port_range)."""
READY_WITHIN_SECONDS = 40.0
GONE_WITHIN_SECONDS = 10.0
LOGGED_WITHIN_SECONDS = 5.0
PRIVATE = ("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", " typ host")
"""What only session descriptions and candidates hold, and no log may."""

LANES = ("fast", "sure")
ON_UVICORN = "uvicorn"
LANE = "LANE_OF_TESTS"
"""In the environment of the tests: on which of them `serve` serves, or on uvicorn."""
Program = Literal["serve", "daphne", "runserver", "uvicorn"]
Command = Callable[[Path, int], Sequence[str]]
"""The arguments that start a server with this configuration at this port."""


@dataclass
class Server:
    """A running server: where it is, and its process."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | Forked

    @property
    def http_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{HOST}:{self.port}/signal"

    @property
    def log(self) -> str:
        """Everything it wrote to stdout and stderr so far."""
        return (self.folder / "output").read_text(errors="replace")

    async def until_logged(self, text: str, times: int = 1) -> None:
        """Waits until the log, which a thread writes, has this so often. Raises AssertionError if it has more."""
        await comes_true(lambda: self.log.count(text) >= times, LOGGED_WITHIN_SECONDS)
        found = self.log.count(text)
        assert found == times, f"{text!r} is there {found} times instead of {times}:\n{self.log}"

    async def whole_log(self) -> str:
        """The log with all that has happened so far. Its thread writes lines in their order, so one is waited for."""
        async with Peer.welcomed(self.ws_url) as last:
            await self.until_logged(f"peer={last.id} source=")
        return self.log

    def get(self, path: str, timeout: float = 5.0, *, address: str = HOST) -> tuple[int, bytes]:
        """Status and body of a GET from this address."""
        connection = HTTPConnection(HOST, self.port, timeout=timeout, source_address=(address, 0))
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def watch_memory(self) -> int:
        """The bytes that it holds now (Linux); `peak_bytes` counts from here."""
        self._proc("clear_refs").write_text("5")
        return self.peak_bytes

    @property
    def peak_bytes(self) -> int:
        """The most memory that it held since `watch_memory` (Linux)."""
        (line,) = [line for line in self._proc("status").read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    @property
    def open_files(self) -> int:
        """How many it has open now (Linux)."""
        return len(list(self._proc("fd").iterdir()))

    @property
    def mapped(self) -> str:
        """What is in its memory, the libraries among it (Linux)."""
        return self._proc("maps").read_text()

    @property
    def temporary_files(self) -> list[str]:
        """Files without a name that it has open (Linux)."""
        names = [os.readlink(file) for file in self._proc("fd").iterdir()]
        return [name for name in names if name.endswith(" (deleted)")]

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used (Linux)."""
        fields = self._proc("stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, within: float = GONE_WITHIN_SECONDS) -> int:
        """Asks it to go by SIGTERM; its exit status (negative: the signal that ended it)."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there {within} s after SIGTERM:\n{self.log}") from None

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def restart(self, program: Program | Command = "serve") -> None:
        """Starts it again, after it has gone, where it was and with its configuration; it need not be ready yet."""
        self.process = launch(self.folder, program, self.port, {})

    def assert_log_is_clean(self, *, but_for_tracebacks: bool = False) -> None:
        log = self.log
        assert but_for_tracebacks or "Traceback" not in log, log
        assert not [text for text in PRIVATE if text in log], "a session description was logged"

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.process.pid}") / name

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, f"the server went away:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready in {READY_WITHIN_SECONDS} s:\n{self.log}"
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except (OSError, HTTPException):
            return False


@contextmanager
def server(
    config: Mapping[str, Any] | None = None,
    *,
    program: Program | Command = "serve",
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    makes_tracebacks: bool = False,
) -> Iterator[Server]:
    """A server with the given keys of the configuration; stopped and examined in the end, unless the test failed.

    `makes_tracebacks`: the test is about what the server program, not the application, answers with a traceback.
    A test may have stopped or killed it before. An async test whose connections are still open leaves the stopping to a
    thread (`await asyncio.to_thread(running.stop)`), so that they can answer the server's farewell.
    """
    with tempfile.TemporaryDirectory(prefix="roundtable-") as name:
        running = start(Path(name), config or {}, program, port or free_port(), environment or {})
        try:
            running._await_ready()
            yield running
            if running.process.poll() is None:
                running.stop()
        finally:
            running.kill()
        running.assert_log_is_clean(but_for_tracebacks=makes_tracebacks)


def start(
    folder: Path, config: Mapping[str, Any], program: Program | Command, port: int, environment: Mapping[str, str]
) -> Server:
    """Starts it and does not wait until it is ready."""
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(folder, port, config)))
    return Server(port, folder, launch(folder, program, port, environment))


def launch(
    folder: Path, program: Program | Command, port: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes] | Forked:
    """The process, with the configuration in this folder; what it says is added to what was said there before.

    In a test it is forked, unless it has an environment of its own: that may be for Python or libraries at their start.
    """
    path, output = folder / "config.yaml", folder / "output"
    arguments = program(path, port) if callable(program) else command(program, path, port)
    whole_environment = surroundings() | {"ROUNDTABLE_CONFIG": str(path), **environment}
    if forking.is_for_test() and arguments[0] == sys.executable and not environment:
        return Forked(arguments[1:], whole_environment, output)
    with output.open("ab") as said:
        return subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=whole_environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def configuration(folder: Path, port: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """The test's keys; else: log everything, write nothing outside the folder, and let nobody wait long for the end."""
    return {
        "loglevel": "debug",
        "localaddress": HOST,
        "localport": port,
        "iceservers": [],
        "database": str(folder / "roundtable.sqlite3"),
        **config,
        "limits": {"drain_seconds": 1, **config.get("limits", {})},
    }


def command(program: Program, config: Path, port: int) -> list[str]:
    """The four ways to run it; with daphne the configuration is named by the environment."""
    application = "roundtable.asgi:application"
    match program:
        case "serve":
            chosen = ["--server", "uvicorn"] if server_on_lane() == "uvicorn" else []
            arguments = ["manage.py", "serve", *chosen, "--configFilePath", str(config)]
        case "runserver":
            arguments = ["manage.py", "runserver", "--noreload", "--configFilePath", str(config)]
        case "daphne":
            arguments = ["-m", "daphne", "-b", HOST, "-p", str(port), application]
        case "uvicorn":
            arguments = ["manage.py", "serve", "--server", "uvicorn", "--configFilePath", str(config)]
    return [sys.executable, *arguments]


def server_on_lane() -> str:
    """The program that serves on the lane of these tests."""
    return "uvicorn" if os.environ.get(LANE) == ON_UVICORN else "daphne"


def surroundings() -> dict[str, str]:
    """This process's environment without what would send requests elsewhere or choose other settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("ROUNDTABLE_", "DJANGO_", "COV_"))
    }
    return kept | ({"ROUNDTABLE_FASTLANE": "0"} if kept.get(LANE) == "sure" else {})


def free_port() -> int:
    """A loopback port that nobody listens on, and that the system gives to no outgoing connection meanwhile."""
    while True:
        port = LOWEST_PORT + secrets.randbelow(FIRST_EPHEMERAL_PORT - LOWEST_PORT)  # not `random`, which tests seed
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
