"""Later offers in an established call: renegotiation, ICE restarts, and both at once (W3C perfect negotiation)."""

import pytest

from tests.core.client import Client
from tests.core.scene import Scene
from tests.core.wording import (
    ADA,
    BOB,
    CALL,
    LATER_OFFER,
    ack,
    answer,
    candidate,
    error,
    hangup,
    offer,
    refusal,
    reject,
)


@pytest.fixture(autouse=True)
def call(scene: Scene, ada: Client, bob: Client) -> None:
    """Ada called, so she is impolite; Bob answered, so he is polite."""
    scene.established(ada, bob)


def later_offer(from_: str, *, polite: bool) -> dict[str, object]:
    return offer(from_, description=LATER_OFFER, polite=polite)


def test_either_party_may_offer_and_the_other_answers(ada: Client, bob: Client) -> None:
    for offerer, answerer, polite in ((ada, bob, True), (bob, ada, False), (ada, bob, True)):
        offerer.renegotiate(id="o")
        assert offerer.takes_one() == ack("o", "delivered")
        assert answerer.takes_one() == later_offer(offerer.peer, polite=polite)
        answerer.answer(id="a")
        assert answerer.takes_one() == ack("a", "delivered")
        assert offerer.takes_one() == answer(answerer.peer)


def test_polite_describes_the_receiver_and_is_constant_for_the_call(scene: Scene, ada: Client, bob: Client) -> None:
    for _ in range(3):
        ada.renegotiate()
        assert bob.takes_one()["polite"] is True
        bob.answer()
        bob.renegotiate()
        assert ada.takes()[-1]["polite"] is False
        ada.answer()
        bob.takes()


def test_each_has_at_most_one_open_offer(ada: Client, bob: Client) -> None:
    ada.renegotiate()
    ada.renegotiate(id="second")
    assert ada.takes_one() == refusal("call_state", "second", "offer")
    assert len(bob.takes()) == 1
    bob.answer()
    ada.takes()
    ada.renegotiate(id="third")
    assert ada.takes_one() == ack("third")


def test_a_second_answer_is_call_state(ada: Client, bob: Client) -> None:
    ada.renegotiate()
    bob.answer()
    bob.takes()
    bob.answer(id="second")
    assert bob.takes_one() == refusal("call_state", "second", "answer")


def test_candidates_of_a_restart_are_relayed(ada: Client, bob: Client) -> None:
    bob.renegotiate()
    bob.trickle()
    ada.trickle()
    assert ada.takes()[1:] == [candidate(BOB)]
    assert bob.takes() == [candidate(ADA)]


# A later offer that is not answered


def test_a_later_offer_that_is_rejected_tells_its_sender_only_and_leaves_the_call_up(ada: Client, bob: Client) -> None:
    bob.renegotiate()
    ada.takes()
    ada.reject(reason="failed", id="r")
    assert ada.takes_one() == ack("r")
    assert bob.takes_one() == reject(ADA, "failed")
    ada.trickle()
    assert bob.takes_one() == candidate(ADA)


def test_a_later_offer_that_times_out_tells_its_sender_only_and_leaves_the_call_up(
    scene: Scene, ada: Client, bob: Client
) -> None:
    ada.renegotiate()
    bob.takes()
    scene.wait(29.9)
    assert ada.takes() == []
    scene.wait(0.1)
    assert ada.takes_one() == error("answer_timeout", call=CALL)
    assert bob.takes() == []
    bob.trickle()
    assert ada.takes_one() == candidate(BOB)


@pytest.mark.parametrize("end", ["rejected", "timed out"])
def test_an_answer_that_comes_after_that_is_dropped(scene: Scene, ada: Client, bob: Client, end: str) -> None:
    ada.renegotiate()
    if end == "rejected":
        bob.reject()
    else:
        scene.wait(30)
    ada.takes()
    bob.takes()
    bob.answer(id="late")
    assert bob.takes_one() == ack("late", "dropped")
    assert ada.takes() == []


