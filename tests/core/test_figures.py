"""What is counted: each thing once, under its name. (That nothing is missed is tested in test_conversations.py.)"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from signalling.codes import ErrorCode, Reason
from signalling.figures import MESSAGE_TYPES, Figures
from signalling.operators.overview import glance
from signalling.operators.survey import Here, Overview, Process
from signalling.refusals import Refusal
from signalling.traces import Transport
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier
from tests.core.wording import ADA, BOB, CALL, EVE, LARGER, NOBODY, SMALLER

HERE = Here(connections=0, connected=0, away=0, waiting=0, tables=0, open_calls=0, draining=False)
PROCESS = Process(memory_bytes=1, open_files=1, uptime_seconds=1, version="", program="", loop="")


@pytest.fixture
def figures(scene: Scene) -> Figures:
    return scene.switchboard.figures


def overview(scene: Scene) -> Overview:
    return glance(scene.switchboard.figures, HERE, PROCESS, scene.now)


def outcomes(scene: Scene, transport: Transport) -> dict[str, int]:
    """Those that there were."""
    counts = scene.switchboard.figures.outcomes(transport).items()
    return {str(outcome): count for outcome, count in counts if count}


# How calls end


def answered(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)


def answered_and_hung_up(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.hang_up()


def answered_twice_in_one_call(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.renegotiate()
    bob.answer()


def rejected_later_in_the_call(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.renegotiate()
    bob.reject()


def rejected(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.reject()


def hung_up_by_its_caller(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.hang_up()


def hung_up_by_its_callee(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.hang_up()


def no_answer(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.wait(scene.timeout)


def no_such_peer(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(NOBODY)


def lost_its_callee(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.part(bob)


def draining(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.drain()


def kicked_from_the_table(scene: Scene, ada: Client, bob: Client) -> None:
    for client in (ada, bob):
        client.say("join", table="camelot")
        client.takes()
    bob.dial(ada, table="camelot")
    ada.say("kick", table="camelot", peer=bob.peer)


def an_address_that_fails(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(identifier())
    scene.admit(scene.errands[0])
    scene.fail(scene.errands[0])


def an_address_that_is_not_allowed(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(identifier())
    scene.refuse(scene.errands[0], ErrorCode.TARGET_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (answered, "answer"),
        (answered_and_hung_up, "answer"),
        (answered_twice_in_one_call, "answer"),
        (rejected_later_in_the_call, "answer"),
        (rejected, "reject"),
        (hung_up_by_its_caller, "hangup"),
        (hung_up_by_its_callee, "hangup"),
        (no_answer, "answer_timeout"),
        (no_such_peer, "peer_unavailable"),
        (lost_its_callee, "peer_gone"),
        (draining, "draining"),
        (kicked_from_the_table, "hangup"),
        (an_address_that_fails, "target_failed"),
        (an_address_that_is_not_allowed, "target_not_allowed"),
    ],
)
def test_a_call_has_one_outcome(
    event: Callable[[Scene, Client, Client], None], outcome: str, scene: Scene, ada: Client, bob: Client
) -> None:
    event(scene, ada, bob)
    assert scene.switchboard.figures.begun == {"websocket": 1, "http": 0}
    assert outcomes(scene, "websocket") == {outcome: 1}
    assert outcomes(scene, "http") == {}


def test_an_unanswered_call_has_begun_and_has_no_outcome(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    assert scene.switchboard.figures.begun["websocket"] == 1
    assert outcomes(scene, "websocket") == {}


@pytest.mark.parametrize("first, second", [(SMALLER, LARGER), (LARGER, SMALLER)])
def test_of_two_calls_that_cross_one_ends_with_glare(
    first: str, second: str, scene: Scene, ada: Client, bob: Client
) -> None:
    ada.dial(bob, first)
    bob.dial(ada, second)
    assert scene.switchboard.figures.begun["websocket"] == 2
    assert outcomes(scene, "websocket") == {"glare": 1}


def test_an_offer_over_http_is_counted_apart(scene: Scene, bob: Client) -> None:
    scene.post(bob, from_=EVE)
    bob.answer()
    scene.withdraw(scene.post(bob, from_=EVE, call=LARGER))
    with pytest.raises(Refusal):
        scene.post(NOBODY, from_=EVE)
    with pytest.raises(Refusal):
        scene.post(ADA, from_=BOB)
    scene.post(EVE, ANSWERER, from_=ADA)
    scene.reply(scene.errands[0])
    scene.drain()
    with pytest.raises(Refusal):
        scene.post(bob, from_=EVE)
    assert scene.switchboard.figures.begun == {"websocket": 0, "http": 6}
    expected = {"answer": 2, "withdrawn": 1, "peer_unavailable": 1, "identity_taken": 1, "draining": 1}
    assert outcomes(scene, "http") == expected


def test_an_outcome_that_nobody_has_named_is_other(figures: Figures) -> None:
    figures.refuse("http", "teapot", now=0)
    assert figures.outcomes("http")["other"] == 1


def test_the_time_to_an_answer_runs_from_the_first_offer(
    scene: Scene, ada: Client, bob: Client, figures: Figures
) -> None:
    scene.dialled(ada, bob)
    scene.wait(2)
    bob.answer()
    ada.renegotiate()
    scene.wait(9)
    bob.answer()
    assert sum(figures.answers.counts) == 1
    assert figures.answers.sum_seconds == 2


# Forwards


def reported(scene: Scene, report: str) -> None:
    errand = scene.errands[0]
    match report:
        case "answered":
            scene.reply(errand)
        case "answered badly" | "failed":
            scene.reply(errand, b"{}") if report == "answered badly" else scene.fail(errand)
        case "not allowed":
            scene.refuse(errand, ErrorCode.TARGET_NOT_ALLOWED)
        case "limited":
            scene.refuse(errand, ErrorCode.RATE_LIMITED, 1, "network_per_second")
        case "late":
            scene.wait(scene.timeout + 1)


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        ("answered", "answered"),
        ("answered badly", "failed"),
        ("failed", "failed"),
        ("not allowed", "not_allowed"),
        ("limited", "limited"),
        ("late", "withdrawn"),
    ],
)
def test_an_offer_to_an_address_is_one_forward(report: str, outcome: str, scene: Scene, figures: Figures) -> None:
    scene.post(EVE, ANSWERER)
    assert sum(figures.forwards.values()) == 0
    reported(scene, report)
    assert {name: count for name, count in figures.forwards.items() if count} == {outcome: 1}


def test_a_forward_whose_caller_has_gone_is_withdrawn(scene: Scene, figures: Figures) -> None:
    scene.withdraw(scene.post(EVE, ANSWERER))
    assert figures.forwards["withdrawn"] == 1


# Messages


def test_messages_are_counted_by_type_and_what_is_none_is_bad(scene: Scene, ada: Client, figures: Figures) -> None:
    ada.say("ping")
    ada.say("ping")
    for text in ("{", '{"type":"__init__"}', "[]", '{"type":"answer"}'):
        ada.write(text)
    scene.receive_binary(ada)
    counts = {kind: count for kind, count in figures.messages.items() if count}
    assert counts == {"hello": 1, "ping": 2, "bad": 5}
    assert set(figures.messages) == set(MESSAGE_TYPES)


def test_a_message_that_is_refused_for_its_rate_has_come_all_the_same() -> None:
    scene = Scene(messages_burst=2, messages_per_second=0.1)
    ada = scene.peer(ADA)
    for _ in range(4):
        ada.say("ping")
    assert scene.switchboard.figures.messages["ping"] == 4


@pytest.mark.parametrize("text", ['{"type":"ping"}', '{"type":"ping","id":"é€😀"}', "{", "\ud800"])
def test_bytes_are_those_of_the_text_in_utf_8(text: str, scene: Scene, ada: Client, figures: Figures) -> None:
    before = figures.received_bytes
    ada.write(text)
    assert figures.received_bytes - before == len(text.encode(errors="surrogatepass"))


# Sessions


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda scene, client: client.say("bye"), Reason.BYE),
        (lambda scene, client: scene.part(client), Reason.GONE),
        (lambda scene, client: scene.lose(client, close_code=1002), Reason.DISCONNECTED),
        (lambda scene, client: scene.drain(), Reason.DRAINING),
    ],
)
def test_a_session_is_opened_and_ends_once(
    end: Callable[[Scene, Client], None], reason: Reason, scene: Scene, ada: Client, figures: Figures
) -> None:
    assert (figures.sessions_opened, figures.sessions_ended.total()) == (1, 0)
    end(scene, ada)
    assert {name: count for name, count in figures.sessions_ended.items() if count} == {reason: 1}


def resumed(scene: Scene, ada: Client) -> None:
    scene.lose(ada)
    scene.resume(ada)


def too_late(scene: Scene, ada: Client) -> None:
    scene.part(ada)
    scene.resume(ada)


def with_a_wrong_secret(scene: Scene, ada: Client) -> None:
    scene.lose(ada)
    scene.resume(ada, resume="another")


def of_frames_that_were_never_sent(scene: Scene, ada: Client) -> None:
    scene.lose(ada)
    scene.resume(ada, seq=99)


def too_often(scene: Scene, ada: Client) -> None:
    for _ in range(1 + int(scene.limits.messages_burst)):
        ada.say("ping")
    scene.lose(ada)
    scene.resume(ada)


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        (resumed, "resumed"),
        (too_late, "too_late"),
        (with_a_wrong_secret, "wrong_secret"),
        (of_frames_that_were_never_sent, "overrun"),
        (too_often, "rate_limited"),
    ],
)
def test_an_attempt_to_resume_has_one_outcome(attempt: Callable[[Scene, Client], None], outcome: str) -> None:
    scene = Scene(messages_burst=4, messages_per_second=0.1)
    attempt(scene, scene.peer(ADA))
    assert {name: count for name, count in scene.switchboard.figures.resumes.items() if count} == {outcome: 1}


def test_a_hello_without_a_secret_is_no_attempt_to_resume(scene: Scene, ada: Client, figures: Figures) -> None:
    scene.connect().hello(peer=ADA)
    assert sum(figures.resumes.values()) == 0


def test_wrong_passwords_are_counted_and_right_ones_are_not(
    scene: Scene, ada: Client, bob: Client, figures: Figures
) -> None:
    ada.say("join", table="camelot", password="excalibur")
    bob.say("join", table="camelot", password="mordred")
    bob.say("join", table="camelot")
    assert figures.passwords_failed == 2
    bob.say("join", table="camelot", password="excalibur")
    assert figures.passwords_failed == 2


def test_a_client_that_does_not_read_is_a_slow_consumer(scene: Scene, ada: Client, figures: Figures) -> None:
    scene.cut_off(ada)
    assert figures.slow_consumers == 1


# The overview


def test_of_nothing_there_is_no_share_and_no_quantile(scene: Scene) -> None:
    glance = overview(scene)
    assert (glance.calls_last_hour, glance.calls_per_minute, glance.outcomes_last_hour) == (0, 0, ())
    assert (glance.success_share, glance.answer_p50_seconds, glance.answer_p99_seconds) == (None, None, None)
    assert (glance.lag_p50_seconds, glance.lag_p99_seconds, glance.refusals) == (None, None, ())


def test_the_share_is_of_what_has_ended_without_glare_and_what_limits_refuse(
    scene: Scene, ada: Client, bob: Client, figures: Figures
) -> None:
    scene.established(ada, bob, LARGER)
    scene.dialled(ada, bob, CALL)
    assert overview(scene).success_share == 1
    scene.established(bob, scene.peer(EVE), SMALLER)
    ada.dial(NOBODY, NOBODY)
    for outcome in ("glare", "rate_limited", "limit_exceeded"):
        figures.refuse("http", outcome, scene.now)
    glance = overview(scene)
    assert glance.success_share == pytest.approx(2 / 3)
    assert glance.outcomes_last_hour[0] == ("answer", 2)
    assert dict(glance.outcomes_last_hour)["peer_unavailable"] == 1
    assert glance.calls_last_hour == 7


def test_who_is_banned_cannot_make_it_look_as_if_calls_failed(scene: Scene, ada: Client, figures: Figures) -> None:
    assert scene.switchboard.orders.disconnect(ADA, scene.now)
    for _ in range(50):
        with pytest.raises(Refusal):
            scene.post(BOB, from_=ADA)
    glance = overview(scene)
    assert glance.outcomes_last_hour == (("forbidden", 50),)
    assert glance.success_share is None
    assert sum(minute.failed for minute in glance.minutes) == 0


def test_after_an_hour_calls_are_forgotten_and_refusals_are_not() -> None:
    scene = Scene(open_calls=1)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    ada.dial(bob)
    ada.dial(bob, SMALLER)
    bob.answer()
    assert overview(scene).answer_p50_seconds is not None
    scene.wait(3_600)
    glance = overview(scene)
    assert (glance.calls_last_hour, glance.outcomes_last_hour, glance.answer_p50_seconds) == (0, (), None)
    assert (glance.refusals, glance.errors) == ((("open_calls", 1),), (("limit_exceeded", 1),))


def test_errors_are_counted_by_their_code_whatever_refused(scene: Scene, ada: Client) -> None:
    ada.dial(NOBODY)
    ada.say("nonsense")
    ada.hang_up(SMALLER)
    with pytest.raises(Refusal):
        scene.post(ADA, from_=ADA)
    assert dict(overview(scene).errors) == {
        "peer_unavailable": 1,
        "unknown_type": 1,
        "call_unknown": 1,
        "identity_taken": 1,
    }
