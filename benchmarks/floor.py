"""The fast lane with an application that only relays: what a message costs before anything is known about it.

It decodes a message, looks up whom it is for and passes it on, and has no rule, no fence, nothing to hold and nothing
to say. `python -m benchmarks.floor` serves; `make bench ARGS=--floor` compares it with the server that it is part of.
"""

from __future__ import annotations

import os
import uuid
from typing import Any

import msgspec
from msgspec import Raw, Struct

from signalling.wire import DIRECT


class _Message(Struct):
    type: str
    call: str = ""
    to: str = ""
    description: Raw = Raw()
    candidate: Raw = Raw()


class Relay:
    """One client, at the application's end."""

    decode = msgspec.json.Decoder(_Message).decode
    peers: dict[str, Relay] = {}  # noqa: RUF012 (of all)
    calls: dict[str, tuple[Relay, Relay]] = {}  # noqa: RUF012

    def __init__(self, direct: Any, peer: str) -> None:
        self.direct = direct
        self.peer = peer

    def take(self, text: str) -> None:
        """One message of this client."""
        message = self.decode(text)
        match message.type:
            case "hello":
                self.peers[self.peer] = self
                self.direct.write_text(msgspec.json.encode({"type": "welcome", "peer": self.peer}))
            case "bye":
                self.direct.close_with(1000, "bye")
            case _:
                self._relay(message)

    def _relay(self, message: _Message) -> None:
        if message.to:
            self.calls[message.call] = self, self.peers[message.to]
        caller, callee = self.calls[message.call]
        carried = bytes(message.description) or bytes(message.candidate) or b"null"
        head = f'{{"type":"{message.type}","call":"{message.call}","from":"{self.peer}","carried":'.encode()
        (callee if self is caller else caller).direct.write_text(head + carried + b"}")
        if message.type == "hangup":
            del self.calls[message.call]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application."""
    if scope["type"] != "websocket":
        return
    relay = Relay(scope["extensions"][DIRECT], str(uuid.uuid4()))
    await receive()
    await send({"type": "websocket.accept"})
    relay.direct.take_texts_by(relay.take)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    Relay.peers.pop(relay.peer, None)


def main() -> None:
    """Serves as `manage.py serve` does, from the configuration that the environment names."""
    from roundtable import commandline, reactor

    commandline.prepare_environment(os.environ, "serve", None)
    reactor.install()
    import django

    django.setup()
    from roundtable.asgi import control, runtime
    from roundtable.server import serve

    serve(application, runtime, control)


if __name__ == "__main__":
    main()
