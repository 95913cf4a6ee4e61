"""Two peers that call each other at once: one call stays, and both know which."""

import pytest

from signalling.outbox import Note
from tests.core.client import Client
from tests.core.scene import Scene, identifier
from tests.core.wording import (
    ADA,
    BOB,
    CALL,
    EVE,
    HOME,
    LARGER,
    SMALLER,
    ack,
    answer,
    error,
    hangup,
    offer,
    refusal,
    reject,
)


@pytest.mark.parametrize("to", [ADA, identifier(ADA, HOME)])
def test_the_smaller_call_stays_when_it_came_first(scene: Scene, ada: Client, bob: Client, to: str) -> None:
    scene.dialled(ada, bob, SMALLER)
    bob.dial(to, LARGER, id="b")
    assert bob.takes() == [ack("b", "done"), reject(ADA, "glare", LARGER)]
    assert ada.takes() == []
    bob.answer(SMALLER)
    assert ada.takes_one() == answer(BOB, SMALLER)


def test_the_smaller_call_stays_when_it_came_second(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob, LARGER)
    bob.dial(ada, SMALLER, id="b")
    assert bob.takes() == [ack("b", "delivered"), hangup(ADA, "glare", LARGER)]
    assert ada.takes() == [reject(BOB, "glare", LARGER), offer(BOB, SMALLER)]
    ada.answer(SMALLER)
    assert bob.takes_one() == answer(ADA, SMALLER)


def test_uuids_are_compared_as_lower_case_text(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob, "aaaaaaaa-0000-4000-8000-000000000000")
    bob.dial(ada, "BBBBBBBB-0000-4000-8000-000000000000")
    assert [frame["type"] for frame in bob.takes()] == ["ack", "reject"]


@pytest.mark.parametrize("first", [SMALLER, LARGER])
def test_exactly_one_call_stays_and_the_other_is_over_for_both(
    scene: Scene, ada: Client, bob: Client, first: str
) -> None:
    second = SMALLER if first == LARGER else LARGER
    ada.dial(bob, first)
    bob.dial(ada, second)
    assert {call.id for call in scene.switchboard.calling.open_calls} == {SMALLER}
    ada.takes()
    bob.takes()
    for client in (ada, bob):
        if client is bob or first == LARGER:  # the offer that lost was sent or delivered to it
            client.trickle(LARGER, id="late")
            assert client.takes_one() == ack("late", "dropped")


def test_without_an_id_the_later_caller_gets_the_rejection_alone(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob, SMALLER)
    bob.dial(ada, LARGER, id=None)
    assert bob.takes_one() == reject(ADA, "glare", LARGER)


def test_of_several_crossing_calls_the_smallest_stays(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob, LARGER)
    scene.dialled(ada, bob, CALL)
    bob.dial(ada, SMALLER)
    assert [frame["type"] for frame in ada.takes()] == ["reject", "reject", "offer"]
    assert [frame["type"] for frame in bob.takes()] == ["ack", "hangup", "hangup"]


def test_the_same_id_on_both_sides_exists_already(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.dial(ada)
    assert bob.takes_one() == refusal("call_exists", "dial", "offer")
    bob.answer()
    assert ada.takes_one() == answer(BOB)


def test_an_answered_call_does_not_collide(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob, SMALLER)
    bob.dial(ada, LARGER)
    assert bob.takes_one() == ack("dial", "delivered")
    assert ada.takes_one() == offer(BOB, LARGER)


def test_a_call_of_somebody_else_does_not_collide(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(scene.peer(EVE), bob, SMALLER)
    bob.dial(ada, LARGER)
    assert bob.takes_one() == ack("dial", "delivered")


def test_an_offer_over_http_does_not_collide(scene: Scene, bob: Client) -> None:
    caller = scene.post(bob, from_=ADA, call=SMALLER)
    ada = scene.peer(ADA)  # who has come meanwhile, with the id that the offer over HTTP claims
    bob.takes()
    bob.dial(ada, LARGER)
    assert bob.takes_one() == ack("dial", "delivered")
    assert ada.takes_one() == offer(BOB, LARGER)
    assert caller.outcome is None


def test_a_later_call_that_is_refused_leaves_the_other_alone() -> None:
    scene = Scene(unanswered_per_callee=1)
    ada, bob, eve = scene.peer(ADA), scene.peer(BOB), scene.peer(EVE)
    scene.dialled(eve, ada, CALL)
    scene.dialled(ada, bob, LARGER)
    bob.dial(ada, SMALLER)
    assert bob.takes_one() == refusal("limit_exceeded", "dial", "offer", SMALLER, retry_after=5)
    bob.answer(LARGER)
    assert ada.takes_one() == answer(BOB, LARGER)


@pytest.mark.parametrize("first", [SMALLER, LARGER])
def test_both_offers_are_accounted_for(scene: Scene, ada: Client, bob: Client, first: str) -> None:
    ada.dial(bob, first)
    bob.dial(ada, SMALLER if first == LARGER else LARGER)
    scene.wait(30)
    assert len(offered(scene.notes)) == 2
    assert sorted(note.event for note in scene.notes if note.event in {"call reject", "call error"}) == [
        "call error",
        "call reject",
    ]


def offered(notes: list[Note]) -> list[Note]:
    return [note for note in notes if note.event == "call offered"]


def test_the_call_that_stays_times_out_like_any_other(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob, SMALLER)
    bob.dial(ada, LARGER)
    bob.takes()
    scene.wait(30)
    assert ada.takes_one() == error("answer_timeout", call=SMALLER)
    assert bob.takes_one() == hangup(ADA, "timeout", SMALLER)
