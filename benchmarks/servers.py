"""The servers that are compared: how each is started in a process of its own, and stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from benchmarks.client import HOST, Crowd, Fault
from benchmarks.dialects import Dialect, PeerJS, Roundtable, Textbook
from benchmarks.meter import Meter
from tests.programs.commands import in_the_readme, with_jemalloc
from tests.serverprocess import ROOT, Program, free_port, surroundings

READY_SECONDS = 30.0
LOOK_SECONDS = 0.05
PEERJS = ROOT / "node_modules" / "peer" / "dist" / "bin" / "peerjs.js"
MANY = 1_000_000

Keys = Mapping[str, Any]
"""Keys of `config.yaml`; the other servers have none."""


class Server(ABC):
    """One running server, its meter, and its clients."""

    effort: float = 1.0
    """The share of the messages that it gets: a slow one would take all the time."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self.name, self.dialect = name, dialect
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="roundtable-bench-")
        self.folder = Path(self._folder.name)
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def arguments(self) -> Sequence[str]:
        """Its command line."""

    def environment(self) -> dict[str, str]:
        """What it needs besides."""
        return {}

    def launch(self) -> None:
        """Starts it. Raises Fault when it is not installed."""
        self._process = self._begin(list(self.arguments()))
        self.meter = Meter(self._process.pid)
        self.crowd = Crowd(self.port, self.dialect)

    async def ready(self) -> None:
        """Returns when it serves and has nothing more to do. Raises Fault."""
        try:
            await asyncio.wait_for(self._serves(), READY_SECONDS)
            await self.meter.until_idle(READY_SECONDS)
        except TimeoutError:
            raise Fault(f"{self.name} does not come to serve and rest in time:\n{self.output}") from None

    def _begin(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("wb") as output:
            return subprocess.Popen(  # noqa: S603 (our own command lines)
                arguments,
                cwd=ROOT,
                env=surroundings() | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    async def _serves(self) -> None:
        while True:
            if self._process is None or self._process.poll() is not None:
                raise Fault(f"{self.name} went away:\n{self.output}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, self.port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def output(self) -> str:
        """What it has written."""
        return (self.folder / "output").read_text(errors="replace")

    def check_log(self) -> None:
        """Raises Fault when it has logged a traceback."""
        if "Traceback" in self.output:
            raise Fault(f"{self.name} logged a traceback:\n{self.output}")

    def discard(self) -> None:
        """Ends it, at once for its end is not measured, and leaves nothing of it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


@asynccontextmanager
async def started(*servers: Server) -> AsyncIterator[Sequence[Server]]:
    """Starts them and stops them in the end; what they logged is not looked at when there is a fault."""
    try:
        for server in servers:
            server.launch()
        for server in servers:
            await server.ready()
        yield servers
        for server in servers:
            server.check_log()
    finally:
        for server in servers:
            server.discard()


class PeerJSServer(Server):
    """The npm package `peer`, by its own command; its two limits are raised, as ours are."""

    def __init__(self, name: str) -> None:
        super().__init__(name, PeerJS())

    def arguments(self) -> Sequence[str]:
        node = shutil.which("node")
        if node is None or not PEERJS.exists():
            raise Fault("PeerJS' server is not installed: npm ci")
        raised = ["--concurrent_limit", str(MANY), "--alive_timeout", str(MANY)]
        return [node, str(PEERJS), "--host", HOST, "--port", str(self.port), *raised]


class RoundtableServer(Server):
    """This project's, by one of its programs."""

    def __init__(self, name: str, program: Program, keys: Keys) -> None:
        super().__init__(name, Roundtable())
        self._program: Program = program
        self._config = self.folder / "config.yaml"
        own = {"localaddress": HOST, "localport": self.port, "database": str(self.folder / "roundtable.sqlite3")}
        self._config.write_text(yaml.safe_dump({**own, **keys}))

    def arguments(self) -> Sequence[str]:
        return in_the_readme(self._program)(self._config, self.port)

    def environment(self) -> dict[str, str]:
        return {"ROUNDTABLE_CONFIG": str(self._config)}


class SparingServer(RoundtableServer):
    """The same with jemalloc, as docs/deployment.md has it."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **with_jemalloc()}


class FloorServer(RoundtableServer):
    """The lane of `serve` without the rules (benchmarks/floor.py)."""

    def arguments(self) -> Sequence[str]:
        return [sys.executable, "-m", "benchmarks.floor"]


class TextbookServer(Server):
    """Channels as its tutorial has it (benchmarks/textbook), by daphne's own command."""

    effort = 0.1

    def __init__(self, name: str) -> None:
        super().__init__(name, Textbook())

    def arguments(self) -> Sequence[str]:
        where = ["-b", HOST, "-p", str(self.port)]
        return [sys.executable, "-m", "daphne", *where, "benchmarks.textbook.asgi:application"]

    def environment(self) -> dict[str, str]:
        return {"DJANGO_SETTINGS_MODULE": "benchmarks.textbook.settings", "PYTHONPATH": os.fspath(ROOT)}
