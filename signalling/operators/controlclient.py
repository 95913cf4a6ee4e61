"""The other end of the control socket: what a command of `manage.py` has of the running server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from roundtable.mistakes import shown_path
from signalling.operators.controlmessages import AnyQuestion, AnyReply, Refused, decode_reply, encode

REPLY_SECONDS = 10.0
"""A server that is well answers within a few milliseconds."""


class NoServer(Exception):
    """No server can be reached; the text is a line for people that names the socket."""


class NotAnswered(Exception):
    """The server was reached, and says why it does not do what was asked."""


class HungUp(NotAnswered):
    """The server has gone meanwhile."""


class ControlClient:
    """A connection to a running server; see `connected`."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._received = line.makefile("rb")

    def ask(self, question: AnyQuestion) -> AnyReply:
        """The server's reply. Raises HungUp, and NotAnswered."""
        try:
            self._line.sendall(encode(question) + b"\n")
            text = self._received.readline()
        except TimeoutError as error:
            raise NotAnswered(f"the server has not answered within {REPLY_SECONDS:g} s") from error
        except OSError as error:
            raise HungUp("the server has hung up") from error
        if not text.endswith(b"\n"):
            raise HungUp("the server has hung up")
        return self._reply(text)

    def _reply(self, text: bytes) -> AnyReply:
        try:
            reply: AnyReply = decode_reply(text)
        except msgspec.DecodeError as error:
            raise NotAnswered(f"the server is of another version: {error}") from error
        if isinstance(reply, Refused):
            raise NotAnswered(reply.why)
        return reply


@contextmanager
def connected(path: Path | None) -> Iterator[ControlClient]:
    """A connection for the block. Raises NoServer."""
    if path is None:
        raise NoServer("controlsocket is turned off in the configuration, so no command reaches the server")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(REPLY_SECONDS)
        try:
            line.connect(str(path))
        except OSError as error:
            raise NoServer(f"no server at the control socket {shown_path(path)}: {_reason(error)}") from error
        yield ControlClient(line)


def _reason(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such socket; is this the server's configuration?"
        case ConnectionRefusedError():
            return "nobody listens there any more"
        case PermissionError():
            return "it is for the user that the server runs as"
    return error.strerror or str(error)
