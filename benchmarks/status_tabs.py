"""How long does the list of ten thousand sessions take, and what does it cost signalling? Part of `make status-page`.

A server in a process of its own (benchmarks/crowded.py), in which sessions come and go. Several tabs are open at the
list, each with a question of its own, and renew themselves every two seconds as the page does. Times are those of whole
HTTP requests, each on a connection of its own; the lag is that of the server's event loop, with the tabs and without.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

from benchmarks.password_lag import percentile_99

HOST = "127.0.0.1"
RENEWED_EVERY_SECONDS = 2.0
READY_WITHIN_SECONDS = 60.0
TABS = (
    "",
    "?sort=name",
    "?sort=-messages_in&page=50",
    "?q=peer+77",
    "?q=chrome&sort=last_seen",
    "?state=connected&transport=websocket",
    "?sort=tables",
    "?page=100000",
)
"""What each tab asks, in turn."""


@dataclass(frozen=True)
class Crowded:
    """The server, and an operator's cookie."""

    process: subprocess.Popen[str]
    port: int
    cookie: str

    def list_milliseconds(self, view: str) -> float:
        """How long one request for the list takes, from connecting to the last octet."""
        began = time.monotonic()
        connection = HTTPConnection(HOST, self.port, timeout=READY_WITHIN_SECONDS)
        try:
            connection.request("GET", f"/status/sessions/{view}", headers={"Cookie": self.cookie})
            response = connection.getresponse()
            page = response.read()
        finally:
            connection.close()
        assert response.status == 200 and b'id="count"' in page, response.status
        return (time.monotonic() - began) * 1000

    def lags(self) -> list[float]:
        """By how many milliseconds the event loop was late since this was asked last; sorted."""
        self.process.send_signal(signal.SIGUSR1)
        lags: list[float] = self._hear()
        return lags

    def _hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@contextmanager
def crowded(sessions: int) -> Iterator[Crowded]:
    """A server with so many sessions, which answers."""
    with tempfile.TemporaryDirectory(prefix="roundtable-") as name, socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((HOST, 0))
        port: int = reserved.getsockname()[1]
        reserved.close()
        process = _start(Path(name), port, sessions)
        try:
            assert process.stdout is not None
            server = Crowded(process, port, json.loads(process.stdout.readline()))
            _await_ready(server)
            yield server
        finally:
            process.kill()
            process.communicate()


def _start(folder: Path, port: int, sessions: int) -> subprocess.Popen[str]:
    config = {
        "loglevel": "warn",
        "logfile": "server.log",
        "localaddress": HOST,
        "localport": port,
        "database": "roundtable.sqlite3",
        "limits": {"connections": sessions + 1},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "benchmarks.crowded", str(sessions)],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "ROUNDTABLE_CONFIG": str(folder / "config.yaml")},
        stdout=subprocess.PIPE,
        text=True,
    )


def _await_ready(server: Crowded) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            server.list_milliseconds("")
            return
        except OSError:
            assert server.process.poll() is None and time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)


def _look(server: Crowded, number: int, until: float, spent: list[float]) -> None:
    """One tab: loads the list, and again two seconds after it has come."""
    time.sleep(RENEWED_EVERY_SECONDS * number / len(TABS))  # tabs are not opened all at once
    while time.monotonic() < until:
        spent.append(server.list_milliseconds(TABS[number % len(TABS)]))
        time.sleep(RENEWED_EVERY_SECONDS)


def measure(sessions: int, seconds: float, tabs: int) -> tuple[float, float]:
    """The median of the requests, and the lag's 99th percentile while the tabs are open, in milliseconds."""
    spent: list[float] = []
    with crowded(sessions) as server:
        server.lags()
        time.sleep(seconds)
        closed = server.lags()
        end = time.monotonic() + seconds
        looking = [threading.Thread(target=_look, args=(server, number, end, spent)) for number in range(tabs)]
        for thread in looking:
            thread.start()
        for thread in looking:
            thread.join()
        opened = server.lags()
    spent.sort()
    print(
        f"{len(spent)} requests of {tabs} tabs: median {statistics.median(spent):.0f} ms   "
        f"p99 {percentile_99(spent):.0f} ms   longest {spent[-1]:.0f} ms"
    )
    for name, lags in (("closed", closed), ("open", opened)):
        print(f"tabs {name:6}: lag p50 {lags[len(lags) // 2]:5.2f} ms   p99 {percentile_99(lags):5.2f} ms")
    return statistics.median(spent), percentile_99(opened)


def main() -> None:
    """Prints the figures; status 1 when the list or the event loop is too late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--tabs", type=int, default=5)
    parser.add_argument("--request", type=float, default=300.0, help="milliseconds that the list may take")
    parser.add_argument("--most", type=float, default=50.0, help="milliseconds of lag that are still no hold-up")
    arguments = parser.parse_args()
    median, lag = measure(arguments.sessions, arguments.seconds, arguments.tabs)
    if median > arguments.request or lag > arguments.most:
        raise SystemExit(f"too late: over {arguments.request} ms for the list, or {arguments.most} ms of lag")


if __name__ == "__main__":
    main()
