"""What every message gets back: exactly one reply to its `id`, before anything else; and frames are counted."""

from typing import Any

import pytest

from signalling.codes import CloseCode
from tests.core.client import Client
from tests.core.scene import ICE_SERVERS, Scene
from tests.core.wording import ADA, ANSWER, BOB, CALL, CANDIDATE, OFFER, ack, hangup, refusal

MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("hello", {}),
    ("offer", {"call": CALL, "to": BOB, "description": OFFER}),
    ("offer", {"call": CALL, "description": OFFER}),
    ("answer", {"call": CALL, "description": ANSWER}),
    ("candidate", {"call": CALL, "candidate": CANDIDATE}),
    ("reject", {"call": CALL}),
    ("hangup", {"call": CALL}),
    ("ice_servers", {}),
    ("ping", {}),
    ("bye", {}),
    ("join", {"table": "camelot"}),
]


@pytest.mark.parametrize("message_id", ["a1", "", "ä" * 64, "\u202e\n\x00"])
@pytest.mark.parametrize(("kind", "fields"), MESSAGES, ids=[kind for kind, _ in MESSAGES])
@pytest.mark.parametrize("situation", ["not welcome", "no call", "dialling", "ringing", "established"])
def test_a_message_with_an_id_is_answered_by_exactly_one_frame_with_that_id_before_any_other(
    scene: Scene, bob: Client, kind: str, fields: dict[str, Any], situation: str, message_id: str
) -> None:
    client = scene.connect()
    if situation != "not welcome":
        client.hello(peer=ADA)
    if situation == "dialling":
        scene.dialled(client, bob)
    elif situation == "ringing":
        scene.dialled(bob, client)
    elif situation == "established":
        scene.established(client, bob)
    client.takes()
    client.say(kind, id=message_id, **fields)
    frames = client.takes()
    assert frames[0].get("id") == message_id
    assert all("id" not in frame for frame in frames[1:])
    assert frames[0]["type"] in {"ack", "error", {"hello": "welcome", "ping": "pong", "join": "joined"}.get(kind, kind)}


@pytest.mark.parametrize(("kind", "fields"), MESSAGES, ids=[kind for kind, _ in MESSAGES])
def test_without_an_id_there_is_no_ack(
    scene: Scene, ada: Client, bob: Client, kind: str, fields: dict[str, Any]
) -> None:
    scene.established(ada, bob)
    ada.say(kind, **fields)
    assert all(frame["type"] != "ack" and "id" not in frame for frame in ada.takes())


def test_without_an_id_named_replies_and_errors_still_come(ada: Client) -> None:
    ada.say("ping")
    ada.say("ice_servers")
    ada.answer()
    pong, ice_servers, error = ada.takes()
    assert pong == {"type": "pong"}
    assert ice_servers == {"type": "ice_servers", "ice_servers": ICE_SERVERS, "ice_ttl": None}
    assert error == {"type": "error", "about": "answer", "call": CALL, "code": "call_unknown"}


def test_an_error_names_the_refused_type_in_about(ada: Client) -> None:
    ada.say("summon", id="s", peer=BOB)
    assert ada.takes_one() == refusal("unknown_type", "s", "summon", None)


def test_frames_from_the_server_count_from_one(ada: Client, bob: Client) -> None:
    ada.dial(bob)
    assert ada.seq == 1
    assert bob.seq == 1
    bob.answer(id="b")
    assert (ada.seq, bob.seq) == (2, 2)


def test_welcome_pong_and_what_comes_before_welcome_carry_no_seq(scene: Scene) -> None:
    client = scene.connect()
    client.say("bye")
    client.say("ping")
    client.hello()
    client.say("ping")
    assert client.seq == 0
    client.say("ice_servers")
    assert client.seq == 1


def test_a_new_session_counts_from_one_again(scene: Scene, ada: Client) -> None:
    ada.say("ice_servers")
    scene.part(ada)
    again = scene.peer(ADA)
    again.say("ice_servers")
    assert again.seq == 1


def test_ice_servers_tells_them_again(ada: Client) -> None:
    ada.say("ice_servers", id="i1")
    assert ada.takes_one() == {"type": "ice_servers", "id": "i1", "ice_servers": ICE_SERVERS, "ice_ttl": None}


def test_bye_ends_the_session_now(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.say("bye", id="b")
    assert ada.takes_one() == ack("b", "done")
    assert ada.closed == CloseCode.NORMAL
    assert bob.takes_one() == hangup(ADA, "bye")
    assert scene.peer(ADA).peer == ADA


def test_after_its_bye_nothing_more_is_read_from_a_client(scene: Scene, ada: Client, bob: Client) -> None:
    ada.say("bye")
    ada.dial(bob)
    scene.receive_binary(ada)
    assert ada.takes() == []
    assert bob.takes() == []


def test_after_its_bye_a_client_is_not_welcome_on_the_same_connection(scene: Scene, ada: Client) -> None:
    ada.say("bye")
    ada.hello(peer=ada.peer)
    assert ada.peer not in scene.switchboard.peers


@pytest.mark.parametrize("text", ["{", '{"type":"join"}', '{"type":"offer"}'])
def test_a_bad_message_gets_an_error_and_the_connection_stays(ada: Client, text: str) -> None:
    ada.write(text)
    assert ada.takes_one()["type"] == "error"
    assert ada.is_served()


def test_a_binary_frame_is_a_bad_message_and_the_connection_stays(scene: Scene, ada: Client) -> None:
    scene.receive_binary(ada)
    assert ada.takes_one() == {"type": "error", "code": "bad_message"}
    assert ada.is_served()


def test_t26_a_from_sent_by_a_client_has_no_effect(ada: Client, bob: Client) -> None:
    for fields in ({"from": BOB}, {"from_": BOB}, {"name": "Bob"}, {"via": "http"}, {"polite": False}, {"seq": 9}):
        ada.dial(bob, **fields)
        offered = bob.takes_one()
        assert (offered["from"], offered["polite"]) == (ADA, True)
        assert not {"name", "via"} & offered.keys()
        ada.hang_up(**fields)
        assert bob.takes_one() == hangup(ADA)
