"""Opening: who is welcome, as whom, and what becomes of everybody else."""

from typing import Any
from unittest.mock import ANY

import pytest

from signalling.codes import CloseCode
from signalling.identity import NIL_UUID, PeerID, decode_identifier, is_self_certifying, proves
from tests.core.client import Client
from tests.core.scene import ICE_SERVERS, Scene, new_proof
from tests.core.wording import (
    ADA,
    ANSWER,
    BOB,
    CALL,
    CANDIDATE,
    HOME,
    NOBODY,
    OFFER,
    ack,
    error,
    hangup,
    offer,
    refusal,
)

PEER, PROOF = new_proof(1)
_, OTHER_PROOF = new_proof(2)


# Welcome


def test_all_fields_of_a_hello_are_optional(scene: Scene) -> None:
    client = scene.connect()
    client.hello()
    welcome = client.takes_one()
    assert welcome.items() >= {"type": "welcome", "resumed": False, "seq": 0, "ice_servers": ICE_SERVERS}.items()


def test_a_welcome_has_everything_that_a_client_needs(scene: Scene) -> None:
    client = scene.connect()
    client.hello(peer=ADA, id="h")
    welcome = client.takes_one()
    assert decode_identifier(welcome.pop("identifier")) == PeerID(ADA, HOME)
    assert welcome.pop("limits").items() >= {"message_bytes": 65_536, "candidates": 32, "answer_seconds": 30}.items()
    assert welcome == {
        "type": "welcome",
        "id": "h",
        "peer": ADA,
        "resume": ANY,
        "resumed": False,
        "seq": 0,
        "ice_servers": ICE_SERVERS,
        "ice_ttl": None,
        "heartbeat": 20,
        "server": "roundtable-signalling/1.0",
        "reports": True,
    }


def test_the_identifier_holds_this_servers_address_as_this_client_knows_it(scene: Scene) -> None:
    client = scene.peer(ADA, home="http://192.0.2.80:1066")
    assert client.welcome is not None
    assert decode_identifier(client.welcome["identifier"]) == PeerID(ADA, "http://192.0.2.80:1066")


def test_the_numbers_that_hold_are_those_in_welcome_limits() -> None:
    client = Scene(timeout=7.5, message_bytes=5_000, open_calls=3, heartbeat_seconds=4).peer()
    assert client.welcome is not None
    assert client.welcome["limits"].items() >= {"message_bytes": 5_000, "open_calls": 3, "answer_seconds": 7.5}.items()
    assert client.welcome["heartbeat"] == 4


def test_a_peer_brings_its_own_id_in_any_case(scene: Scene) -> None:
    assert scene.peer(ADA.upper()).peer == ADA


def test_ids_made_by_the_server_certify_themselves_and_come_with_their_proof(scene: Scene) -> None:
    clients = [scene.peer() for _ in range(3)]
    assert len({client.peer for client in clients}) == 3
    for client in clients:
        assert client.welcome is not None
        assert is_self_certifying(client.peer)
        assert proves(client.peer, client.welcome["proof"])


def test_a_proof_is_returned_for_no_other_id(scene: Scene) -> None:
    for client in (scene.peer(ADA), scene.peer(PEER, proof=PROOF)):
        assert client.welcome is not None
        assert "proof" not in client.welcome


def test_a_resume_that_this_server_does_not_know_is_a_new_session(scene: Scene) -> None:
    client = scene.peer(ADA, resume="lost long ago", seq=17)
    assert client.welcome is not None
    assert client.welcome.items() >= {"resumed": False, "seq": 0}.items()


def test_fields_that_the_server_does_not_know_are_ignored(scene: Scene) -> None:
    assert scene.peer(ADA, colour="red", capacity={"x": [1]}).peer == ADA


# Names


def test_a_name_is_told_in_nfc_to_those_one_calls(scene: Scene, bob: Client) -> None:
    scene.peer(ADA, name="Zoe\u0308").dial(bob)
    assert bob.takes_one() == offer(ADA, name="Zo\u00eb")


def test_a_peer_without_a_name_has_none(ada: Client, bob: Client) -> None:
    ada.dial(bob)
    assert "name" not in bob.takes_one()


