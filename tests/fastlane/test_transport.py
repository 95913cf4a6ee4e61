"""The lane's TCP connection: what is written leaves when the turn ends, in its order, and what cannot leave waits."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from roundtable.fastlane.transport import GATHERED_BYTES, DirectConnection
from roundtable.websocketprotocol import unsent_bytes


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

    def callLater(self, seconds: float, action: object, *arguments: object) -> None:
        pass

    def _disconnectSelectable(self, connection: DirectConnection, why: Exception, isRead: bool) -> None:
        connection.connectionLost(Failure(why))  # type: ignore[no-untyped-call]


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
async def line() -> AsyncIterator[Line]:
    opened = Line()
    yield opened
    opened.client.close()
    if not opened.connection.disconnected:
        opened.connection.socket.close()


async def end_of_turn() -> None:
    """What is to be done at the end of this turn of the event loop is done."""
    await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_leaves_at_its_end_by_one_call(line: Line) -> None:
    line.connection.write(b"one")
    line.connection.write(b"two")
    assert line.received() == b""
    await end_of_turn()
    assert line.received() == b"onetwo"
    assert not line.events.writers


async def test_each_turn_has_its_end(line: Line) -> None:
    for written in (b"one", b"two"):
        line.connection.write(written)
        await end_of_turn()
        assert line.received() == written


async def test_all_connections_are_flushed_though_one_of_them_is_gone(line: Line) -> None:
    gone, other = Line(), Line()
    for connection in (gone.connection, line.connection, other.connection):
        connection.write(b"one")
    gone.client.close()
    await end_of_turn()
    assert (line.received(), other.received()) == (b"one", b"one")
    assert gone.events.writers == {gone.connection}
    for ended in (gone, other):
        ended.client.close()
        ended.connection.socket.close()


async def test_a_fault_about_one_connection_holds_back_no_other(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    faulty = Line()
    faulty.connection._tempDataBuffer = ["no octets"]  # type: ignore[list-item]
    faulty.connection.write(b"one")
    line.connection.write(b"one")
    await end_of_turn()
    assert line.received() == b"one"
    assert "could not be sent" in caplog.text
    faulty.client.close()
    faulty.connection.socket.close()


async def test_much_does_not_wait_for_the_end_of_the_turn(line: Line) -> None:
    line.connection.write(bytes(GATHERED_BYTES))
    line.connection.write(b"!")
    assert line.received() == bytes(GATHERED_BYTES) + b"!"
    line.connection.write(b"more")
    await end_of_turn()
    assert line.received() == b"more"


async def test_what_was_gathered_counts_as_unsent(line: Line) -> None:
    line.connection.write(b"one")
    assert unsent_bytes(line.connection) == 3
    await end_of_turn()
    assert unsent_bytes(line.connection) == 0


async def test_a_reset_does_not_overtake_what_was_written_before_it(line: Line) -> None:
    line.connection.write(b"the last words")
    line.connection.abortConnection()
    assert line.received() == b"the last words"


async def test_a_close_does_not_overtake_what_was_written_before_it(line: Line) -> None:
    line.connection.write(b"the last words")
    line.connection.loseConnection()
    line.connection.write(b", and one more")
    assert line.connection.connected
    await end_of_turn()
    assert line.received() == b"the last words, and one more"
    assert not line.connection.connected
    assert not line.events.writers


async def test_with_nothing_to_be_written_a_close_is_left_to_twisted(line: Line) -> None:
    line.connection.loseConnection()
    assert line.events.writers == {line.connection}


async def test_a_close_waits_for_what_the_kernel_does_not_take(line: Line) -> None:
    line.connection.write(bytes(1_000_000))
    line.connection.loseConnection()
    await end_of_turn()
    assert line.connection.connected
    assert line.events.writers == {line.connection}
    size, why = 0, None
    while why is None:
        size += len(line.received())
        why = line.connection.doWrite()  # type: ignore[no-untyped-call]
    assert size + len(line.received()) == 1_000_000


async def test_a_close_waits_for_a_producer(line: Line) -> None:
    line.connection.registerProducer(Producer(), streaming=True)  # type: ignore[no-untyped-call]
    line.connection.write(b"one")
    line.connection.loseConnection()
    await end_of_turn()
    assert line.connection.connected


async def test_a_reset_after_a_close_is_a_reset(line: Line) -> None:
    line.connection.write(b"one")
    line.connection.loseConnection()
    line.connection.abortConnection()
    await end_of_turn()
    assert line.connection.connected  # until the reactor calls
    assert line.received() == b"one"


def all_received(line: Line, size: int) -> bytes:
    """So many octets; whenever nothing has come, the kernel has room for more."""
    arrived = b""
    while len(arrived) < size:
        received = line.received()
        arrived += received
        if not received:
            line.connection.doWrite()  # type: ignore[no-untyped-call]
    return arrived


async def test_what_the_kernel_does_not_take_waits_and_what_comes_after_it_stays_behind_it(line: Line) -> None:
    written = b"".join(b"%08d" % number for number in range(200_000))
    line.connection.write(written)
    await end_of_turn()
    line.connection.write(b"the end")
    assert line.events.writers == {line.connection}
    assert all_received(line, len(written) + 7) == written + b"the end"
    assert not line.events.writers


async def test_what_waits_is_not_overtaken_though_the_kernel_has_room_again(line: Line) -> None:
    line.connection.write(bytes(1_000_000))
    await end_of_turn()
    first = line.received()
    line.connection.write(b"the end")
    await end_of_turn()
    assert first + all_received(line, 1_000_007 - len(first)) == bytes(1_000_000) + b"the end"


async def test_after_that_it_leaves_at_the_end_of_the_turn_again(line: Line) -> None:
    line.connection.write(bytes(1_000_000))
    await end_of_turn()
    while line.events.writers:
        line.received()
        line.connection.doWrite()  # type: ignore[no-untyped-call]
    line.received()
    line.connection.write(b"again")
    await end_of_turn()
    assert line.received().endswith(b"again")


class Producer:
    """Who writes, and is told when there is room for more."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")


async def test_a_producer_that_wants_to_be_asked_is_left_to_twisted(line: Line) -> None:
    line.connection.registerProducer(Producer(), streaming=False)  # type: ignore[no-untyped-call]
    line.connection.write(b"one")
    await end_of_turn()
    assert line.received() == b""
    assert line.events.writers == {line.connection}


async def test_a_producer_is_paused_while_much_waits(line: Line) -> None:
    producer = Producer()
    line.connection.registerProducer(producer, streaming=True)  # type: ignore[no-untyped-call]
    line.connection.writeSequence([b"one", b"two"])
    await end_of_turn()
    assert (line.received(), producer.told) == (b"onetwo", [])
    line.connection.write(bytes(1_000_000))
    await end_of_turn()
    assert producer.told == ["pause"]
    assert all_received(line, 1_000_000) == bytes(1_000_000)
    assert producer.told == ["pause", "resume"]


@pytest.mark.parametrize("state", [{"connected": 0}, {"_writeDisconnected": True}])
async def test_nothing_is_written_where_nothing_can_be(line: Line, state: dict[str, object]) -> None:
    vars(line.connection).update(state)
    line.connection.write(b"one")
    await end_of_turn()
    assert line.received() == b""


async def test_a_connection_that_is_gone_is_noticed_by_twisted(line: Line) -> None:
    line.client.close()
    line.connection.write(b"one")
    await end_of_turn()
    assert line.connection.doWrite() is not None  # type: ignore[no-untyped-call]
