"""Offers by `POST /signal`: delivered to a session or posted on, and how the HTTP caller learns their outcome."""

from typing import Any

import msgspec
import pytest

from signalling import frames
from signalling.codes import ErrorCode
from signalling.identity import NIL_UUID
from signalling.outbox import Outcome
from signalling.posted import encode_answer
from signalling.refusals import Refusal
from tests.core.client import Client
from tests.core.scene import ANSWERER, DESCRIPTION, REPLY, HttpCaller, Scene
from tests.core.wording import (
    ADA,
    ANSWER,
    BOB,
    CALL,
    EVE,
    HOME,
    LARGER,
    LATER_OFFER,
    NOBODY,
    ack,
    error,
    hangup,
    offer,
    refusal,
)


def refused(scene: Scene, *to: Any, **offer: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        scene.post(*to, **offer)
    return caught.value


def waiting(scene: Scene, callee: Client, **offer: Any) -> HttpCaller:
    """An offer that its callee has got."""
    caller = scene.post(callee, **offer)
    assert callee.takes_one()["via"] == "http"
    assert caller.outcome is None
    return caller


def failure(outcome: Outcome | None) -> tuple[str, str | None]:
    """The code and reason of an outcome that is an error."""
    assert isinstance(outcome, frames.Error)
    return outcome.code, outcome.reason or None


# To a session


def test_it_comes_to_the_callee_as_an_offer_via_http_without_trickle(scene: Scene, bob: Client) -> None:
    scene.post(bob, from_=ADA)
    description = msgspec.json.decode(DESCRIPTION)
    assert bob.takes_one() == offer(ADA, description=description, polite=True, trickle=False, via="http")


@pytest.mark.parametrize("public_ip", ["", HOME, "http://signal.example.org:80/", "HTTPS://SIGNAL.EXAMPLE.ORG"])
def test_no_address_or_the_own_one_means_a_session_here(scene: Scene, bob: Client, public_ip: str) -> None:
    scene.post(bob, public_ip)
    assert bob.takes_one()["via"] == "http"
    assert scene.errands == []


def test_the_answer_is_its_outcome_and_ends_the_call_on_the_server(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    bob.answer(id="b")
    assert bob.takes_one() == ack("b", "delivered")
    assert isinstance(caller.outcome, frames.Answer)
    assert msgspec.json.decode(caller.outcome.description) == ANSWER
    assert scene.registries()["calls"] == 0
    for say in (bob.trickle, bob.hang_up, bob.renegotiate, bob.answer):
        say(id="late")
        assert bob.takes_one() == ack("late", "dropped")


def test_candidates_are_call_state(scene: Scene, bob: Client) -> None:
    waiting(scene, bob)
    bob.trickle(id="c")
    assert bob.takes_one() == refusal("call_state", "c", "candidate")


def test_an_offer_back_is_call_state(scene: Scene, bob: Client) -> None:
    waiting(scene, bob)
    bob.renegotiate(id="o")
    assert bob.takes_one() == refusal("call_state", "o", "offer")


def test_a_rejection_is_its_outcome_with_its_reason(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    bob.reject(reason="busy", id="b")
    assert bob.takes_one() == ack("b", "delivered")
    assert isinstance(caller.outcome, frames.Reject)
    assert caller.outcome.reason == "busy"


def test_a_hangup_by_the_callee_is_its_outcome(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    bob.hang_up(reason="tea_time")
    assert isinstance(caller.outcome, frames.Hangup)
    assert caller.outcome.reason == "tea_time"


def test_it_times_out(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    scene.wait(29.9)
    assert caller.outcome is None
    scene.wait(0.1)
    assert failure(caller.outcome) == ("answer_timeout", None)
    assert bob.takes_one() == hangup(ADA, "timeout")


@pytest.mark.parametrize("leave", ["bye", "gone"])
def test_a_callee_that_leaves_is_gone(scene: Scene, bob: Client, leave: str) -> None:
    caller = waiting(scene, bob)
    if leave == "bye":
        bob.say("bye")
    else:
        scene.part(bob)
    assert failure(caller.outcome) == ("peer_gone", leave)


def test_at_a_drain_it_ends_with_draining(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    scene.drain()
    assert failure(caller.outcome) == ("draining", "draining")
    assert bob.takes()[-1] == hangup(ADA, "draining")


def test_when_the_caller_hangs_up_its_offer_is_withdrawn_at_once(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    scene.withdraw(caller)
    assert bob.takes_one() == hangup(ADA, "gone")
    bob.answer(id="late")
    assert bob.takes_one() == ack("late", "dropped")
    assert scene.registries()["calls"] == 0


def test_a_caller_that_hangs_up_after_the_outcome_withdraws_nothing(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob)
    bob.answer()
    scene.withdraw(caller)
    scene.withdraw(caller)
    assert bob.takes() == []


def test_its_from_is_a_claim_even_that_of_nobody(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob, from_=NIL_UUID)
    bob.answer()
    assert isinstance(caller.outcome, frames.Answer)


# To an address


def test_another_address_is_posted_to_with_the_body_byte_for_byte(scene: Scene) -> None:
    scene.post(EVE, ANSWERER, from_=ADA)
    (errand,) = scene.errands
    assert errand.target.url == f"{ANSWERER}/signal"
    assert DESCRIPTION in errand.body
    assert CALL.encode() in errand.body


def test_sessions_here_are_not_considered_for_another_address(scene: Scene, bob: Client) -> None:
    scene.post(bob, ANSWERER)
    assert bob.takes() == []
    assert len(scene.errands) == 1


def test_the_answer_of_an_http_answerer_is_passed_on_byte_for_byte(scene: Scene) -> None:
    caller = scene.post(EVE, ANSWERER)
    body = b" " + encode_answer(CALL, REPLY) + b"\n"
    scene.admit(scene.errands[0])
    scene.reply(scene.errands[0], body)
    assert caller.outcome == body
    assert scene.registries()["errands"] == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", encode_answer(LARGER, REPLY)])
def test_t8_what_is_no_answer_is_not_passed_on(scene: Scene, body: bytes) -> None:
    caller = scene.post(EVE, ANSWERER)
    scene.reply(scene.errands[0], body)
    assert failure(caller.outcome) == ("target_failed", None)


def test_t7_all_failures_read_alike(scene: Scene) -> None:
    outcomes = []
    for fail in (scene.fail, lambda errand: scene.reply(errand, b"<html>"), lambda errand: scene.wait(31)):
        caller = scene.post(EVE, ANSWERER)
        fail(scene.errands[-1])
        assert isinstance(caller.outcome, frames.Error)
        outcomes.append(frames.encode(caller.outcome))
    assert len(set(outcomes)) == 1


def test_a_timeout_cancels_the_request(scene: Scene) -> None:
    caller = scene.post(EVE, ANSWERER)
    scene.wait(31)
    assert failure(caller.outcome) == ("target_failed", None)
    assert scene.cancelled == scene.errands


def test_a_refusal_by_policy_is_its_outcome(scene: Scene) -> None:
    caller = scene.post(EVE, ANSWERER)
    scene.refuse(scene.errands[0], ErrorCode.TARGET_NOT_ALLOWED)
    assert failure(caller.outcome) == ("target_not_allowed", None)


def test_a_caller_that_hangs_up_cancels_the_request(scene: Scene) -> None:
    caller = scene.post(EVE, ANSWERER)
    scene.withdraw(caller)
    assert scene.cancelled == scene.errands
    scene.reply(scene.errands[0])
    assert caller.outcome is None


def test_at_a_drain_the_request_is_cancelled_and_ends_with_draining(scene: Scene) -> None:
    caller = scene.post(EVE, ANSWERER)
    scene.drain()
    assert failure(caller.outcome) == ("draining", "draining")
    assert scene.cancelled == scene.errands


def test_the_forwarder_learns_who_asks(scene: Scene) -> None:
    scene.post(EVE, ANSWERER, source="192.0.2.9", from_browser=True)
    assert (scene.errands[0].source, scene.errands[0].from_browser) == ("192.0.2.9", True)


# Refused


def test_a_peer_that_is_not_here_is_unavailable(scene: Scene) -> None:
    refusal = refused(scene, NOBODY)
    assert refusal.code == ErrorCode.PEER_UNAVAILABLE
    assert refusal.retry_after == 5


def test_an_own_address_is_never_posted_to(scene: Scene) -> None:
    assert refused(scene, NIL_UUID, HOME).code == ErrorCode.PEER_UNAVAILABLE
    assert scene.errands == []


@pytest.mark.parametrize(
    "public_ip", ["198.51.100.7", "ftp://198.51.100.7", "http://a/b", "http://u@a", "http://a\r\n"]
)
def test_t12_a_public_ip_that_is_no_address_is_a_bad_message(scene: Scene, public_ip: str) -> None:
    assert refused(scene, EVE, public_ip).code == ErrorCode.BAD_MESSAGE


@pytest.mark.parametrize("to", [(BOB,), (NOBODY,), (EVE, ANSWERER), (NIL_UUID, HOME)])
def test_t26_nobody_can_claim_to_be_a_peer_that_has_a_session_here(
    scene: Scene, ada: Client, bob: Client, to: tuple[str, ...]
) -> None:
    assert refused(scene, *to, from_=ADA).code == ErrorCode.IDENTITY_TAKEN
    assert ada.takes() == bob.takes() == []
    assert scene.errands == []


def test_the_same_offer_to_the_same_callee_exists(scene: Scene, bob: Client) -> None:
    waiting(scene, bob)
    assert refused(scene, bob).code == ErrorCode.CALL_EXISTS
    assert refused(scene, bob, from_=EVE).code == ErrorCode.CALL_EXISTS
    assert bob.takes() == []


def test_a_call_that_the_callee_has_open_exists(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    assert refused(scene, bob, from_=EVE).code == ErrorCode.CALL_EXISTS


def test_the_same_offer_between_the_same_two_is_in_flight_once(scene: Scene) -> None:
    caller = scene.post(EVE, ANSWERER)
    assert refused(scene, EVE, ANSWERER).code == ErrorCode.CALL_EXISTS
    assert refused(scene, EVE, f"{ANSWERER}/").code == ErrorCode.CALL_EXISTS
    scene.post(EVE, ANSWERER, call=LARGER)
    scene.post(EVE, ANSWERER, from_=BOB)
    scene.post(BOB, ANSWERER)
    assert caller.outcome is None
    assert len(scene.errands) == 4


def test_the_same_offer_may_come_again_after_its_outcome(scene: Scene, bob: Client) -> None:
    waiting(scene, bob)
    bob.reject()
    waiting(scene, bob)
    scene.post(EVE, ANSWERER)
    scene.fail(scene.errands[0])
    scene.post(EVE, ANSWERER)
    assert len(scene.errands) == 2


def test_what_a_server_has_posted_on_may_be_delivered_but_is_not_posted_on_again(scene: Scene, bob: Client) -> None:
    waiting(scene, bob, passed_through=True)
    assert refused(scene, EVE, ANSWERER, passed_through=True).code == ErrorCode.LOOP
    assert scene.errands == []


def test_while_draining_nothing_is_taken_on(scene: Scene) -> None:
    scene.drain()
    assert refused(scene, NOBODY).code == ErrorCode.DRAINING
    assert refused(scene, EVE, ANSWERER).code == ErrorCode.DRAINING


def test_a_callee_that_calls_back_meanwhile_has_two_calls(scene: Scene, bob: Client) -> None:
    caller = waiting(scene, bob, from_=ADA)
    ada = scene.peer(ADA)
    scene.dialled(bob, ada, LARGER)
    bob.answer()
    ada.answer(LARGER)
    assert isinstance(caller.outcome, frames.Answer)
    bob.takes()
    bob.renegotiate(LARGER)
    assert ada.takes_one() == offer(BOB, LARGER, description=LATER_OFFER)


def test_the_outcome_of_a_posted_offer_is_no_concern_of_a_session_with_that_id(scene: Scene, bob: Client) -> None:
    waiting(scene, bob, from_=ADA)
    ada = scene.peer(ADA)
    bob.answer()
    assert ada.takes() == []
    ada.hang_up(id="a")
    assert ada.takes_one() == refusal("call_unknown", "a", "hangup")


def test_errors_of_a_websocket_caller_and_of_an_http_caller_are_the_same(
    scene: Scene, ada: Client, bob: Client
) -> None:
    caller = waiting(scene, bob, from_=EVE, call=LARGER)
    scene.dialled(ada, bob)
    scene.wait(30)
    assert ada.takes_one() == error("answer_timeout", call=CALL)
    assert failure(caller.outcome) == ("answer_timeout", None)
