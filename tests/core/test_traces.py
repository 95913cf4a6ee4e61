"""The trace of a call: what is in it, and how each kind of call ends in it. Which are kept is in test_journal.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from signalling.codes import ErrorCode
from signalling.traces import Trace
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier
from tests.core.tracewords import check_words
from tests.core.wording import ADA, ANSWER, BOB, CALL, EVE, LARGER, NOBODY, OFFER, SMALLER

HOST = "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host"
SRFLX = "candidate:2 1 udp 1694498815 198.51.100.7 50001 typ srflx raddr 192.0.2.1 rport 50000"
RELAY = "candidate:3 1 udp 16777215 203.0.113.9 50002 typ relay raddr 0.0.0.0 rport 0"


def events(trace: Trace) -> list[tuple[str, str | None, str | None]]:
    """What happened, without the times."""
    return [(moment.event, moment.by, moment.detail) for moment in trace.moments]


def described(kind: str, *candidates: str) -> dict[str, str]:
    """A description with these candidates."""
    return {"type": kind, "sdp": "v=0\r\n" + "".join(f"a={candidate}\r\n" for candidate in candidates)}


# How it begins


def test_a_call_that_is_answered(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob)
    trace = scene.trace()
    assert (trace.outcome, trace.answered_after, trace.ended, trace.failed) == (None, None, None, False)
    scene.now += 4
    bob.answer()
    assert (trace.outcome, trace.answered_after, trace.ended, trace.failed) == ("answer", 4, None, False)
    assert events(trace) == [("offer", "caller", None), ("delivered", None, None), ("answer", "callee", None)]
    assert [moment.seconds for moment in trace.moments] == [0, 0, 4]


def test_who_calls_whom_and_how(scene: Scene, ada: Client, bob: Client) -> None:
    for client in (ada, bob):
        client.say("join", table="camelot")
    bob.dial(ada, table="camelot")
    trace = scene.trace()
    assert (trace.caller, trace.callee, trace.table) == (BOB, ADA, "camelot")
    assert (trace.transport, trace.to, trace.began) == ("websocket", "session", scene.now)


def test_an_offer_over_http(scene: Scene, bob: Client) -> None:
    scene.post(bob)
    trace = scene.trace()
    assert (trace.caller, trace.callee, trace.transport, trace.to) == (ADA, BOB, "http", "session")
    bob.answer()
    assert (trace.outcome, trace.ended) == ("answer", scene.now)


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_an_offer_to_an_address_of_which_the_trace_says_nothing(scene: Scene, transport: str) -> None:
    if transport == "http":
        scene.post(NOBODY, ANSWERER)
    else:
        scene.peer(ADA).dial(identifier(NOBODY))
    trace = scene.trace()
    assert (trace.caller, trace.callee, trace.transport, trace.to) == (ADA, "", transport, "address")
    scene.admit(scene.errands[0])
    scene.now += 2
    scene.reply(scene.errands[0])
    assert events(trace) == [("offer", "caller", None), ("posted", None, None), ("answer", "callee", None)]
    assert (trace.outcome, trace.answered_after, trace.ended) == ("answer", 2, scene.now)


def test_an_offer_to_a_peer_that_is_away_is_held(scene: Scene, ada: Client, bob: Client) -> None:
    scene.lose(bob)
    ada.dial(bob)
    assert events(scene.trace())[1] == ("held", None, None)


def test_a_party_whose_connection_is_lost_is_seen_to_go_and_to_come_back(
    scene: Scene, ada: Client, bob: Client
) -> None:
    scene.dialled(ada, bob)
    scene.lose(bob)
    scene.now += 2
    back = scene.resume(bob)
    back.answer()
    scene.lose(ada)
    moments = [(moment.seconds, moment.event, moment.by) for moment in scene.trace().moments[2:]]
    assert moments == [
        (0, "connection_lost", "callee"),
        (2, "resumed", "callee"),
        (2, "answer", "callee"),
        (2, "connection_lost", "caller"),
    ]


def test_a_connection_that_is_replaced_was_not_lost(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    before = events(scene.trace())
    scene.resume(bob)
    assert events(scene.trace()) == before


# How it ends


def hangs_up_unanswered(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.hang_up(reason="impatient")


def callee_hangs_up_unanswered(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.hang_up()


def caller_is_lost_unanswered(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.part(ada)


def callee_rejects(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.reject(reason="busy")


def nobody_answers(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(30)


def callee_is_lost(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.part(bob)


def callee_says_bye(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.say("bye")


def server_drains(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.drain()


def is_kicked_unanswered(scene: Scene, ada: Client, bob: Client) -> None:
    for client in (ada, bob):
        client.say("join", table="camelot")
    bob.dial(ada, table="camelot")
    ada.say("kick", table="camelot", peer=BOB)


def crosses(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob, CALL)
    bob.dial(ada, SMALLER)


def crosses_and_was_never_delivered(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob, SMALLER)
    bob.dial(ada, CALL)


def http_caller_hangs_up(scene: Scene, ada: Client, bob: Client) -> None:
    scene.withdraw(scene.post(bob, from_=EVE))


def address_is_not_allowed(scene: Scene, ada: Client, bob: Client) -> None:
    scene.post(NOBODY, ANSWERER, from_=EVE)
    scene.refuse(scene.errands[0], ErrorCode.TARGET_NOT_ALLOWED)


def address_is_left_alone(scene: Scene, ada: Client, bob: Client) -> None:
    scene.post(NOBODY, ANSWERER, from_=EVE)
    scene.fail(scene.errands[0], limit="breaker_failures")


def address_is_asked_too_often(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(identifier(NOBODY))
    scene.refuse(scene.errands[0], ErrorCode.RATE_LIMITED, 7, limit="network_per_second")


def address_does_not_answer(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(identifier(NOBODY))
    scene.admit(scene.errands[0])
    scene.wait(31)


ENDS_UNANSWERED: list[tuple[Callable[[Scene, Client, Client], None], tuple[Any, ...], tuple[Any, ...]]] = [
    # how it ends, (outcome, reason, ended by, limit), the last moment
    (hangs_up_unanswered, ("hangup", "impatient", "caller", None), ("hangup", "caller", "impatient")),
    (callee_hangs_up_unanswered, ("hangup", "done", "callee", None), ("hangup", "callee", "done")),
    (caller_is_lost_unanswered, ("hangup", "gone", "caller", None), ("hangup", "caller", "gone")),
    (callee_rejects, ("reject", "busy", "callee", None), ("reject", "callee", "busy")),
    (nobody_answers, ("answer_timeout", None, None, None), ("timeout", None, "answer_timeout")),
    (callee_is_lost, ("peer_gone", "gone", None, None), ("error", None, "peer_gone")),
    (callee_says_bye, ("peer_gone", "bye", None, None), ("error", None, "peer_gone")),
    (server_drains, ("draining", "draining", None, None), ("error", None, "draining")),
    (is_kicked_unanswered, ("hangup", "kicked", None, None), ("hangup", None, "kicked")),
    (crosses, ("glare", "glare", "callee", None), ("reject", "callee", "glare")),
    (crosses_and_was_never_delivered, ("glare", "glare", "callee", None), ("reject", "callee", "glare")),
    (http_caller_hangs_up, ("withdrawn", "gone", "caller", None), ("hangup", "caller", "gone")),
    (address_is_not_allowed, ("target_not_allowed", None, None, None), ("error", None, "target_not_allowed")),
    (address_is_left_alone, ("target_failed", None, None, "breaker_failures"), ("error", None, "target_failed")),
    (address_is_asked_too_often, ("rate_limited", None, None, "network_per_second"), ("error", None, "rate_limited")),
    (address_does_not_answer, ("target_failed", None, None, None), ("error", None, "target_failed")),
]


@pytest.mark.parametrize(("end", "ending", "last"), ENDS_UNANSWERED, ids=[case[0].__name__ for case in ENDS_UNANSWERED])
def test_a_call_without_an_answer_says_how_it_ended(
    scene: Scene,
    ada: Client,
    bob: Client,
    end: Callable[[Scene, Client, Client], None],
    ending: tuple[Any, ...],
    last: tuple[Any, ...],
) -> None:
    end(scene, ada, bob)
    trace = scene.trace()
    assert (trace.outcome, trace.reason, trace.ended_by, trace.limit) == ending
    assert events(trace)[-1] == last
    assert trace.ended == trace.began + trace.moments[-1].seconds == scene.now
    assert trace.failed == (trace.outcome != "glare"), "of two calls that cross the other one stays"
    assert trace.answered_after is None


ENDS_ANSWERED: list[tuple[Callable[[Scene, Client, Client], None], str, str | None]] = [
    (lambda scene, ada, bob: ada.hang_up(), "done", "caller"),
    (lambda scene, ada, bob: bob.hang_up(reason="enough"), "enough", "callee"),
    (lambda scene, ada, bob: scene.part(bob), "gone", "callee"),
    (lambda scene, ada, bob: ada.say("kick", table="camelot", peer=BOB), "kicked", None),
    (lambda scene, ada, bob: bob.say("leave", table="camelot"), "left", "callee"),
    (lambda scene, ada, bob: scene.drain(), "draining", "caller"),
]


@pytest.mark.parametrize(("end", "reason", "by"), ENDS_ANSWERED, ids=[case[1] for case in ENDS_ANSWERED])
def test_an_answered_call_says_who_ended_it_and_its_outcome_stays(
    scene: Scene, end: Callable[[Scene, Client, Client], None], reason: str, by: str | None
) -> None:
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    for client in (ada, bob):
        client.say("join", table="camelot")
    scene.established(ada, bob, table="camelot")
    end(scene, ada, bob)
    trace = scene.trace()
    assert (trace.outcome, trace.reason, trace.ended_by, trace.failed) == ("answer", reason, by, False)
    assert events(trace)[-1] == ("hangup", by, reason)
    assert trace.ended == scene.now


# What happens in it


def test_candidates_are_counted_by_side_and_type_wherever_they_are(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob, description=described("offer", HOST))
    ada.trickle(candidate={"candidate": SRFLX})
    ada.trickle(candidates=[{"candidate": HOST}, {"candidate": HOST, "sdpMid": None}, {"candidate": RELAY}])
    bob.answer(description=described("answer", HOST, HOST, RELAY))
    trace = scene.trace()
    assert trace.candidates == {
        "caller": {"host": 3, "srflx": 1, "relay": 1},
        "callee": {"host": 2, "relay": 1},
    }
    assert [event for event in events(trace) if event[0] == "candidate"] == [
        ("candidate", "caller", "host"),
        ("candidate", "caller", "srflx"),
        ("candidate", "caller", "relay"),
        ("candidate", "callee", "host"),
        ("candidate", "callee", "relay"),
    ]
    assert trace.gathered == ()


def test_the_candidates_of_an_offer_to_an_address_and_of_its_answer(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(NOBODY), description=described("offer", HOST, SRFLX))
    body = b'{"OfferUUID":"%s","WebRTCSessionDescription":{"type":"answer","sdp":"a=%s\\r\\n"}}'
    scene.reply(scene.errands[0], body % (CALL.encode(), RELAY.encode()))
    assert scene.trace().candidates == {"caller": {"host": 1, "srflx": 1}, "callee": {"relay": 1}}


def test_a_later_description_repeats_candidates_and_counts_only_others(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob, description=described("offer", HOST))
    ada.trickle(candidate={"candidate": HOST})
    ada.renegotiate(description=described("offer", HOST, HOST, SRFLX))
    bob.answer(description=described("answer", RELAY))
    assert scene.trace().candidates == {"caller": {"host": 2, "srflx": 1}, "callee": {"relay": 1}}


@pytest.mark.parametrize(
    "end",
    [
        {"candidate": None},
        {"candidate": {}},
        {"candidate": {"candidate": ""}},
        {"candidate": {"sdpMid": "0", "candidate": "", "sdpMLineIndex": 0}},
        {"candidates": [None]},
        {"candidates": [{"candidate": HOST}, None]},
        {"candidates": [None, {"candidate": HOST, "sdpMid": None}]},
    ],
    ids=str,
)
def test_the_end_of_candidates_is_noted_once_for_each_side(
    scene: Scene, ada: Client, bob: Client, end: dict[str, Any]
) -> None:
    scene.established(ada, bob)
    for _ in range(2):
        ada.write(json.dumps({"type": "candidate", "call": CALL, **end}))
    bob.trickle(candidate={"candidate": HOST, "sdpMid": None})
    trace = scene.trace()
    assert trace.gathered == ("caller",)
    assert events(trace).count(("end_of_candidates", "caller", None)) == 1
    assert "callee" not in [by for event, by, _ in events(trace) if event == "end_of_candidates"]


def test_a_description_may_say_that_it_is_complete(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.answer(description={"type": "answer", "sdp": f"v=0\r\na={HOST}\r\na=end-of-candidates\r\n"})
    assert scene.trace().gathered == ("callee",)


def test_later_offers_and_what_comes_of_them(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    before = len(scene.trace().moments)
    ada.renegotiate()
    bob.answer()
    bob.renegotiate()
    ada.reject(reason="failed")
    ada.renegotiate()
    scene.wait(30)
    ada.renegotiate()
    bob.renegotiate()
    bob.answer()
    trace = scene.trace()
    assert events(trace)[before:] == [
        ("reoffer", "caller", None),
        ("answer", "callee", None),
        ("reoffer", "callee", None),
        ("reject", "caller", "failed"),
        ("reoffer", "caller", None),
        ("timeout", None, None),
        ("reoffer", "caller", None),
        ("glare", "callee", None),
        ("answer", "callee", None),
    ]
    assert (trace.outcome, trace.answered_after, trace.ended) == ("answer", 0, None)


def test_t40_a_trace_holds_nothing_that_peers_say(scene: Scene, ada: Client, bob: Client) -> None:
    for client in (ada, bob):
        client.say("join", table="camelot", password="excalibur")
    ada.dial(bob, table="camelot", description=described("offer", HOST))
    ada.trickle(candidate={"candidate": SRFLX})
    bob.answer(description=described("answer", RELAY))
    bob.report(local="relay")
    ada.dial("excalibur", SMALLER)
    ada.dial(identifier(NOBODY), LARGER)
    for trace in scene.switchboard.calling.journal.traces():
        check_words(trace)
        everything = repr([getattr(trace, name) for name in Trace.__struct_fields__])
        for said in ("v=0", "candidate:", "192.0.2", "198.51.100", "203.0.113", "excalibur"):
            assert said not in everything
    assert len(scene.switchboard.calling.journal.traces()) == 3


def test_the_first_moments_and_the_latest_are_kept(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    for _ in range(100):
        ada.renegotiate()
        bob.answer()
    ada.hang_up()
    trace = scene.trace()
    assert len(trace.moments) == 64
    assert trace.omitted == 3 + 200 + 1 - 64
    assert [event for event, *_ in events(trace)[:3]] == ["offer", "delivered", "answer"]
    assert events(trace)[-1] == ("hangup", "caller", "done")
    assert [moment.seconds for moment in trace.moments] == sorted(moment.seconds for moment in trace.moments)


def test_offer_and_answer_of_the_examples_hold_no_candidates(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob, description=OFFER)
    bob.answer(description=ANSWER)
    assert not any(scene.trace().candidates.values())