@pytest.mark.parametrize("name", ["", "x" * 65, "A\nda", "A\u202eda", "x" * 10_000])
def test_t31_an_illegal_name_is_a_bad_message_and_hello_may_be_said_again(scene: Scene, name: str) -> None:
    client = scene.connect()
    client.hello(peer=ADA, name=name, id="h")
    assert client.takes_one() == refusal("bad_message", "h", "hello", None)
    client.hello(peer=ADA, name="Ada")
    assert client.takes_one()["peer"] == ADA


# Ids


@pytest.mark.parametrize("peer", [NIL_UUID, "", "ada", ADA.replace("-", ""), f"{{{ADA}}}", f"urn:uuid:{ADA}"])
def test_the_nil_uuid_and_what_is_none_are_no_peer_ids(scene: Scene, peer: str) -> None:
    client = scene.connect()
    client.hello(peer=peer, id="h")
    assert client.takes_one() == refusal("bad_peer", "h", "hello", None)
    client.hello(peer=ADA)
    assert client.takes_one()["peer"] == ADA


@pytest.mark.parametrize("claim", [{}, {"proof": PROOF}, {"resume": "guessed"}, {"proof": ""}])
def test_t25_the_id_of_a_live_session_is_taken_and_its_peer_notices_nothing(
    scene: Scene, ada: Client, claim: dict[str, Any]
) -> None:
    thief = scene.connect()
    thief.hello(peer=ADA.upper(), id="h", **claim)
    assert thief.takes_one() == refusal("identity_taken", "h", "hello", None)
    assert thief.closed == CloseCode.IDENTITY_TAKEN
    scene.lose(thief)
    assert ada.is_served()
    assert scene.switchboard.peers[ADA].connection is ada.connection


def test_other_ids_are_first_come_first_served(scene: Scene, ada: Client) -> None:
    scene.part(ada)
    assert scene.peer(ADA).peer == ADA


@pytest.mark.parametrize("proof", [None, "", OTHER_PROOF, PROOF[:-1], PROOF + "A", "x" * 10_000])
def test_t25_a_self_certifying_id_needs_its_proof_though_nobody_has_it(scene: Scene, proof: str | None) -> None:
    thief = scene.connect()
    thief.hello(peer=PEER, proof=proof)
    assert thief.takes_one() == error("identity_taken", about="hello")
    assert thief.closed == CloseCode.IDENTITY_TAKEN
    assert PEER not in scene.switchboard.peers


def test_with_its_proof_a_self_certifying_id_is_welcome(scene: Scene) -> None:
    assert scene.peer(PEER.upper(), proof=PROOF).peer == PEER


def test_the_proof_of_an_id_made_here_holds_at_another_server_too(scene: Scene) -> None:
    welcome = scene.peer().welcome
    assert welcome is not None
    assert Scene().peer(welcome["peer"], proof=welcome["proof"]).peer == welcome["peer"]


def test_with_the_proof_a_client_ends_its_old_session_and_starts_a_new_one(scene: Scene, bob: Client) -> None:
    old = scene.peer(PEER, proof=PROOF)
    scene.established(old, bob)
    new = scene.peer(PEER, proof=PROOF)
    assert old.closed == CloseCode.SUPERSEDED
    assert old.takes() == []
    assert bob.takes() == [hangup(PEER, "gone")]
    bob.dial(new)
    assert new.takes_one()["type"] == "offer"


def test_the_loss_of_the_replaced_connection_does_not_end_the_new_session(scene: Scene, bob: Client) -> None:
    old = scene.peer(PEER, proof=PROOF)
    new = scene.peer(PEER, proof=PROOF)
    scene.lose(old)
    bob.dial(new)
    assert bob.takes_one() == ack("dial")


def test_a_caller_whose_callee_is_replaced_by_a_new_session_is_told_so(scene: Scene, ada: Client) -> None:
    scene.dialled(ada, scene.peer(PEER, proof=PROOF))
    scene.peer(PEER, proof=PROOF)
    assert ada.takes_one() == error("peer_gone", call=CALL, reason="gone")


