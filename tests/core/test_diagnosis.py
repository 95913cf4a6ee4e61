"""What an operator reads about a call without an answer: each kind of trouble, brought about, and its sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from signalling.codes import ErrorCode
from signalling.operators.diagnosis import diagnose
from signalling.refusals import Refusal
from tests.core import test_traces as traces
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier
from tests.core.test_traces import described
from tests.core.wording import CALL, EVE, LARGER, NOBODY, SMALLER

Act = Callable[[Scene, Client, Client], Any]


def diagnosis(scene: Scene, *, has_stun: bool = True, has_turn: bool = True, call: str = CALL) -> str:
    return diagnose(scene.trace(call), has_stun=has_stun, has_turn=has_turn)


# Without an answer


def refused_post(scene: Scene, *to: str, **offer: Any) -> None:
    with pytest.raises(Refusal):
        scene.post(*to, **offer)


def holds_and_waits(scene: Scene, ada: Client, bob: Client) -> None:
    scene.lose(bob)
    ada.dial(bob)


def holds_until_it_is_over(scene: Scene, ada: Client, bob: Client) -> None:
    holds_and_waits(scene, ada, bob)
    scene.wait(3)


def holds_and_times_out(scene: Scene, ada: Client, bob: Client) -> None:
    holds_and_waits(scene, ada, bob)
    scene.resume(bob)
    scene.wait(30)


def is_lost_and_times_out(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(28)
    scene.lose(bob)
    scene.wait(2)


def is_back_and_times_out(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(4)
    scene.lose(bob)
    scene.wait(2)
    scene.resume(bob)
    scene.wait(24)


def is_lost_and_waited_for(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.lose(bob)


def is_replaced_unanswered(scene: Scene, ada: Client, bob: Client) -> None:
    assert bob.welcome is not None
    scene.dialled(ada, bob)
    scene.connect().hello(peer=bob.peer, resume=bob.welcome["resume"], seq=99)


def is_disconnected_unanswered(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.lose(bob, 1009)


def caller_says_bye(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.say("bye")


def caller_is_disconnected(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.lose(ada, 1009)


def rejects(reason: str) -> Act:
    def reject(scene: Scene, ada: Client, bob: Client) -> None:
        scene.dialled(ada, bob)
        bob.reject(reason=reason)

    return reject


def one_too_many(scene: Scene, ada: Client, bob: Client) -> None:
    for call in (SMALLER, LARGER, CALL):
        ada.dial(bob, call)


def too_much_is_held(scene: Scene, ada: Client, bob: Client) -> None:
    scene.lose(bob)
    for number in range(6):
        peer = scene.peer(source=f"192.0.2.{number + 50}")
        peer.dial(bob, CALL if number == 5 else f"{number}{LARGER[1:]}", description=described("offer", "x" * 50_000))


def address_fails_before_it_is_asked(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(identifier(NOBODY))
    scene.fail(scene.errands[0])


def http_caller_waits_and_goes(scene: Scene, ada: Client, bob: Client) -> None:
    caller = scene.post(bob, from_=EVE)
    scene.now += 12.4
    scene.withdraw(caller)


UNANSWERED: list[tuple[str, Act, str]] = [
    (
        "no such peer",
        lambda s, a, b: a.dial(NOBODY),
        "There was no such peer: nobody with the callee's id was connected. It had gone, or the id is wrong.",
    ),
    (
        "a limit",
        one_too_many,
        "The offer was refused by the limit `unanswered_per_session`: unanswered calls to one callee from one session.",
    ),
    (
        "a limit of the forwarder",
        traces.address_is_asked_too_often,
        "The offer was refused by the limit `network_per_second`: posted to one IPv4 /24 or IPv6 /48, sustained.",
    ),
    (
        "too much for one who is away",
        too_much_is_held,
        "The offer was refused by the limit `buffer_bytes`: the callee had lost its connection, and too much was held "
        "for it already.",
    ),
    (
        "a table",
        lambda s, a, b: a.dial(b, table="camelot"),
        "The offer was refused: caller and callee did not both sit at the table that it named.",
    ),
    (
        "no id",
        lambda s, a, b: a.dial("Bob"),
        "The offer was refused: what was dialled is neither another peer's id nor an identifier.",
    ),
    (
        "no address",
        lambda s, a, b: refused_post(s, NOBODY, "nonsense", from_=EVE),
        "The offer was refused: what it gave as the callee's address is none.",
    ),
    (
        "somebody's id",
        lambda s, a, b: refused_post(s, b.peer),
        "The offer was refused: it came over HTTP and claimed the id of a peer who is connected here.",
    ),
    (
        "a loop",
        lambda s, a, b: refused_post(s, NOBODY, ANSWERER, from_=EVE, passed_through=True),
        "The offer was refused: it had been posted on by a signalling server already.",
    ),
    ("draining", traces.server_drains, "The server was about to stop."),
    ("it rings", lambda s, a, b: a.dial(b), "The callee has the offer and has not answered yet."),
    (
        "it is held",
        holds_and_waits,
        "The callee had lost its connection when the offer came: it is held until the callee is back.",
    ),
    (
        "it is posted",
        lambda s, a, b: a.dial(identifier(NOBODY)),
        "The offer was for an address, and no answer has come yet.",
    ),
    ("rejected", rejects("declined"), "The callee rejected the call (declined)."),
    ("busy", rejects("busy"), "The callee was busy."),
    ("its software fails", rejects("failed"), "The callee wanted the call, and its software could not take the offer."),
    (
        "unsupported",
        rejects("unsupported"),
        "The callee rejected the call: its software does not support what was offered.",
    ),
    ("glare", traces.crosses, "Both dialled each other at once: this call gave way, and the other one stays."),
    ("the callee hangs up", traces.callee_hangs_up_unanswered, "The callee hung up instead of answering (done)."),
    (
        "the caller hangs up",
        traces.hangs_up_unanswered,
        "The caller hung up after 0 ms, before an answer came (impatient).",
    ),
    (
        "the caller is lost",
        traces.caller_is_lost_unanswered,
        "The caller lost its connection before an answer came, and did not come back in time.",
    ),
    ("the caller leaves", caller_says_bye, "The caller left before an answer came."),
    (
        "the caller is thrown out",
        caller_is_disconnected,
        "The server closed the caller's connection for good before an answer came.",
    ),
    (
        "the request is closed",
        http_caller_waits_and_goes,
        "The caller closed its HTTP request after 12 s, before an answer came.",
    ),
    ("kicked", traces.is_kicked_unanswered, "The host of the table sent one of the two away before an answer came."),
    (
        "no answer",
        traces.nobody_answers,
        "The callee got the offer and gave no answer within 30 s: nobody took the call.",
    ),
    (
        "no answer of one who was away",
        holds_and_times_out,
        "The callee had lost its connection when the offer came, was back 0 ms after the offer, and gave no answer "
        "within 30 s.",
    ),
    (
        "the callee is lost",
        traces.callee_is_lost,
        "The callee lost its connection 0 ms after the offer and did not come back in time.",
    ),
    (
        "the callee is lost and not missed before the answer is due",
        is_lost_and_times_out,
        "The callee lost its connection 28 s after the offer and did not come back in time.",
    ),
    (
        "the callee is lost for a while",
        is_back_and_times_out,
        "The callee lost its connection 4.0 s after the offer, was back 6.0 s after the offer, and gave no answer "
        "within 30 s.",
    ),
    (
        "the callee is lost and waited for",
        is_lost_and_waited_for,
        "The callee got the offer and lost its connection, and is not back yet.",
    ),
    ("the callee begins anew", is_replaced_unanswered, "The callee began a new session before it answered."),
    (
        "the callee was lost before",
        holds_until_it_is_over,
        "The callee had lost its connection when the offer came and did not come back in time.",
    ),
    ("the callee leaves", traces.callee_says_bye, "The callee left before it answered."),
    (
        "the callee is thrown out",
        is_disconnected_unanswered,
        "The server closed the callee's connection for good before it answered.",
    ),
    (
        "an address that is not allowed",
        traces.address_is_not_allowed,
        "The offer was for an address to which nothing is posted from here (`forward` and `forwardallow` in "
        "the configuration).",
    ),
    (
        "an address that is left alone",
        traces.address_is_left_alone,
        "The address had failed several times in a row, and is left alone for a while: nothing was posted.",
    ),
    (
        "an address that does not answer",
        traces.address_does_not_answer,
        "The offer was posted to an address, and no answer came: nobody listens there, or not for such offers.",
    ),
    (
        "an address that is not reached",
        address_fails_before_it_is_asked,
        "The offer could not be posted: its address could not be looked up or reached.",
    ),
]


@pytest.mark.parametrize(("act", "sentence"), [case[1:] for case in UNANSWERED], ids=[case[0] for case in UNANSWERED])
def test_a_call_without_an_answer(scene: Scene, ada: Client, bob: Client, act: Act, sentence: str) -> None:
    act(scene, ada, bob)
    assert diagnosis(scene) == sentence


def test_an_id_that_is_open_already(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    bob.dial(ada)
    refused = [trace for trace in scene.switchboard.calling.journal.traces() if trace.outcome == ErrorCode.CALL_EXISTS]
    assert [diagnose(trace, has_stun=True, has_turn=True) for trace in refused] == [
        "The offer was refused: a call with this id was open already. "
        "When both sides dial again at once, this is the one that came second."
    ]


def test_an_outcome_that_nobody_foresaw(scene: Scene, ada: Client) -> None:
    ada.dial(NOBODY)
    trace = scene.trace()
    trace.outcome = "internal"
    assert diagnose(trace, has_stun=True, has_turn=True) == "The offer was refused (`internal`)."
