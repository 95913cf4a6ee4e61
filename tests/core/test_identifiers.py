"""Offers from a WebSocket to an identifier of somebody elsewhere: posted to that address, and what comes back."""

from typing import Any

import msgspec
import pytest

from signalling.codes import ErrorCode
from signalling.identity import NIL_UUID, PeerID
from signalling.parties import Errand
from signalling.posted import decode_request, encode_answer
from tests.core.client import Client
from tests.core.scene import ANSWERER, REPLY, Scene, identifier
from tests.core.wording import (
    ADA,
    BOB,
    CALL,
    EVE,
    HOME,
    LARGER,
    OFFER,
    ack,
    answer,
    error,
    refusal,
)

ELSEWHERE = identifier(EVE)
POSTED = ack("dial", "done", trickle=False)


def errand_to(scene: Scene, client: Client, to: str = ELSEWHERE, **fields: Any) -> Errand:
    """An offer on its way, of which the caller has heard nothing yet."""
    client.dial(to, **fields)
    assert client.takes() == []
    return scene.errands[-1]


def test_a_bye_while_the_address_is_judged_answers_the_offer_too(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada)
    ada.say("bye", id="b")
    assert ada.takes() == [ack("b", "done"), POSTED]
    assert scene.cancelled == [errand]


# Where it goes


def test_an_identifier_with_another_address_is_posted_there(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada)
    assert errand.target.url == f"{ANSWERER}/signal"
    posted = decode_request(errand.body)
    assert posted.answering == PeerID(EVE, ANSWERER)
    assert posted.offering == PeerID(ADA, HOME)
    assert posted.call == CALL
    assert msgspec.json.decode(posted.description) == OFFER


def test_sessions_here_are_not_considered_for_another_address(scene: Scene, ada: Client, bob: Client) -> None:
    errand_to(scene, ada, identifier(BOB))
    assert bob.takes() == []


def test_an_identifier_without_uuid_names_whoever_answers_there(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada, identifier(NIL_UUID))
    scene.admit(errand)
    scene.reply(errand)
    assert ada.takes() == [POSTED, answer(NIL_UUID, description=msgspec.json.decode(REPLY))]


@pytest.mark.parametrize("home", ["http://203.0.113.9:1066", ""])
def test_what_this_client_knows_as_the_own_address_decides_what_is_elsewhere(scene: Scene, home: str) -> None:
    ada = scene.peer(ADA, home=home)
    errand_to(scene, ada, identifier(BOB, HOME))
    assert scene.errands[0].target.prefix == HOME


def test_an_own_address_is_never_posted_to(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(NIL_UUID, HOME))
    assert ada.takes_one() == refusal("peer_unavailable", "dial", "offer", retry_after=5)
    assert scene.errands == []


def test_nobody_at_another_address_sits_at_a_table_here(scene: Scene, ada: Client) -> None:
    ada.say("join", table="camelot")
    ada.takes()
    ada.dial(ELSEWHERE, table="camelot")
    assert ada.takes_one() == refusal("table_unknown", "dial", "offer")
    assert scene.errands == []


@pytest.mark.parametrize(
    "public_ip",
    [
        "198.51.100.7:1067",
        "gopher://198.51.100.7",
        "ftp://198.51.100.7",
        "http://",
        "http:///signal",
        "http://198.51.100.7/admin",
        "http://198.51.100.7/?x=",
        "http://198.51.100.7#x",
        "http://user:pw@198.51.100.7",
        "http://198.51.100.7:0",
        "http://198.51.100.7:65536",
        "http://198.51.100.7:http",
        "http://198.51.100.7\r\nX: y",
        "http://198.51.100.7\\@evil.example",
        "http://[::1",
        "http://" + "a" * 254,
        " http://198.51.100.7",
    ],
)
def test_t12_an_identifier_whose_address_is_none_is_bad_peer(scene: Scene, ada: Client, public_ip: str) -> None:
    ada.dial(identifier(EVE, public_ip))
    assert ada.takes_one() == refusal("bad_peer", "dial", "offer")
    assert scene.errands == []


