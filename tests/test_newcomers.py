"""Thousands who come at once are accepted and heard by and by; in each turn everybody else is, too."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from twisted.internet.protocol import Factory, Protocol

from roundtable.newcomers import ACCEPTED_AT_A_TIME, HEARD_PER_TURN, PAUSE_SECONDS, Newcomers
from roundtable.reactor import Port, Reactor

MANY = 5 * HEARD_PER_TURN


class Crowd:
    """Newcomers who all speak in the same turn."""

    def __init__(self, size: int) -> None:
        self.newcomers = Newcomers()
        self.heard: list[int] = []
        for number in range(size):
            self.speak(number)

    def speak(self, number: int) -> None:
        """One of them."""
        if self.newcomers.admit():
            self.heard.append(number)
        else:
            self.newcomers.wait(lambda: self.heard.append(number))


async def end_of_turn() -> None:
    """What is to be done in the next turn of the event loop is done."""
    await asyncio.sleep(0)


async def test_who_comes_alone_is_heard_at_once() -> None:
    assert Crowd(1).heard == [0]


async def test_of_many_some_are_heard_in_each_turn_in_the_order_in_which_they_came() -> None:
    crowd = Crowd(MANY)
    for turn in range(MANY // HEARD_PER_TURN):
        assert crowd.heard == list(range((turn + 1) * HEARD_PER_TURN))
        await end_of_turn()


async def test_who_comes_later_waits_behind_those_who_wait() -> None:
    crowd = Crowd(MANY)
    await end_of_turn()
    crowd.speak(MANY)
    assert crowd.heard == list(range(2 * HEARD_PER_TURN))
    for _ in range(MANY // HEARD_PER_TURN):
        await end_of_turn()
    assert crowd.heard == list(range(MANY + 1))


async def test_each_turn_has_room_again() -> None:
    crowd = Crowd(HEARD_PER_TURN)
    await end_of_turn()
    crowd.speak(HEARD_PER_TURN)
    assert crowd.heard == list(range(HEARD_PER_TURN + 1))


async def test_a_fault_about_one_newcomer_keeps_no_other_waiting(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError

    crowd = Crowd(HEARD_PER_TURN)
    crowd.newcomers.wait(fail)
    crowd.speak(HEARD_PER_TURN)
    with caplog.at_level(logging.ERROR):
        await end_of_turn()
    assert crowd.heard == list(range(HEARD_PER_TURN + 1))
    assert "could not be heard" in caplog.text


class Arrivals(Factory):
    """Counts who is accepted, and lets them in unless all are turned away."""

    noisy = False
    are_turned_away = False

    def __init__(self) -> None:
        self.number = 0
        self.let_in: list[Protocol] = []

    def buildProtocol(self, addr: object) -> Protocol | None:
        """One more."""
        self.number += 1
        if self.are_turned_away:
            return None
        self.let_in.append(Protocol())
        return self.let_in[-1]


class Events:
    """Stands in for the reactor: notes who listens, and what is to be done later."""

    def __init__(self) -> None:
        self.readers: set[object] = set()
        self.later: list[tuple[float, Callable[[], None]]] = []

    def addReader(self, reader: object) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.discard(reader)

    def callLater(self, seconds: float, action: Callable[[], None]) -> None:
        self.later.append((seconds, action))


@contextmanager
def clients(number: int, port: Port) -> Iterator[None]:
    """So many have connected, and wait to be accepted."""
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(port.socket.getsockname()))
        yield


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
def port(arrivals: Arrivals) -> Iterator[Port]:
    listening = Port(0, arrivals, interface="127.0.0.1", reactor=Events())  # type: ignore[arg-type]
    listening.startListening()
    yield listening
    listening.socket.close()
    for protocol in arrivals.let_in:
        protocol.transport.getHandle().close()  # type: ignore[union-attr]


def test_however_many_wait_a_port_accepts_a_few_at_a_time_and_pauses(port: Port, arrivals: Arrivals) -> None:
    with clients(4 * ACCEPTED_AT_A_TIME, port):
        for time in range(1, 5):
            port.doRead()
            assert arrivals.number == time * ACCEPTED_AT_A_TIME
            assert port not in port.reactor.readers
            [(seconds, go_on)] = port.reactor.later
            assert seconds == PAUSE_SECONDS
            go_on()
            assert port in port.reactor.readers
            port.reactor.later.clear()


def test_it_does_not_pause_for_those_whom_it_turns_away(port: Port, arrivals: Arrivals) -> None:
    with clients(4 * ACCEPTED_AT_A_TIME, port):
        arrivals.are_turned_away = True
        for _ in range(3):
            port.doRead()
            assert not port.reactor.later
        arrivals.are_turned_away = False
        port.doRead()
        assert arrivals.number == 4 * ACCEPTED_AT_A_TIME
        assert len(port.reactor.later) == 1


def test_where_nobody_else_waits_it_does_not_pause(port: Port, arrivals: Arrivals) -> None:
    with clients(1, port):
        port.doRead()
    assert arrivals.number == 1
    assert port in port.reactor.readers
    assert not port.reactor.later


def test_a_port_that_is_being_closed_does_not_go_on(port: Port) -> None:
    with clients(ACCEPTED_AT_A_TIME, port):
        port.doRead()
    port.disconnecting = True
    [(_, go_on)] = port.reactor.later
    go_on()
    assert port not in port.reactor.readers


def test_the_reactor_listens_on_such_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Port, "startListening", lambda port: None)
    assert isinstance(Reactor.listenTCP(Events(), 0, Arrivals()), Port)  # type: ignore[arg-type]
