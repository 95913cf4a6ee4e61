"""When a peak is over, and what is given back then."""

import gc
import weakref

import pytest

from roundtable.ebb import CALM_SECONDS, LEAST, SHARE, Ebb, give_memory_back
from signalling.addresses import parse_ip, source_key
from signalling.identity import canonical_uuid

PEAK = 10 * LEAST
FEW = PEAK // SHARE
UPPER = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"


class Tide:
    """A server's sessions, as an ebb is told of them second by second; `ended` has the times when it saw a peak end."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ended: list[float] = []
        self._ebb = Ebb(lambda: self.ended.append(self.now))

    def holds(self, sessions: int, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self._ebb.note(sessions, self.now)
            self.now += 1


@pytest.fixture
def tide() -> Tide:
    return Tide()


def test_memory_is_given_back_once_when_few_have_been_left_for_a_while(tide: Tide) -> None:
    tide.holds(PEAK, 100)
    tide.holds(FEW, 10 * CALM_SECONDS)
    assert tide.ended == [100 + CALM_SECONDS]


def test_it_is_given_back_after_each_peak(tide: Tide) -> None:
    for _ in range(3):
        tide.holds(PEAK, 1)
        tide.holds(0, CALM_SECONDS + 1)
    assert len(tide.ended) == 3


@pytest.mark.parametrize(("most", "left"), [(LEAST - 1, 0), (PEAK, FEW + 1)])
def test_neither_few_that_go_nor_many_that_stay_make_an_ebb(tide: Tide, most: int, left: int) -> None:
    tide.holds(most, 100)
    tide.holds(left, 10 * CALM_SECONDS)
    assert not tide.ended


def test_who_comes_back_soon_finds_things_as_they_were(tide: Tide) -> None:
    for _ in range(5):
        tide.holds(PEAK, 1)
        tide.holds(0, CALM_SECONDS)
    assert not tide.ended


def test_what_is_kept_of_addresses_and_ids_and_what_nobody_holds_is_given_back() -> None:
    class Node:
        itself: "Node"

    node = Node()
    node.itself = node
    nobodys = weakref.ref(node)
    address = parse_ip("192.0.2.1")
    assert parse_ip("192.0.2.1") is address
    assert source_key("192.0.2.1") == "192.0.2.1"
    peer = canonical_uuid(UPPER)
    assert canonical_uuid(UPPER) is peer
    gc.disable()
    try:
        del node
        give_memory_back()
        assert nobodys() is None
        assert parse_ip("192.0.2.1") is not address
        assert canonical_uuid(UPPER) is not peer
    finally:
        gc.enable()
