"""A real server of the launcher's, whose application tells what it was given: `python -m tests.server.witness SERVER`.

A WebSocket is accepted, and the first message is its scope, as JSON, without what differs from run to run. Each text
comes back as it is; `fail` makes whoever takes it up fail. On `/late` everything stands still before it accepts, and on
`/slow` only this application does.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signalling.wire import DIRECT
from tests.server.standing_in import command, serve
from tests.serverprocess import server_on_lane

LATE_SECONDS = 2.0


def witness(config: Path, port: int) -> Sequence[str]:
    """The command that runs it; the configuration is named by the environment."""
    return command("tests.server.witness", server_on_lane())


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serves `/healthz`, and a witness on every other path."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    if scope["path"] == "/late":
        time.sleep(LATE_SECONDS)  # noqa: ASYNC251 (as when the process is stopped)
        await asyncio.sleep(0)  # what is due comes first
    if scope["path"] == "/slow":
        await asyncio.sleep(LATE_SECONDS)
    chosen = scope["subprotocols"][0] if scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": chosen})
    direct = scope.get("extensions", {}).get(DIRECT)
    await send({"type": "websocket.send", "text": json.dumps(described(scope))})

    def take(text: str) -> None:
        if text == "fail":
            raise ZeroDivisionError("as it was told")
        direct.write_text(text.encode())

    if direct is not None:
        direct.take_texts_by(take)
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "fail":
            raise ZeroDivisionError("as it was told")
        await send({"type": "websocket.send", **{key: event[key] for key in ("text", "bytes") if key in event}})


def described(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope as JSON has it; of the addresses the hosts, and the headers in the order of their names."""
    headers = sorted((name.decode(), value.decode("latin-1")) for name, value in scope["headers"] if name != b"host")
    kept = ("type", "path", "root_path", "subprotocols", "asgi")
    octets = {name: scope[name].decode() for name in ("raw_path", "query_string")}
    hosts = {name: scope[name][0] for name in ("client", "server")}
    return {**{name: scope[name] for name in kept}, **octets, **hosts, "headers": headers}


if __name__ == "__main__":
    serve(application, sys.argv[1])
