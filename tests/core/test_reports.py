"""What clients report of their connections: for the operator, in the trace of the call, and for nobody else."""

from __future__ import annotations

import pytest

from signalling.traces import Report
from tests.core.client import Client
from tests.core.scene import Scene, identifier
from tests.core.test_traces import events
from tests.core.wording import ADA, CALL, EVE, NOBODY, ack, refusal


def test_each_party_reports_and_the_other_sees_nothing_of_it(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.report(id="r1", local="srflx", remote="relay")
    bob.report(state="failed")
    assert ada.takes() == [ack("r1", "done")]
    assert bob.takes() == []
    trace = scene.trace()
    assert trace.reports == {"caller": Report("connected", "srflx", "relay"), "callee": Report("failed", None, None)}
    assert events(trace)[-2:] == [
        ("report", "caller", "connected, srflx to relay"),
        ("report", "callee", "failed"),
    ]


@pytest.mark.parametrize(
    ("types", "detail"),
    [({"local": "host"}, "connected, local host"), ({"remote": "prflx"}, "connected, remote prflx"), ({}, "connected")],
)
def test_either_type_may_be_missing(scene: Scene, ada: Client, bob: Client, types: dict[str, str], detail: str) -> None:
    scene.established(ada, bob)
    ada.report(**types)
    assert events(scene.trace())[-1] == ("report", "caller", detail)


def test_the_latest_report_counts_and_what_is_said_again_is_no_news(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    for state in ("failed", "failed", "connected", "connected"):
        ada.report(state=state)
    trace = scene.trace()
    assert trace.reports == {"caller": Report("connected", None, None)}
    assert [detail for event, _, detail in events(trace) if event == "report"] == ["failed", "connected"]


def test_a_call_has_failed_while_a_party_says_so(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    bob.report()
    ada.report(state="failed")
    assert scene.trace().failed
    ada.report()
    assert not scene.trace().failed


def test_before_the_answer_it_is_call_state(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    for client in (ada, bob):
        client.report(id="r")
        assert client.takes_one() == refusal("call_state", "r", "report")
    assert scene.trace().reports == {}


def test_a_late_report_is_still_written_into_the_trace(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.hang_up()
    scene.now += 59.9
    for client, side in ((ada, "caller"), (bob, "callee")):
        client.takes()
        client.report(state="failed", id="r")
        assert client.takes_one() == ack("r", "done")
        assert events(scene.trace())[-1] == ("report", side, "failed")
    scene.now += 0.1
    ada.report(id="r")
    assert ada.takes_one() == refusal("call_unknown", "r", "report")
    assert scene.trace().reports["caller"].state == "failed"


def test_a_connection_that_fails_because_the_other_has_hung_up_is_no_failure(
    scene: Scene, ada: Client, bob: Client
) -> None:
    scene.established(ada, bob)
    bob.report()
    ada.hang_up()
    bob.takes()
    bob.report(id="r", state="failed")
    assert bob.takes() == [ack("r", "done")]
    assert scene.trace().reports == {"callee": Report("connected", None, None)}
    assert not scene.trace().failed


@pytest.mark.parametrize("reason", ["failed", "gone"])
def test_a_connection_that_fails_by_itself_is_a_failure_after_the_end_too(
    reason: str, scene: Scene, ada: Client, bob: Client
) -> None:
    scene.established(ada, bob)
    bob.report()
    if reason == "gone":
        scene.part(ada)
        scene.wait(scene.limits.resume_seconds)
    else:
        ada.hang_up(reason=reason)
    bob.report(state="failed")
    assert scene.trace().failed


def test_a_call_with_an_http_caller_ends_with_its_answer_and_its_callee_reports_after_that(
    scene: Scene, bob: Client
) -> None:
    scene.post(bob)
    bob.takes()
    bob.answer()
    bob.report(id="r", local="host", remote="host")
    assert bob.takes_one() == ack("r", "done")
    assert scene.trace().reports == {"callee": Report("connected", "host", "host")}


def test_a_caller_of_an_address_reports_after_the_answer(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(NOBODY))
    scene.admit(scene.errands[0])
    scene.reply(scene.errands[0])
    ada.report(state="failed")
    assert scene.trace().reports == {"caller": Report("failed", None, None)}


def test_a_late_report_of_a_call_that_was_never_answered_is_dropped(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.reject()
    ada.takes()
    ada.report(id="r")
    assert ada.takes_one() == ack("r", "dropped")
    assert scene.trace().reports == {}


def test_a_report_of_an_offer_that_was_refused_is_dropped(scene: Scene, ada: Client) -> None:
    ada.dial(NOBODY)
    ada.takes()
    ada.report(id="r")
    assert ada.takes_one() == ack("r", "dropped")
    assert scene.trace().reports == {}


def test_a_third_party_writes_nothing_into_a_trace(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    eve = scene.peer(EVE)
    eve.report(id="r1")
    assert eve.takes_one() == refusal("call_unknown", "r1", "report")
    ada.hang_up()
    eve.report(id="r2")
    assert eve.takes_one() == refusal("call_unknown", "r2", "report")
    eve.dial(NOBODY, CALL)  # now the server remembers an offer of hers with this id
    eve.takes()
    eve.report(id="r3")
    assert eve.takes_one() == ack("r3", "dropped")
    for trace in scene.switchboard.calling.journal.traces():
        assert trace.reports == {}


def test_the_report_goes_to_the_call_that_is_open_when_the_id_is_used_again(
    scene: Scene, ada: Client, bob: Client
) -> None:
    scene.established(ada, bob)
    ada.hang_up()
    scene.established(bob, ada)
    ada.report()
    assert scene.trace().reports == {"callee": Report("connected", None, None)}
    ended = [trace for trace in scene.switchboard.calling.journal.traces() if trace.ended is not None]
    assert [trace.reports for trace in ended] == [{}]
    assert ended[0].caller == ADA
