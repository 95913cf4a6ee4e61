"""First offers from a WebSocket to a peer here."""

import json

import pytest

from signalling.codes import CloseCode
from tests.core.client import Client
from tests.core.scene import Scene, identifier, new_proof
from tests.core.wording import (
    ADA,
    BOB,
    CALL,
    CANDIDATE,
    EVE,
    HOME,
    LARGER,
    LATER_OFFER,
    NOBODY,
    OFFER,
    SMALLER,
    ack,
    answer,
    candidate,
    error,
    offer,
    refusal,
)


def test_an_offer_is_acknowledged_and_delivered(scene: Scene, bob: Client) -> None:
    ada = scene.peer(ADA, name="Ada")
    ada.dial(bob, id="a1")
    assert ada.takes_one() == ack("a1", "delivered")
    assert bob.takes_one() == offer(ADA, name="Ada", polite=True, trickle=True, expires=30)


def test_an_answer_is_delivered_to_the_caller(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    bob.answer(id="b1")
    assert bob.takes_one() == ack("b1", "delivered")
    assert ada.takes_one() == answer(BOB)


def test_descriptions_and_candidates_are_relayed_byte_for_byte(ada: Client, bob: Client) -> None:
    description = '{ "sdp":"v=0\\r\\n\\u0041\\/ä", "type":"offer","x":1.50}'
    ada.write(f'{{"type":"offer","call":"{CALL}","to":"{BOB}","description":{description}}}')
    assert f'"description":{description}'.encode() in bob.raw
    description = '{"type":"answer","sdp":"\\ud83d\\ude00 😀"}'
    bob.write(f'{{"type":"answer","call":"{CALL}","description":{description}}}')
    assert f'"description":{description}'.encode() in ada.raw
    one = '{"candidate":"c","sdpMid":null ,"x":"\\u00e4"}'
    ada.write(f'{{"type":"candidate","call":"{CALL}","candidate":{one}}}')
    assert f'"candidate":{one}'.encode() in bob.raw
    ada.write(f'{{"type":"candidate","call":"{CALL}","candidates":[{one} , {one}]}}')
    assert f'"candidates":[{one} , {one}]'.encode() in bob.raw


def test_what_is_relayed_is_at_most_two_kibibytes_longer(scene: Scene, bob: Client) -> None:
    ada = scene.peer(ADA, name="\U0001f600" * 64)
    empty = json.dumps({"type": "offer", "call": CALL, "to": BOB, "description": {"type": "offer", "sdp": ""}})
    ada.write(empty.replace('"sdp": ""', f'"sdp": "{"x" * (65_536 - len(empty))}"'))
    assert 65_000 < len(bob.raw) <= 65_536 + 2_048


def test_peers_are_found_by_their_uuid_in_any_case(ada: Client, bob: Client) -> None:
    ada.dial(BOB.upper(), call=CALL.upper())
    assert bob.takes_one() == offer(ADA, CALL)


@pytest.mark.parametrize(
    "public_ip", ["", HOME, f"{HOME}/", "http://SIGNAL.example.org", "https://signal.example.org:443"]
)
def test_an_identifier_with_this_servers_address_names_a_peer_here(ada: Client, bob: Client, public_ip: str) -> None:
    ada.dial(identifier(BOB, public_ip))
    assert ada.takes_one() == ack("dial")
    assert bob.takes_one() == offer(ADA)


def test_delivery_is_ordered_for_each_pair_of_peers(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob)
    for number in range(20):
        ada.trickle(candidate={"candidate": str(number)})
    offered, *candidates = bob.takes()
    assert offered == offer(ADA)
    assert candidates == [candidate(ADA, candidate={"candidate": str(number)}) for number in range(20)]


# Candidates


def test_candidates_may_arrive_before_the_answer(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.trickle(id="a")
    bob.trickle(id="b")
    assert ada.takes() == [ack("a"), candidate(BOB)]
    assert bob.takes() == [candidate(ADA), ack("b")]


def test_several_candidates_are_relayed_as_sent(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    several = [CANDIDATE, {"candidate": ""}, {}]
    ada.trickle(candidates=several)
    assert bob.takes_one() == candidate(ADA, candidates=several)


def test_a_candidate_that_is_null_is_the_end_of_candidates(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    ada.write(f'{{"type":"candidate","call":"{CALL}","candidate":null}}')
    assert bob.takes_one() == candidate(ADA, candidate=None)


def test_without_trickle_a_candidate_of_either_party_is_call_state(scene: Scene, ada: Client, bob: Client) -> None:
    ada.dial(bob, trickle=False)
    assert bob.takes_one() == offer(ADA, trickle=False)
    ada.takes()
    for moment in ("before the answer", "after it"):
        for client in (ada, bob):
            client.trickle(id="c")
            assert client.takes_one() == refusal("call_state", "c", "candidate"), moment
        bob.answer()
        ada.takes()


def test_without_trickle_descriptions_may_still_be_renegotiated(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob, trickle=False)
    bob.renegotiate(trickle=True)
    assert ada.takes_one() == offer(BOB, description=LATER_OFFER, polite=False, trickle=False)


# Refusals


def test_peer_unavailable_says_the_same_whether_the_peer_never_existed_or_is_gone(
    scene: Scene, ada: Client, bob: Client
) -> None:
    scene.part(bob)
    frames = []
    for peer in (NOBODY, BOB, new_proof(5)[0], identifier(NOBODY, HOME)):
        ada.dial(peer)
        frames.append(ada.raw.replace(f'"seq":{ada.seq}'.encode(), b""))
        assert ada.takes_one() == refusal("peer_unavailable", "dial", "offer", retry_after=5)
    assert len(set(frames)) == 1


@pytest.mark.parametrize("to", [ADA, ADA.upper(), identifier(ADA, HOME), identifier(ADA, "")])
def test_nobody_can_call_itself(ada: Client, to: str) -> None:
    ada.dial(to)
    assert ada.takes_one() == refusal("bad_peer", "dial", "offer")


@pytest.mark.parametrize(
    "to", ["", "bob", BOB.replace("-", ""), f"{{{BOB}}}", f"{BOB}\n", "x" * 10_000, "e30=", "bnVsbA=="]
)
def test_what_is_neither_a_uuid_nor_an_identifier_is_bad_peer(ada: Client, to: str) -> None:
    ada.dial(to)
    assert ada.takes_one() == refusal("bad_peer", "dial", "offer")


@pytest.mark.parametrize("state", ["dialling", "ringing", "established"])
@pytest.mark.parametrize("callee", [BOB, EVE])
def test_a_call_that_the_caller_has_open_exists(
    scene: Scene, ada: Client, bob: Client, state: str, callee: str
) -> None:
    eve = scene.peer(EVE)
    if state == "established":
        scene.established(ada, bob)
    else:
        scene.dialled(*((ada, bob) if state == "dialling" else (bob, ada)))
    ada.dial(callee)
    assert ada.takes_one() == refusal("call_exists", "dial", "offer")
    assert bob.takes() == eve.takes() == []
    ada.trickle(id="c")
    assert ada.takes_one() == ack("c", "delivered")


@pytest.mark.parametrize("state", ["dialling", "ringing", "established"])
def test_a_call_that_the_callee_has_open_exists(scene: Scene, ada: Client, bob: Client, state: str) -> None:
    eve = scene.peer(EVE)
    if state == "established":
        scene.established(ada, bob)
    else:
        scene.dialled(*((bob, ada) if state == "dialling" else (ada, bob)))
    eve.dial(bob)
    assert eve.takes_one() == refusal("call_exists", "dial", "offer")
    assert bob.takes() == []


def test_the_same_id_may_be_open_between_two_others(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    scene.established(scene.peer(EVE), scene.peer())
    ada.hang_up()
    assert bob.takes_one()["type"] == "hangup"


def test_two_peers_may_have_several_calls(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob, SMALLER)
    scene.established(bob, ada, LARGER)
    ada.hang_up(SMALLER)
    bob.takes()
    ada.trickle(LARGER)
    assert bob.takes_one() == candidate(ADA, LARGER)


def test_tables_come_later(ada: Client, bob: Client) -> None:
    ada.dial(bob, table="camelot")
    assert ada.takes_one() == refusal("table_unknown", "dial", "offer")
    assert bob.takes() == []


@pytest.mark.parametrize(
    "refused",
    [
        {"to": NOBODY},
        {"to": ADA},
        {"to": "nonsense"},
        {"to": BOB, "table": "camelot"},
        {"to": BOB, "description": {"type": "answer", "sdp": "v=0"}},
        {"to": BOB, "description": {"type": "offer"}},
    ],
    ids=["peer_unavailable", "bad_peer", "neither", "table_unknown", "the wrong type", "no sdp"],
)
def test_messages_in_a_call_whose_offer_was_refused_merely_crossed(
    scene: Scene, ada: Client, bob: Client, refused: dict[str, object]
) -> None:
    ada.say("offer", **{"call": CALL, "description": OFFER, **refused})
    assert ada.takes_one()["type"] == "error"
    for say in (ada.trickle, ada.hang_up, ada.renegotiate):
        say(id="late")
        assert ada.takes_one() == ack("late", "dropped")
    scene.wait(60)
    ada.trickle(id="late")
    assert ada.takes_one() == refusal("call_unknown", "late", "candidate")
    assert bob.takes() == []


def test_messages_in_a_call_whose_offer_came_too_fast_merely_crossed() -> None:
    scene = Scene(messages_burst=2, messages_per_second=1)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    ada.say("ping")
    ada.takes()
    ada.dial(bob)
    assert ada.takes_one() == refusal("rate_limited", "dial", "offer", retry_after=1)
    scene.wait(1)
    ada.trickle(id="late")
    assert ada.takes_one() == ack("late", "dropped")


def test_a_refused_call_may_be_offered_again(scene: Scene, ada: Client) -> None:
    ada.dial(BOB)
    ada.takes()
    bob = scene.peer(BOB)
    ada.dial(bob)
    assert ada.takes_one() == ack("dial")
    ada.trickle()
    assert bob.takes() == [offer(ADA), candidate(ADA)]


# Strangers


@pytest.mark.parametrize("state", ["dialling", "established"])
@pytest.mark.parametrize("kind", ["answer", "reject", "hang_up", "trickle", "renegotiate"])
def test_t29_anybody_but_the_two_parties_gets_call_unknown(
    scene: Scene, ada: Client, bob: Client, state: str, kind: str
) -> None:
    eve = scene.peer(EVE)
    (scene.dialled if state == "dialling" else scene.established)(ada, bob)
    getattr(eve, kind)(id="e")
    refused = eve.takes_one()
    assert (refused["code"], refused["id"]) == ("call_unknown", "e")
    assert ada.takes() == bob.takes() == []


@pytest.mark.parametrize("kind", ["answer", "reject", "hang_up", "trickle", "renegotiate"])
def test_messages_in_no_call_at_all_are_call_unknown(ada: Client, kind: str) -> None:
    getattr(ada, kind)()
    refused = ada.takes_one()
    assert refused == error("call_unknown", about=refused["about"], call=CALL)


def test_a_refusal_does_not_close_the_connection(scene: Scene, ada: Client) -> None:
    for _ in range(50):
        ada.dial(NOBODY)
        ada.trickle(SMALLER)
    assert ada.closed is None
    assert ada.is_served()


def test_an_offer_to_a_peer_whose_connection_was_closed_for_good_is_unavailable(ada: Client, bob: Client) -> None:
    for _ in range(10):
        bob.write("{")
    assert bob.closed == CloseCode.PROTOCOL_ERROR
    ada.dial(BOB)
    assert ada.takes_one() == refusal("peer_unavailable", "dial", "offer", retry_after=5)