@pytest.mark.parametrize("end", ["rejected", "timed out"])
def test_after_that_either_may_offer_anew(scene: Scene, ada: Client, bob: Client, end: str) -> None:
    for offerer, answerer in ((ada, bob), (bob, ada), (ada, bob)):
        offerer.renegotiate()
        if end == "rejected":
            answerer.reject()
        else:
            scene.wait(30)
        offerer.takes()
        answerer.takes()
    ada.renegotiate()
    bob.answer()
    assert ada.takes() == [answer(BOB)]


def test_the_clock_of_an_answered_offer_does_not_end_the_next(scene: Scene, ada: Client, bob: Client) -> None:
    ada.renegotiate()
    bob.answer()
    scene.wait(29)
    ada.renegotiate()
    ada.takes()
    scene.wait(29)
    assert ada.takes() == []
    scene.wait(1)
    assert ada.takes_one() == error("answer_timeout", call=CALL)


# Both at once


def test_the_polite_partys_offer_that_comes_second_is_not_delivered(ada: Client, bob: Client) -> None:
    ada.renegotiate()
    bob.renegotiate(id="b")
    assert bob.takes() == [later_offer(ADA, polite=True), ack("b", "dropped")]
    assert ada.takes() == []
    bob.answer()
    assert ada.takes_one() == answer(BOB)


def test_the_impolite_partys_offer_that_comes_second_is_delivered(ada: Client, bob: Client) -> None:
    bob.renegotiate()
    ada.takes()
    ada.renegotiate(id="a")
    assert ada.takes_one() == ack("a", "delivered")
    assert bob.takes_one() == later_offer(ADA, polite=True)
    bob.answer(id="b")
    assert bob.takes_one() == ack("b", "delivered")
    assert ada.takes_one() == answer(BOB)


@pytest.mark.parametrize("settle", [Client.answer, Client.reject], ids=["answer", "rejection"])
@pytest.mark.parametrize("moment", ["before the other is answered", "after it"])
def test_an_answer_to_the_void_offer_is_dropped(ada: Client, bob: Client, settle: object, moment: str) -> None:
    bob.renegotiate()
    ada.renegotiate()
    if moment == "after it":
        bob.answer()
    ada.takes()
    bob.takes()
    settle(ada, id="late")  # type: ignore[operator]
    assert ada.takes_one() == ack("late", "dropped")
    assert bob.takes() == []


def test_the_sender_of_the_void_offer_gets_nothing_more(scene: Scene, ada: Client, bob: Client) -> None:
    bob.renegotiate()
    ada.renegotiate()
    bob.takes()
    bob.answer()
    scene.wait(60)
    assert bob.takes() == []


def test_the_polite_party_may_offer_again_once_it_has_answered(ada: Client, bob: Client) -> None:
    bob.renegotiate()
    ada.renegotiate()
    bob.answer()
    ada.takes()
    bob.takes()
    bob.renegotiate(id="again")
    assert bob.takes_one() == ack("again", "delivered")
    assert ada.takes_one() == later_offer(BOB, polite=False)
    ada.answer()
    assert bob.takes_one() == answer(ADA)


def test_an_impolite_offer_that_made_the_other_void_may_time_out(scene: Scene, ada: Client, bob: Client) -> None:
    bob.renegotiate()
    ada.renegotiate()
    ada.takes()
    bob.takes()
    scene.wait(30)
    assert ada.takes_one() == error("answer_timeout", call=CALL)
    assert bob.takes() == []
    bob.answer(id="late")
    assert bob.takes_one() == ack("late", "dropped")
    bob.renegotiate(id="again")
    assert bob.takes_one() == ack("again", "delivered")


@pytest.mark.parametrize("offers", ["ab", "ba"])
def test_a_hangup_ends_a_call_whatever_is_open_in_it(scene: Scene, ada: Client, bob: Client, offers: str) -> None:
    for sender in offers:
        {"a": ada, "b": bob}[sender].renegotiate()
    bob.takes()
    ada.hang_up()
    ada.takes()
    assert bob.takes_one() == hangup(ADA)
    scene.wait(30)
    assert ada.takes() == bob.takes() == []


def test_a_party_that_leaves_ends_a_later_offer_by_its_hangup_alone(scene: Scene, ada: Client, bob: Client) -> None:
    ada.renegotiate()
    scene.part(bob)
    assert ada.takes_one() == hangup(BOB, "gone")
