"""First offers that are refused at once have a trace as well, which repeats nothing that a stranger made up."""

from __future__ import annotations

import pytest

from signalling.identity import NIL_UUID
from signalling.refusals import Refusal
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier
from tests.core.test_traces import events
from tests.core.wording import ADA, BOB, CALL, EVE, LARGER, NOBODY, SMALLER


def test_no_such_peer(scene: Scene, ada: Client) -> None:
    ada.dial(NOBODY)
    trace = scene.trace()
    assert events(trace) == [("offer", "caller", None), ("error", None, "peer_unavailable")]
    assert (trace.caller, trace.callee, trace.transport, trace.to) == (ADA, NOBODY, "websocket", "session")
    assert (trace.outcome, trace.limit, trace.ended, trace.failed) == ("peer_unavailable", None, scene.now, True)


def test_one_call_too_many(ada: Client, bob: Client, scene: Scene) -> None:
    for call in (SMALLER, LARGER, CALL):
        ada.dial(bob, call)
    trace = scene.trace()
    assert (trace.outcome, trace.limit) == ("limit_exceeded", "unanswered_per_session")


def test_a_peer_who_does_not_sit_at_the_callers_table(scene: Scene, ada: Client, bob: Client) -> None:
    ada.say("join", table="camelot")
    ada.dial(bob, table="camelot")
    trace = scene.trace()
    assert (trace.outcome, trace.callee, trace.table) == ("table_unknown", BOB, "camelot")


def test_a_table_where_the_caller_does_not_sit_is_not_repeated(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob, table="a=candidate:1 1 udp 1 192.0.2.1 9 typ host")
    assert (scene.trace().outcome, scene.trace().table) == ("table_unknown", None)


@pytest.mark.parametrize("to", ["192.0.2.1:9", identifier(NIL_UUID, "nonsense"), identifier(NIL_UUID, "")])
def test_what_names_nobody_is_not_repeated(scene: Scene, ada: Client, to: str) -> None:
    ada.dial(to)
    trace = scene.trace()
    assert (trace.outcome, trace.callee, trace.to) == ("bad_peer", "", "session")


def test_an_identifier_of_this_server_names_a_peer(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(NOBODY, ada.connection.home))
    trace = scene.trace()
    assert (trace.outcome, trace.callee, trace.to) == ("peer_unavailable", NOBODY, "session")


def test_refused_posts(scene: Scene, ada: Client) -> None:
    refused = [
        (NOBODY, "", {"from_": EVE}, ("peer_unavailable", EVE, NOBODY, "session")),
        (NOBODY, "", {"from_": ADA}, ("identity_taken", ADA, NOBODY, "session")),
        (NOBODY, ANSWERER, {"from_": EVE, "passed_through": True}, ("loop", EVE, "", "address")),
        (NOBODY, "nonsense", {"from_": EVE}, ("bad_message", EVE, "", "session")),
    ]
    for to, public_ip, offer, expected in refused:
        with pytest.raises(Refusal):
            scene.post(to, public_ip, **offer)  # type: ignore[arg-type]
        trace = scene.trace()
        assert (trace.outcome, trace.caller, trace.callee, trace.to) == expected
        assert trace.transport == "http"


def test_a_post_while_the_server_drains(scene: Scene) -> None:
    scene.drain()
    with pytest.raises(Refusal):
        scene.post(NOBODY)
    assert scene.trace().outcome == "draining"
