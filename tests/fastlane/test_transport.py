"""The lane's TCP connection: what is written leaves at once, in its order, and what cannot leave waits."""

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.protocol import Protocol

from roundtable.fastlane.transport import DirectConnection


class Events:
    """Stands in for the reactor: notes who waits for what."""

    def __init__(self) -> None:
        self.writers: set[object] = set()

    def addReader(self, reader: object) -> None:
        pass

    def addWriter(self, writer: object) -> None:
        self.writers.add(writer)

    def removeReader(self, reader: object) -> None:
        pass

    def removeWriter(self, writer: object) -> None:
        self.writers.discard(writer)


class Line:
    """A connection, and the client's end of it."""

    def __init__(self) -> None:
        self.events = Events()
        ours, self.client = socket.socketpair()
        self.client.setblocking(False)
        self.connection = DirectConnection(ours, Protocol(), ("192.0.2.7", 1), None, 0, self.events)  # type: ignore[arg-type]

    def received(self) -> bytes:
        """All that has come so far."""
        try:
            return self.client.recv(1_000_000)
        except BlockingIOError:
            return b""


@pytest.fixture
def line() -> Iterator[Line]:
    opened = Line()
    yield opened
    opened.client.close()
    opened.connection.socket.close()


def test_what_is_written_is_there_at_once(line: Line) -> None:
    line.connection.write(b"one")
    line.connection.write(b"two")
    assert line.received() == b"onetwo"
    assert not line.events.writers


def all_received(line: Line, size: int) -> bytes:
    """So many octets; whenever nothing has come, the kernel has room for more."""
    arrived = b""
    while len(arrived) < size:
        received = line.received()
        arrived += received
        if not received:
            line.connection.doWrite()  # type: ignore[no-untyped-call]
    return arrived


def test_what_the_kernel_does_not_take_waits_and_what_comes_after_it_stays_behind_it(line: Line) -> None:
    written = b"".join(b"%08d" % number for number in range(200_000))
    line.connection.write(written)
    line.connection.write(b"the end")
    assert line.events.writers == {line.connection}
    assert all_received(line, len(written) + 7) == written + b"the end"
    assert not line.events.writers


def test_what_waits_is_not_overtaken_though_the_kernel_has_room_again(line: Line) -> None:
    line.connection.write(bytes(1_000_000))
    first = line.received()
    line.connection.write(b"the end")
    assert first + all_received(line, 1_000_007 - len(first)) == bytes(1_000_000) + b"the end"


def test_after_that_it_leaves_at_once_again(line: Line) -> None:
    line.connection.write(bytes(1_000_000))
    while line.events.writers:
        line.received()
        line.connection.doWrite()  # type: ignore[no-untyped-call]
    line.received()
    line.connection.write(b"again")
    assert line.received().endswith(b"again")


def test_a_connection_with_a_producer_is_twisteds_own(line: Line) -> None:
    line.connection.registerProducer(line, streaming=True)  # type: ignore[no-untyped-call]
    line.connection.write(b"one")
    assert line.received() == b""
    assert line.events.writers == {line.connection}
    line.connection.producer = None


@pytest.mark.parametrize("state", [{"connected": 0}, {"_writeDisconnected": True}])
def test_nothing_is_written_where_nothing_can_be(line: Line, state: dict[str, object]) -> None:
    vars(line.connection).update(state)
    line.connection.write(b"one")
    assert line.received() == b""


def test_a_connection_that_is_gone_is_noticed_by_twisted(line: Line) -> None:
    line.client.close()
    line.connection.write(b"one")
    assert line.connection.doWrite() is not None  # type: ignore[no-untyped-call]
