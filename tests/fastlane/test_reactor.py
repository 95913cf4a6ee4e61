"""The lane's reactor: what it makes of what a TCP connection has to be read."""

import logging
import socket
import struct
from collections.abc import Iterator

import pytest
import uvloop
from twisted.internet import error, tcp
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from roundtable.fastlane.reactor import LeanReactor
from roundtable.fastlane.transport import DirectConnection

LINGER_NOT = struct.pack("ii", 1, 0)
"""What is closed so is reset."""


class Ear(Protocol):
    """Notes what it hears, and why that ended."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ended: type[BaseException] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)

    def connectionLost(self, reason: Failure = error.ConnectionDone) -> None:  # type: ignore[assignment]
        self.ended = reason.type


class Choking(Ear):
    """Cannot take what it hears."""

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        raise ValueError("too much to swallow")


@implementer(IHalfCloseableProtocol)
class Patient(Ear):
    """Goes on when the other end has said its last."""

    def __init__(self) -> None:
        super().__init__()
        self.is_last = False

    def readConnectionLost(self) -> None:
        self.is_last = True

    def writeConnectionLost(self) -> None:
        pass


class Line:
    """A TCP connection on the lane's reactor, and the client's end of it; on uvloop, as the server is."""

    def __init__(self, ear: Ear) -> None:
        loop = uvloop.new_event_loop()
        self._reactor = LeanReactor(loop)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.client = socket.create_connection(listening.getsockname())
            ours, address = listening.accept()
        self.connection = DirectConnection(ours, ear, address, None, 0, self._reactor)  # type: ignore[arg-type]
        ear.makeConnection(self.connection)  # type: ignore[no-untyped-call]
        self._loop = loop

    def turn(self) -> None:
        """One turn of the event loop, in which what has come is read."""
        self._loop.call_later(0.01, self._loop.stop)
        self._loop.run_forever()

    def reset(self) -> None:
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.client.close()

    def close(self) -> None:
        self.client.close()
        self.turn()
        if self.connection.connected:
            self.connection.connectionLost(Failure(error.ConnectionDone()))  # type: ignore[no-untyped-call]
        self._loop.close()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def line(ear: Ear) -> Iterator[Line]:
    opened = Line(ear)
    yield opened
    opened.close()


def test_what_comes_is_heard(line: Line, ear: Ear) -> None:
    line.client.send(b"knock")
    line.turn()
    line.client.send(b"knock knock")
    line.turn()
    assert (ear.heard, ear.ended) == ([b"knock", b"knock knock"], None)


def test_the_end_is_noticed(line: Line, ear: Ear) -> None:
    line.client.send(b"goodbye")
    line.client.close()
    line.turn()
    assert (ear.heard, ear.ended) == ([b"goodbye"], error.ConnectionDone)


def test_a_reset_is_noticed_even_if_something_came_before(line: Line, ear: Ear) -> None:
    line.client.send(b"oh")
    line.reset()
    line.turn()
    assert (ear.heard, ear.ended) == ([b"oh"], error.ConnectionLost)


def test_a_reset_after_silence_is_noticed(line: Line, ear: Ear) -> None:
    line.reset()
    line.turn()
    assert (ear.heard, ear.ended) == ([], error.ConnectionLost)


@pytest.mark.parametrize("ear", [Choking()])
def test_who_cannot_take_what_came_is_disconnected(line: Line, ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        line.client.send(b"soup")
        line.turn()
    assert (ear.heard, ear.ended) == ([b"soup"], ValueError)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]


@pytest.mark.parametrize("ear", [Patient()])
def test_half_an_end_is_none_for_who_can_go_on(line: Line, ear: Patient) -> None:
    line.client.shutdown(socket.SHUT_WR)
    line.turn()
    assert (ear.is_last, ear.ended) == (True, None)


def test_nothing_that_has_come_is_no_end(line: Line, ear: Ear) -> None:
    assert isinstance(line.connection, tcp.Connection)
    line._reactor._read(line.connection)
    assert (ear.heard, ear.ended) == ([], None)