def test_an_identifier_that_names_nobody_and_nowhere_is_bad_peer(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(NIL_UUID, ""))
    assert ada.takes_one() == refusal("bad_peer", "dial", "offer")


def test_the_forwarder_learns_who_asks(scene: Scene) -> None:
    browser = scene.connect(source="2001:db8::/64", from_browser=True)
    browser.hello()
    browser.dial(ELSEWHERE)
    assert scene.errands[0].source == "2001:db8::/64"
    assert scene.errands[0].from_browser
    native = scene.peer()
    native.dial(ELSEWHERE)
    assert not scene.errands[1].from_browser


# Its acknowledgement


def test_a_posted_offer_is_acknowledged_when_its_address_is_allowed(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada)
    scene.admit(errand)
    assert ada.takes_one() == POSTED
    scene.admit(errand)
    assert ada.takes() == []


@pytest.mark.parametrize(
    ("code", "retry_after"),
    [(ErrorCode.TARGET_NOT_ALLOWED, None), (ErrorCode.RATE_LIMITED, 2.5), (ErrorCode.LIMIT_EXCEEDED, 1)],
)
def test_a_refusal_answers_its_id(scene: Scene, ada: Client, code: ErrorCode, retry_after: float | None) -> None:
    errand = errand_to(scene, ada)
    scene.refuse(errand, code, retry_after)
    wait: dict[str, Any] = {} if retry_after is None else {"retry_after": 3 if retry_after == 2.5 else 1}
    assert ada.takes_one() == refusal(code, "dial", "offer", **wait)
    ada.trickle(id="late")
    assert ada.takes_one() == ack("late", "dropped")


def test_without_an_id_there_is_no_ack_but_an_outcome(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada, id=None)
    scene.admit(errand)
    assert ada.takes() == []
    scene.fail(errand)
    assert ada.takes_one() == error("target_failed", call=CALL)


def test_without_an_id_a_refusal_still_names_the_offer(scene: Scene, ada: Client) -> None:
    scene.refuse(errand_to(scene, ada, id=None), ErrorCode.TARGET_NOT_ALLOWED)
    assert ada.takes_one() == error("target_not_allowed", about="offer", call=CALL)


@pytest.mark.parametrize("trickle", [True, False])
def test_candidates_are_call_state_whatever_the_offer_said(scene: Scene, ada: Client, trickle: bool) -> None:
    scene.admit(errand_to(scene, ada, trickle=trickle))
    ada.takes()
    ada.trickle(id="c")
    assert ada.takes_one() == refusal("call_state", "c", "candidate")


# Its outcome


def test_the_answer_comes_as_answer_and_ends_the_call_on_the_server(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada)
    scene.admit(errand)
    scene.reply(errand)
    assert ada.takes() == [POSTED, answer(EVE, description=msgspec.json.decode(REPLY))]
    assert scene.registries()["calls"] == 0
    for say in (ada.hang_up, ada.trickle, ada.renegotiate):
        say(id="late")
        assert ada.takes_one() == ack("late", "dropped")
    scene.wait(31)
    assert ada.takes() == []


@pytest.mark.parametrize("admitted", [True, False])
def test_every_failure_is_target_failed(scene: Scene, ada: Client, admitted: bool) -> None:
    errand = errand_to(scene, ada)
    if admitted:
        scene.admit(errand)
    scene.fail(errand)
    assert ada.takes() == [POSTED, error("target_failed", call=CALL)]


@pytest.mark.parametrize("admitted", [True, False])
def test_a_timeout_is_target_failed_too_and_the_request_is_cancelled(scene: Scene, ada: Client, admitted: bool) -> None:
    errand = errand_to(scene, ada)
    if admitted:
        scene.admit(errand)
    scene.wait(31)
    assert ada.takes() == [POSTED, error("target_failed", call=CALL)]
    assert scene.cancelled == [errand]