def fail_to_prove(scene: Scene, times: int, source: str = "192.0.2.1", peer: str = PEER) -> Client:
    for _ in range(times):
        client = scene.connect(source=source)
        client.hello(peer=peer, proof=OTHER_PROOF, id="h")
        scene.lose(client)
    return client


def test_after_too_many_failures_an_id_is_rate_limited(scene: Scene) -> None:
    tenth = fail_to_prove(scene, times=10)
    assert tenth.takes_one() == refusal("identity_taken", "h", "hello", None)
    eleventh = fail_to_prove(scene, times=1)
    assert eleventh.takes_one() == refusal("rate_limited", "h", "hello", None, retry_after=1_800)
    assert eleventh.closed == CloseCode.RATE_LIMITED


def test_failures_count_for_one_source_and_one_peer(scene: Scene) -> None:
    fail_to_prove(scene, times=10)
    assert fail_to_prove(scene, times=1, source="192.0.2.2").closed == CloseCode.IDENTITY_TAKEN
    assert fail_to_prove(scene, times=1, peer=new_proof(3)[0]).closed == CloseCode.IDENTITY_TAKEN


def test_failures_are_forgotten_after_half_an_hour(scene: Scene) -> None:
    fail_to_prove(scene, times=11)
    scene.wait(1_800)
    assert fail_to_prove(scene, times=1).closed == CloseCode.IDENTITY_TAKEN


def test_a_peer_that_has_no_session_here_is_no_failed_attempt(scene: Scene) -> None:
    for _ in range(20):
        scene.part(scene.peer(ADA, resume="of another server"))
    assert scene.peer(ADA).peer == ADA


# The first frame


BEFORE_HELLO = [
    ("offer", {"call": CALL, "to": BOB, "description": OFFER}),
    ("offer", {"call": CALL, "description": OFFER}),
    ("answer", {"call": CALL, "description": ANSWER}),
    ("candidate", {"call": CALL, "candidate": CANDIDATE}),
    ("reject", {"call": CALL}),
    ("hangup", {"call": CALL}),
    ("ice_servers", {}),
    ("bye", {}),
]


@pytest.mark.parametrize(("kind", "fields"), BEFORE_HELLO, ids=[kind for kind, _ in BEFORE_HELLO])
def test_hello_is_the_first_frame(scene: Scene, bob: Client, kind: str, fields: dict[str, Any]) -> None:
    client = scene.connect()
    client.say(kind, id="a", **fields)
    assert client.takes_one() == refusal("hello_expected", "a", kind, fields.get("call"))
    assert bob.takes() == []
    client.hello(peer=ADA)
    assert client.takes_one()["type"] == "welcome"


def test_a_ping_is_answered_before_hello_too(scene: Scene) -> None:
    client = scene.connect()
    client.say("ping", id="p")
    client.say("ping")
    assert client.takes() == [{"type": "pong", "id": "p"}, {"type": "pong"}]


def test_a_second_hello_is_already_welcome_and_changes_nothing(ada: Client, bob: Client) -> None:
    ada.hello(peer=NOBODY, name="Eve", id="h")
    assert ada.takes_one() == refusal("already_welcome", "h", "hello", None)
    ada.dial(bob)
    assert bob.takes_one() == offer(ADA)


def test_hello_is_due_within_five_seconds(scene: Scene) -> None:
    silent = scene.connect()
    scene.wait(4.9)
    assert silent.closed is None
    scene.wait(0.1)
    assert silent.closed == CloseCode.NO_HELLO


def test_neither_a_ping_nor_a_refused_hello_gives_more_time(scene: Scene) -> None:
    client = scene.connect()
    scene.wait(4)
    client.say("ping")
    client.hello(peer=NIL_UUID)
    scene.wait(1)
    assert client.closed == CloseCode.NO_HELLO
    client.hello()
    assert [frame["type"] for frame in client.takes()] == ["pong", "error"]
    assert scene.switchboard.peers == {}, "nothing is read from a connection that is closed"


def test_who_is_welcome_may_be_silent(scene: Scene, ada: Client) -> None:
    scene.wait(3_600)
    assert ada.is_served()
