"""How calls end: each first offer in exactly one outcome, and whoever is left is told why."""

from collections.abc import Callable

import pytest

from signalling.codes import CloseCode
from tests.core.client import Client
from tests.core.scene import Scene, new_proof
from tests.core.wording import (
    ADA,
    ANSWER,
    BOB,
    CALL,
    LARGER,
    OFFER,
    SMALLER,
    Frame,
    ack,
    answer,
    error,
    hangup,
    offer,
    refusal,
    reject,
)

PEER, PROOF = new_proof()


# Reject and hangup


@pytest.mark.parametrize("reason", ["busy", "declined", "unsupported", "failed", "glare"])
def test_a_callee_rejects_for_a_reason(scene: Scene, ada: Client, bob: Client, reason: str) -> None:
    scene.dialled(ada, bob)
    bob.reject(reason=reason, id="b")
    assert bob.takes_one() == ack("b", "delivered")
    assert ada.takes_one() == reject(BOB, reason)


def test_a_hangup_withdraws_an_unanswered_offer(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.hang_up(id="a")
    assert ada.takes_one() == ack("a", "delivered")
    assert bob.takes_one() == hangup(ADA, "done")


def test_a_callee_may_hang_up_instead_of_answering(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.hang_up(reason="tea_time", id="b")
    assert bob.takes_one() == ack("b", "delivered")
    assert ada.takes_one() == hangup(BOB, "tea_time")


@pytest.mark.parametrize("by_caller", [True, False])
def test_either_party_ends_an_established_call(scene: Scene, ada: Client, bob: Client, by_caller: bool) -> None:
    scene.established(*((ada, bob) if by_caller else (bob, ada)))
    ada.hang_up(reason="done", id="a")
    assert bob.takes_one() == hangup(ADA, "done")
    assert ada.takes_one() == ack("a", "delivered")


def test_a_partys_own_hangup_is_not_echoed_to_it(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.hang_up()
    assert ada.takes() == []


def test_hangups_that_cross_are_no_error(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.hang_up(id="a")
    bob.hang_up(id="b")
    assert ada.takes() == [ack("a", "delivered")]
    assert bob.takes() == [hangup(ADA), ack("b", "dropped")]


# Time-outs


def test_an_offer_that_is_not_answered_in_time_ends_in_answer_timeout(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(29.9)
    assert ada.takes() == bob.takes() == []
    scene.wait(0.1)
    assert ada.takes_one() == error("answer_timeout", call=CALL)
    assert bob.takes_one() == hangup(ADA, "timeout")


def test_the_timeout_is_the_configured_one_and_offers_say_so() -> None:
    scene = Scene(timeout=0.5)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    ada.dial(bob)
    assert bob.takes_one() == offer(ADA, expires=0.5)
    scene.wait(0.5)
    assert bob.takes_one() == hangup(ADA, "timeout")


def test_an_answer_after_the_timeout_is_dropped(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(30)
    ada.takes()
    bob.takes()
    bob.answer(id="late")
    assert bob.takes_one() == ack("late", "dropped")
    assert ada.takes() == []


def test_an_answered_call_does_not_time_out(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    scene.wait(86_400)
    assert ada.takes() == bob.takes() == []


def test_a_call_offered_again_has_its_full_time(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(20)
    ada.hang_up()
    scene.dialled(ada, bob)
    scene.wait(29)
    assert ada.takes() == []


# Sessions that end


def say_bye(scene: Scene, leaver: Client) -> None:
    leaver.say("bye")


def part(scene: Scene, leaver: Client) -> None:
    scene.part(leaver)


def replace(scene: Scene, leaver: Client) -> None:
    scene.peer(leaver.peer, proof=PROOF)


def misbehave(scene: Scene, leaver: Client) -> None:
    for _ in range(10):
        leaver.write("{")
    assert leaver.closed == CloseCode.PROTOCOL_ERROR


def flood(scene: Scene, leaver: Client) -> None:
    for _ in range(700):
        leaver.say("ping")
    assert leaver.closed == CloseCode.RATE_LIMITED
    scene.part(leaver)


LEAVING = pytest.mark.parametrize(
    ("leave", "reason"),
    [(say_bye, "bye"), (part, "gone"), (replace, "gone"), (flood, "gone"), (misbehave, "disconnected")],
    ids=["bye", "lost", "replaced", "flooded", "misbehaved"],
)
Leave = Callable[[Scene, Client], None]


@LEAVING
@pytest.mark.parametrize("by_caller", [True, False])
def test_when_a_session_ends_its_established_calls_do(
    scene: Scene, bob: Client, leave: Leave, reason: str, by_caller: bool
) -> None:
    leaver = scene.peer(PEER, proof=PROOF)
    scene.established(*((leaver, bob) if by_caller else (bob, leaver)))
    leave(scene, leaver)
    assert bob.takes_one() == hangup(PEER, reason)


@LEAVING
def test_when_a_caller_leaves_its_callee_gets_a_hangup(scene: Scene, bob: Client, leave: Leave, reason: str) -> None:
    leaver = scene.peer(PEER, proof=PROOF)
    scene.dialled(leaver, bob)
    leave(scene, leaver)
    assert bob.takes_one() == hangup(PEER, reason)


@LEAVING
def test_when_a_callee_leaves_its_caller_gets_peer_gone(scene: Scene, bob: Client, leave: Leave, reason: str) -> None:
    leaver = scene.peer(PEER, proof=PROOF)
    scene.dialled(bob, leaver)
    leave(scene, leaver)
    assert bob.takes_one() == error("peer_gone", call=CALL, reason=reason)


def test_all_calls_of_a_session_end_with_it_and_no_other(scene: Scene, ada: Client, bob: Client) -> None:
    other = scene.peer()
    scene.established(ada, bob, SMALLER)
    scene.dialled(ada, bob, CALL)
    scene.dialled(other, ada, LARGER)
    scene.established(other, bob, "cccccccc-0000-4000-8000-000000000000")
    scene.part(ada)
    assert sorted(frame["call"] for frame in bob.takes()) == sorted([SMALLER, CALL])
    assert other.takes_one() == error("peer_gone", call=LARGER, reason="gone")
    assert len(scene.switchboard.calling.open_calls) == 1


@LEAVING
def test_messages_that_cross_with_the_others_leaving_are_dropped(
    scene: Scene, bob: Client, leave: Leave, reason: str
) -> None:
    leaver = scene.peer(PEER, proof=PROOF)
    scene.dialled(leaver, bob)
    leave(scene, leaver)
    bob.takes()
    for say in (bob.answer, bob.trickle, bob.reject, bob.hang_up):
        say(id="late")
        assert bob.takes_one() == ack("late", "dropped")


def test_after_gone_either_may_offer_the_same_call_to_signal_in_it_again(scene: Scene, bob: Client) -> None:
    ada = scene.peer(PEER, proof=PROOF)
    scene.established(ada, bob)
    again = scene.peer(PEER, proof=PROOF)
    bob.takes()
    bob.dial(again, CALL)
    assert bob.takes_one() == ack("dial")
    assert again.takes_one() == offer(BOB, polite=True)  # the roles of the new offer: Bob was polite before
    again.dial(bob, CALL)
    assert again.takes_one() == refusal("call_exists", "dial", "offer")
    again.answer(CALL)
    assert bob.takes_one() == answer(PEER)


def test_a_connection_that_is_lost_twice_is_lost_once(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    scene.lose(ada)
    scene.part(ada)
    assert len(bob.takes()) == 1


# Sixty seconds


def end_by_hangup(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.hang_up()


def end_by_withdrawal(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.hang_up()


def end_by_rejection(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.reject()


def end_by_timeout(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(30)


def end_by_glare(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.dial(ada, SMALLER)


LATE: list[tuple[str, Frame]] = [
    ("answer", {"description": ANSWER}),
    ("reject", {}),
    ("hangup", {}),
    ("candidate", {"candidate": {"candidate": ""}}),
    ("offer", {"description": OFFER}),
]


@pytest.mark.parametrize("end", [end_by_hangup, end_by_withdrawal, end_by_rejection, end_by_timeout, end_by_glare])
def test_for_sixty_seconds_after_a_call_ended_its_parties_messages_are_dropped_without_error(
    scene: Scene, ada: Client, bob: Client, end: Callable[[Scene, Client, Client], None]
) -> None:
    end(scene, ada, bob)
    scene.wait(59.9)
    for client, other in ((ada, bob), (bob, ada)):
        client.takes()
        other.takes()
        for kind, fields in LATE:
            client.say(kind, call=CALL, id="late", **fields)
            assert client.takes_one() == ack("late", "dropped")
            client.say(kind, call=CALL, **fields)
            assert client.takes() == other.takes() == []


@pytest.mark.parametrize("end", [end_by_hangup, end_by_rejection, end_by_timeout])
def test_after_sixty_seconds_the_call_is_unknown(
    scene: Scene, ada: Client, bob: Client, end: Callable[[Scene, Client, Client], None]
) -> None:
    end(scene, ada, bob)
    scene.wait(60)
    for client in (ada, bob):
        client.takes()
        for kind, fields in LATE:
            client.say(kind, call=CALL, id="late", **fields)
            assert client.takes_one() == refusal("call_unknown", "late", kind)


def test_an_offer_with_to_opens_an_ended_call_anew(scene: Scene, ada: Client, bob: Client) -> None:
    end_by_hangup(scene, ada, bob)
    bob.takes()
    bob.dial(ada)
    assert bob.takes_one() == ack("dial")
    assert ada.takes_one() == offer(BOB)
    ada.answer()
    assert bob.takes_one() == answer(ADA)


def test_a_late_message_does_not_lengthen_the_sixty_seconds(scene: Scene, ada: Client, bob: Client) -> None:
    end_by_hangup(scene, ada, bob)
    scene.wait(59)
    ada.trickle()
    scene.wait(1)
    ada.trickle(id="late")
    assert ada.takes_one() == refusal("call_unknown", "late", "candidate")


def test_t29_somebody_elses_ended_call_is_unknown(scene: Scene, ada: Client, bob: Client) -> None:
    end_by_hangup(scene, ada, bob)
    eve = scene.peer()
    eve.hang_up(id="e")
    assert eve.takes_one() == refusal("call_unknown", "e", "hangup")


# Drain


def test_at_a_drain_everybody_gets_going_away_and_is_closed(scene: Scene, ada: Client) -> None:
    silent = scene.connect()
    scene.drain()
    assert ada.takes_one() == {"type": "going_away", "retry_after": 3}
    assert ada.closed == silent.closed == CloseCode.DRAINING
    assert silent.takes() == []


def test_at_a_drain_unanswered_offers_end_with_draining(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.drain()
    assert ada.takes() == [
        {"type": "going_away", "retry_after": 3},
        error("draining", call=CALL, reason="draining"),
    ]
    assert bob.takes() == [{"type": "going_away", "retry_after": 3}, hangup(ADA, "draining")]


def test_at_a_drain_an_established_call_is_hung_up_for_that_reason(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    scene.drain()
    told = [frame for client in (ada, bob) for frame in client.takes() if frame["type"] == "hangup"]
    assert told in ([hangup(ADA, "draining")], [hangup(BOB, "draining")])  # the first to go has no use for it


def test_while_draining_a_new_connection_is_closed(scene: Scene) -> None:
    scene.drain()
    late = scene.connect()
    assert late.closed == CloseCode.DRAINING
    late.hello()
    assert late.takes() == []
    scene.lose(late)


def test_after_a_drain_nothing_is_left(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    scene.dialled(bob, ada, SMALLER)
    scene.drain()
    scene.drain()
    for client in (ada, bob):
        scene.lose(client)
    assert set(scene.registries().values()) == {0}
