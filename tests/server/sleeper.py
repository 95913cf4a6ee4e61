"""A real server of the launcher's, with an application that takes its time: `python -m tests.server.sleeper SERVER`.

What the launcher holds back can only be seen when somebody is slow, and our application never is. An HTTP request is
answered after the seconds that its path names. A WebSocket is accepted at once; then the application sleeps for the
seconds that the path names, takes every message without answering, and tells what it has seen when it is asked ("how
many?"). It never closes anything. Asked to stop it sends its process SIGTERM while a line of its log would be about its
connection; asked to stop and close it closes the connection itself a moment later. Who comes by `/woken` sleeps until
somebody asks for `/wake`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roundtable import logs
from tests.server.standing_in import command, serve
from tests.serverprocess import server_on_lane

MODULE = "tests.server.sleeper"
MOMENT_SECONDS = 0.2
_woken = asyncio.Event()


def sleeper(config: Path, port: int) -> Sequence[str]:
    """The command that runs it as `serve` would; the configuration is named by the environment."""
    return command(MODULE, server_on_lane())


def sleeper_on_uvicorn(config: Path, port: int) -> Sequence[str]:
    """The same on uvicorn, on whichever lane the tests are."""
    return command(MODULE, "uvicorn")


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serves `/healthz`, and a sleeper on every other path."""
    if scope["type"] == "http":
        if scope["path"] != "/healthz":
            await _take_time(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await _take_time(scope["path"])
    numbers: list[int] = []
    while (event := await receive())["type"] == "websocket.receive":
        text = event["text"]
        if text == "how many?":
            in_order = numbers == list(range(len(numbers)))
            await send({"type": "websocket.send", "text": json.dumps({"taken": len(numbers), "in_order": in_order})})
        elif text == "stop":
            logs.bind(connection="at work")
            signal.raise_signal(signal.SIGTERM)  # it comes when this task runs, as it may on a busy server
        elif text == "stop and close":
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(MOMENT_SECONDS)
            await send({"type": "websocket.close", "code": 4000, "reason": "by the application"})
        else:
            numbers.append(int(text.partition(" ")[0]))


async def _take_time(path: str) -> None:
    if path == "/wake":
        _woken.set()
    elif path == "/woken":
        await _woken.wait()
    else:
        await asyncio.sleep(float(path.removeprefix("/")))


if __name__ == "__main__":
    serve(application, sys.argv[1])