def test_all_failures_read_alike(scene: Scene, ada: Client) -> None:
    frames = []
    for fail in (scene.fail, lambda errand: scene.reply(errand, b"<html>"), lambda errand: scene.wait(31)):
        errand = errand_to(scene, ada)
        scene.admit(errand)
        fail(errand)
        frames.append(ada.raw.split(b',"seq"')[0])
        ada.takes()
    assert len(set(frames)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b"\xff",
        encode_answer(LARGER, REPLY),
        encode_answer(CALL, b'{"type":"offer","sdp":"v=0"}'),
        encode_answer(CALL, b'{"type":"answer"}'),
        encode_answer(CALL, b"null"),
        encode_answer(CALL, REPLY)[:-1],
        encode_answer(CALL, b'{"type":"answer","sdp":"\\ud800"}'),
        encode_answer(CALL, b'{"type":"answer","sdp":"v=0","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    ],
    ids=range(13),
)
def test_t8_a_200_without_the_answer_is_target_failed(scene: Scene, ada: Client, body: bytes) -> None:
    errand = errand_to(scene, ada)
    scene.admit(errand)
    scene.reply(errand, body)
    assert ada.takes() == [POSTED, error("target_failed", call=CALL)]


def test_an_answer_as_go_writes_it_comes_in_the_form_of_w3c(scene: Scene, ada: Client) -> None:
    errand = errand_to(scene, ada)
    scene.admit(errand)
    scene.reply(
        errand,
        f'{{"offeruuid":"{{{CALL.upper()}}}","WEBRTCSessionDescription":{{"SDP":"v=0","Type":"Answer","x":[1]}}}}'.encode(),
    )
    assert ada.takes()[-1] == answer(EVE, description={"type": "answer", "sdp": "v=0"})


# Withdrawn


@pytest.mark.parametrize("admitted", [True, False])
def test_a_hangup_withdraws_it_and_the_offers_own_ack_comes_first(scene: Scene, ada: Client, admitted: bool) -> None:
    errand = errand_to(scene, ada)
    if admitted:
        scene.admit(errand)
    ada.hang_up(id="h")
    assert ada.takes() == [POSTED, ack("h", "done")]
    assert scene.cancelled == [errand]


@pytest.mark.parametrize("report", ["admit", "fail", "reply"])
def test_a_report_about_a_withdrawn_offer_changes_nothing(scene: Scene, ada: Client, report: str) -> None:
    errand = errand_to(scene, ada)
    ada.hang_up()
    ada.takes()
    getattr(scene, report)(errand)
    scene.refuse(errand, ErrorCode.TARGET_NOT_ALLOWED)
    assert ada.takes() == []


@pytest.mark.parametrize("leave", ["bye", "lost", "drained"])
def test_a_caller_that_leaves_withdraws_it(scene: Scene, ada: Client, leave: str) -> None:
    errand = errand_to(scene, ada)
    scene.admit(errand)
    if leave == "bye":
        ada.say("bye")
    elif leave == "lost":
        scene.part(ada)
    else:
        scene.drain()
    assert scene.cancelled == [errand]
    assert scene.registries()["errands"] == 0


@pytest.mark.parametrize("admitted", [True, False])
def test_at_a_drain_it_ends_with_draining(scene: Scene, ada: Client, admitted: bool) -> None:
    errand = errand_to(scene, ada)
    if admitted:
        scene.admit(errand)
    scene.drain()
    frames = ada.takes()
    assert POSTED in frames
    assert frames[-1] == error("draining", call=CALL, reason="draining")


def test_a_withdrawn_offer_may_be_posted_again(scene: Scene, ada: Client) -> None:
    errand_to(scene, ada)
    ada.hang_up()
    ada.takes()
    assert errand_to(scene, ada) is not scene.errands[0]


def test_a_call_under_way_exists(scene: Scene, ada: Client) -> None:
    errand_to(scene, ada)
    ada.dial(ELSEWHERE, id="again")
    assert ada.takes_one() == refusal("call_exists", "again", "offer")
    assert len(scene.errands) == 1


def test_posts_and_offers_to_an_identifier_share_the_allowance_of_their_source() -> None:
    scene = Scene(posts_burst=2, posts_per_second=0.5)
    ada = scene.peer(ADA)
    scene.post(EVE, ANSWERER, from_=BOB)
    errand_to(scene, ada, call=CALL)
    ada.dial(ELSEWHERE, LARGER)
    assert ada.takes_one() == refusal("rate_limited", "dial", "offer", LARGER, retry_after=2)
