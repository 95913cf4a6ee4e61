"""Sessions outlive their connections: what is resumed, what is not, and who may."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import pytest

from signalling.codes import CloseCode, ErrorCode
from signalling.refusals import Refusal
from signalling.sessions import Session
from signalling.turn import Offering
from tests.core.client import Client
from tests.core.scene import RESUME_SECONDS, Scene, new_proof
from tests.core.wording import (
    ADA,
    BOB,
    CALL,
    LARGER,
    LATER_OFFER,
    SMALLER,
    ack,
    answer,
    candidate,
    error,
    hangup,
    offer,
    refusal,
)

PEER, PROOF = new_proof()
WINDOW = 30
CAMELOT = "camelot"
LARGE = {"type": "offer", "sdp": "v=0\r\n" + "a" * 60_000}


@pytest.fixture
def scene() -> Scene:
    return Scene(resume_seconds=WINDOW)


def secret(client: Client) -> str:
    assert client.welcome is not None
    return str(client.welcome["resume"])


def is_resumed(client: Client) -> bool:
    assert client.welcome is not None
    return bool(client.welcome["resumed"])


def session_of(scene: Scene, peer: str) -> Session:
    return scene.switchboard.peers[peer]


def seated(*clients: Client) -> None:
    for client in clients:
        client.say("join", table=CAMELOT)
    for client in clients:
        client.takes()


# What goes on


def test_a_lost_connection_is_nobody_elses_business(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    seated(ada, bob)
    scene.lose(ada)
    scene.wait(WINDOW - 0.1)
    assert is_resumed(scene.resume(ada))
    assert bob.takes() == []


def test_what_was_said_meanwhile_is_held_and_comes_in_its_order(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    seated(ada, bob)
    scene.lose(ada)
    bob.trickle(id="b1")
    bob.renegotiate(id="b2")
    scene.peer().say("join", table=CAMELOT)
    assert [frame.get("state") for frame in bob.takes()] == ["held", "held", None]
    again = scene.resume(ada)
    welcome, *frames = again.takes()
    assert welcome["seq"] == ada.seq + 3
    assert [frame["type"] for frame in frames] == ["candidate", "offer", "peer_joined"]


def test_frames_come_again_byte_for_byte(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    bob.trickle()
    first = ada.raw
    ada.seq -= 1  # it never came
    again = scene.resume(ada)
    assert again.raw == first


def test_calls_go_on_as_if_nothing_had_been(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.lose(ada)
    bob.answer()
    again = scene.resume(ada)
    assert again.takes()[1:] == [answer(BOB)]
    again.renegotiate(id="a")
    assert again.takes_one() == ack("a")
    assert bob.takes_one() == offer(ADA, description=LATER_OFFER)


def test_an_offer_to_a_peer_that_is_away_is_held_and_may_time_out(scene: Scene, ada: Client, bob: Client) -> None:
    scene = Scene(timeout=10, resume_seconds=WINDOW)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.lose(bob)
    ada.dial(bob)
    assert ada.takes_one() == ack("dial", "held")
    scene.wait(10)
    assert ada.takes_one() == error("answer_timeout", call=CALL)
    again = scene.resume(bob)
    assert again.takes()[1:] == [offer(ADA, expires=10), hangup(ADA, "timeout")]


@pytest.mark.parametrize("say", ["answer", "reject", "hang_up"])
def test_what_a_party_says_to_one_that_is_away_is_held(scene: Scene, ada: Client, bob: Client, say: str) -> None:
    scene.dialled(ada, bob)
    scene.lose(ada)
    getattr(bob, say)(id="b")
    assert bob.takes_one() == ack("b", "held")


def test_a_seat_is_kept_and_so_is_being_host(scene: Scene, ada: Client, bob: Client) -> None:
    seated(ada, bob)
    scene.lose(ada)
    scene.wait(5)
    again = scene.resume(ada)
    again.takes()
    again.say("lock", table=CAMELOT, locked=True, id="l")
    assert again.takes()[0] == ack("l", "done")


def test_a_peer_that_is_away_can_be_kicked(scene: Scene, ada: Client, bob: Client) -> None:
    seated(ada, bob)
    scene.lose(bob)
    ada.say("kick", table=CAMELOT, peer=BOB)
    again = scene.resume(bob)
    assert again.takes()[1:] == [{"type": "peer_left", "table": CAMELOT, "peer": BOB, "reason": "kicked"}]


def test_the_name_of_a_session_stays(scene: Scene, bob: Client) -> None:
    ada = scene.peer(ADA, name="Ada")
    scene.lose(ada)
    again = scene.resume(ada, name="Eve")
    scene.dialled(again, bob)
    assert session_of(scene, ADA).name == "Ada"


def test_turn_credentials_are_fresh(scene: Scene, ada: Client) -> None:
    scene.lose(ada)
    scene.ice = lambda peer: Offering([{"urls": ["turn:fresh"]}], 60)
    again = scene.resume(ada)
    assert again.welcome is not None
    assert again.welcome["ice_ttl"] == 60


# What the server has taken up


def flood(scene: Scene, client: Client) -> None:
    for _ in range(600):
        client.say("ping")
    client.trickle()
    assert client.takes()[-1]["code"] == "rate_limited"
    scene.wait(1)


TAKEN_UP = {
    "hello": (lambda scene, client: client.hello(), 0),
    "a malformed hello": (lambda scene, client: client.say("hello", seq="x"), 0),
    "ping": (lambda scene, client: client.say("ping"), 0),
    "a malformed ping": (lambda scene, client: client.say("ping", id=7), 0),
    "ice_servers": (lambda scene, client: client.say("ice_servers"), 1),
    "a refused message": (lambda scene, client: client.trickle(), 1),
    "an unknown type": (lambda scene, client: client.say("dance"), 1),
    "no JSON": (lambda scene, client: client.write("{"), 1),
    "no object": (lambda scene, client: client.write("[]"), 1),
    "no type": (lambda scene, client: client.write("{}"), 1),
    "a binary frame": (lambda scene, client: scene.receive_binary(client), 1),
    "a message that came too fast": (flood, 1),
}


@pytest.mark.parametrize(("say", "counted"), TAKEN_UP.values(), ids=TAKEN_UP.keys())
def test_received_counts_every_frame_but_hellos_and_pings(scene: Scene, ada: Client, say: Any, counted: int) -> None:
    ada.say("ice_servers")
    say(scene, ada)
    ada.takes()
    scene.lose(ada)
    again = scene.resume(ada)
    assert again.welcome is not None
    assert again.welcome["received"] == 1 + counted


def test_what_comes_before_welcome_is_not_counted(scene: Scene) -> None:
    client = scene.connect()
    client.say("ice_servers")
    client.hello(peer=ADA)
    client.takes()
    scene.lose(client)
    again = scene.resume(client)
    assert again.welcome is not None
    assert again.welcome["received"] == 0


def test_a_new_session_does_not_say_what_was_received(scene: Scene) -> None:
    welcome = scene.peer().welcome
    assert welcome is not None
    assert "received" not in welcome


# The connection that was


def test_a_resumed_session_leaves_its_old_connection_though_that_still_lives(scene: Scene, ada: Client) -> None:
    again = scene.resume(ada)
    assert ada.closed == CloseCode.SUPERSEDED
    assert is_resumed(again)


def test_nothing_more_is_read_from_the_old_connection(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    again = scene.resume(ada)
    ada.trickle()
    assert bob.takes() == []
    assert again.takes_welcome()
    assert session_of(scene, ADA).received == 1  # the offer


def test_the_loss_of_the_old_connection_changes_nothing(scene: Scene, ada: Client, bob: Client) -> None:
    again = scene.resume(ada)
    scene.lose(ada)
    again.takes()
    bob.dial(again)
    assert bob.takes_one() == ack("dial", "delivered")
    assert again.takes_one() == offer(BOB)
    scene.wait(31)
    assert ADA in scene.switchboard.peers


# Secrets


def test_the_secret_is_new_each_time(scene: Scene, ada: Client) -> None:
    secrets = {secret(ada)}
    for _ in range(3):
        ada = scene.resume(ada)
        secrets.add(secret(ada))
    assert len(secrets) == 4


def test_when_the_welcome_is_lost_the_same_secret_resumes_once_more(scene: Scene, ada: Client) -> None:
    lost = scene.resume(ada)
    scene.lose(lost)
    again = scene.resume(ada)
    assert is_resumed(again)
    scene.lose(again)
    assert is_resumed(scene.resume(again))


@pytest.mark.parametrize("first", ['{"type":"ping"}', "{", '{"type":"ice_servers"}'])
def test_the_first_text_frame_on_the_new_connection_ends_the_old_secret(scene: Scene, first: str) -> None:
    ada = scene.peer(ADA)
    again = scene.resume(ada)
    again.write(first)
    scene.lose(again)
    thief = scene.resume(ada)
    assert thief.takes() == [error("identity_taken", about="hello")]
    assert thief.closed == CloseCode.IDENTITY_TAKEN
    again.seq = session_of(scene, ADA).seq
    assert is_resumed(scene.resume(again))


def test_a_binary_frame_does_not(scene: Scene, ada: Client) -> None:
    again = scene.resume(ada)
    scene.receive_binary(again)
    scene.lose(again)
    assert is_resumed(scene.resume(ada))


def test_of_two_that_resume_at_once_with_the_right_secret_one_lives(scene: Scene, ada: Client) -> None:
    scene.lose(ada)
    first = scene.resume(ada)
    second = scene.resume(ada)
    assert first.closed == CloseCode.SUPERSEDED
    assert is_resumed(second)
    assert second.takes_welcome()
    assert second.is_served()
    assert len(scene.switchboard.peers) == 1


@pytest.mark.parametrize("is_away", [True, False])
@pytest.mark.parametrize("guess", ["", "guessed", "ä", "x" * 60_000])
def test_t25_the_id_of_a_resumable_session_is_taken_and_its_peer_notices_nothing(
    scene: Scene, ada: Client, bob: Client, guess: str, is_away: bool
) -> None:
    scene.established(ada, bob)
    if is_away:
        scene.lose(ada)
    thief = scene.connect(source="192.0.2.66")
    thief.hello(peer=ADA, resume=guess, id="h")
    assert thief.takes() == [refusal("identity_taken", "h", "hello", None)]
    assert thief.closed == CloseCode.IDENTITY_TAKEN
    if is_away:
        assert is_resumed(scene.resume(ada))
    else:
        assert ada.is_served()
    assert bob.takes() == []


def test_t27_guessing_resume_secrets_is_refused_after_some_tries_but_the_right_one_is_let_in(
    scene: Scene, ada: Client
) -> None:
    scene.lose(ada)
    codes = []
    for guess in range(12):
        thief = scene.connect()
        thief.hello(peer=ADA, resume=f"guess {guess}")
        codes.append(thief.takes_one()["code"])
        scene.lose(thief)
    assert codes == ["identity_taken"] * 10 + ["rate_limited"] * 2
    assert is_resumed(scene.resume(ada))


def test_a_secret_is_of_no_use_to_another_peer(scene: Scene, ada: Client, bob: Client) -> None:
    thief = scene.connect()
    thief.hello(peer=ADA, resume=secret(bob))
    assert thief.closed == CloseCode.IDENTITY_TAKEN


def test_a_valid_secret_comes_before_the_proof(scene: Scene) -> None:
    ada = scene.peer(PEER, proof=PROOF)
    assert is_resumed(scene.resume(ada, proof="wrong"))


def test_with_a_wrong_secret_and_the_proof_it_is_a_new_session(scene: Scene, bob: Client) -> None:
    ada = scene.peer(PEER, proof=PROOF)
    scene.established(ada, bob)
    again = scene.connect()
    again.hello(peer=PEER, resume="lost", proof=PROOF)
    assert not is_resumed(again)
    assert bob.takes_one() == hangup(PEER, "gone")
    assert ada.closed == CloseCode.SUPERSEDED


# What cannot be resumed


def test_after_the_window_the_session_is_over_and_the_others_are_told(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    seated(ada, bob)
    scene.lose(ada)
    scene.wait(WINDOW)
    assert [(frame["type"], frame.get("reason")) for frame in bob.takes()] == [
        ("hangup", "gone"),
        ("peer_left", "gone"),
        ("table", None),
    ]
    again = scene.resume(ada)
    assert not is_resumed(again)
    assert again.takes_one()["seq"] == 0


def test_coming_too_late_is_no_failed_attempt(scene: Scene) -> None:
    ada = scene.peer(PEER, proof=PROOF)
    scene.part(ada)
    for _ in range(20):
        late = scene.resume(ada)
        assert late.closed == CloseCode.IDENTITY_TAKEN
        scene.lose(late)
    assert not is_resumed(scene.resume(ada, proof=PROOF))


def test_a_seq_that_was_never_sent_is_a_new_session(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    again = scene.connect()
    again.hello(peer=ADA, resume=secret(ada), seq=ada.seq + 1)
    assert not is_resumed(again)
    assert ada.closed == CloseCode.SUPERSEDED
    assert bob.takes_one() == hangup(ADA, "gone")
    assert again.is_served()


def test_a_self_certifying_id_needs_its_proof_for_that(scene: Scene, bob: Client) -> None:
    ada = scene.peer(PEER, proof=PROOF)
    scene.established(ada, bob)
    again = scene.connect()
    again.hello(peer=PEER, resume=secret(ada), seq=99)
    assert again.closed == CloseCode.IDENTITY_TAKEN
    assert ada.is_served()
    assert bob.takes() == []


def test_a_missing_seq_asks_for_all(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    again = scene.connect()
    again.hello(peer=ADA, resume=secret(ada))
    assert [json.loads(json.dumps(frame)) for frame in again.takes()[1:]] == [ack("dial"), answer(BOB)]


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda scene, client: client.say("bye"), "bye"),
        (lambda scene, client: [client.write("{") for _ in range(10)], "disconnected"),
        (lambda scene, client: scene.lose(client, 1002), "disconnected"),
        (lambda scene, client: scene.lose(client, 1007), "disconnected"),
        (lambda scene, client: scene.lose(client, 1009), "disconnected"),
    ],
    ids=["bye", "misbehaviour", "1002", "1007", "1009"],
)
def test_some_ends_are_final(scene: Scene, ada: Client, bob: Client, leave: Any, reason: str) -> None:
    scene.established(ada, bob)
    leave(scene, ada)
    assert bob.takes_one() == hangup(ADA, reason)
    assert not is_resumed(scene.resume(ada))


@pytest.mark.parametrize("close_code", [None, 1000, 1001, 1005, 1006, 4000])
def test_a_client_that_closes_without_bye_may_come_back(
    scene: Scene, ada: Client, bob: Client, close_code: int | None
) -> None:
    scene.established(ada, bob)
    scene.lose(ada, close_code)
    assert bob.takes() == []
    assert is_resumed(scene.resume(ada))


def test_a_flood_is_held_against_a_client_that_comes_back(scene: Scene, ada: Client) -> None:
    for _ in range(700):
        ada.say("ping")
    assert ada.closed == CloseCode.RATE_LIMITED
    ada.takes()
    too_soon = scene.resume(ada)
    assert too_soon.takes_one() == error("rate_limited", about="hello", retry_after=1)
    assert too_soon.closed == CloseCode.RATE_LIMITED
    scene.wait(1)
    again = scene.resume(ada)
    assert is_resumed(again)
    for _ in range(30):
        again.say("ping", id="p")
    assert again.takes()[-1]["code"] == ErrorCode.RATE_LIMITED


def test_resuming_is_one_of_the_sessions_messages() -> None:
    scene = Scene(messages_burst=3, messages_per_second=0.01)
    client = scene.peer()
    codes = []
    for _ in range(5):
        client = scene.resume(client) if client.welcome else client
        codes.append(client.closed)
    assert codes == [None, None, CloseCode.RATE_LIMITED, CloseCode.RATE_LIMITED, CloseCode.RATE_LIMITED]


def test_misbehaviour_is_held_against_it_too(scene: Scene, ada: Client) -> None:
    for _ in range(9):
        ada.write("{")
    again = scene.resume(ada)
    again.write("{")
    assert again.closed == CloseCode.PROTOCOL_ERROR


def test_one_that_did_not_read_may_come_back(scene: Scene, ada: Client) -> None:
    scene.cut_off(ada)
    assert ada.closed == CloseCode.SLOW_CONSUMER
    assert is_resumed(scene.resume(ada))


def test_at_a_drain_sessions_that_are_away_end_too(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(ada, bob)
    scene.lose(bob)
    scene.drain()
    assert error("draining", call=CALL, reason="draining") in ada.takes()
    assert scene.switchboard.peers == {}


def test_an_http_caller_cannot_claim_the_id_of_one_that_is_away(scene: Scene, ada: Client, bob: Client) -> None:
    scene.lose(ada)
    with pytest.raises(Refusal) as refused:
        scene.post(bob, from_=ADA)
    assert refused.value.code is ErrorCode.IDENTITY_TAKEN


# What is held


def test_buffer_frames_the_oldest_give_way_and_who_asks_for_them_starts_anew() -> None:
    scene = Scene(buffer_frames=3)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.established(ada, bob)
    for _ in range(3):
        bob.trickle()
    again = scene.resume(ada, seq=ada.seq - 3)
    assert is_resumed(again)
    assert len(again.takes()) == 1 + 3
    assert not is_resumed(scene.resume(again, seq=again.seq - 4))


@pytest.mark.parametrize("lost", [3, 4])
def test_a_buffer_that_overflows_while_its_peer_is_away_ends_the_session_at_that_moment(lost: int) -> None:
    scene = Scene(buffer_frames=3)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.established(ada, bob)
    scene.lose(ada)
    for _ in range(lost):
        bob.trickle(id="t")
    told = bob.takes()
    assert told[:3] == [ack("t", "held")] * 3
    if lost == 3:
        again = scene.resume(ada)
        assert again.takes()[1:] == [candidate(BOB)] * 3
    else:
        assert told[3:] == [ack("t", "held"), hangup(ADA, "gone")]
        assert ADA not in scene.switchboard.peers


def test_buffer_bytes_bound_it_as_well() -> None:
    scene = Scene(buffer_bytes=131_072)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.established(ada, bob)
    scene.established(ada, bob, SMALLER)
    scene.lose(ada)
    for call in (CALL, SMALLER):
        bob.renegotiate(call, description=LARGE, id="b")
    assert [frame["state"] for frame in bob.takes()] == ["held", "held"]
    bob.trickle(candidate={"candidate": "a" * 20_000})
    assert {frame.get("reason") for frame in bob.takes()} == {"gone"}
    assert ADA not in scene.switchboard.peers
    assert scene.switchboard.tally.refusals["buffer_frames"] == 1


def test_t29_strangers_cannot_fill_up_a_peer_that_is_away(ada: Client, bob: Client, scene: Scene) -> None:
    scene.established(ada, bob)
    eve = scene.peer()
    scene.lose(ada)
    states = []
    for number in range(40):
        call = f"{number:08x}-0000-4000-8000-000000000000"
        eve.dial(ada, call, description=LARGE)
        states.append(eve.takes()[0].get("state", "limit_exceeded"))
        eve.hang_up(call)
        eve.takes()
    assert states == ["held"] * 4 + ["limit_exceeded"] * 36
    assert bob.takes() == []
    bob.renegotiate(description=LARGE)
    again = scene.resume(ada)
    assert again.takes()[-1]["from"] == BOB


def test_t29_nor_with_many_candidates_in_a_call_that_it_has_not_answered(
    ada: Client, bob: Client, scene: Scene
) -> None:
    scene.established(ada, bob)
    eve = scene.peer()
    scene.lose(ada)
    eve.dial(ada, SMALLER)
    eve.takes()
    for _ in range(512):
        eve.trickle(SMALLER, id="t")
    states = [frame.get("state") for frame in eve.takes()]
    assert states == ["held"] * 126 + [None] * 386
    with pytest.raises(Refusal) as refused:
        scene.post(ada, call=LARGER, from_=BOB.replace("b0b", "0b0"))
    assert refused.value.limit == "buffer_bytes"
    assert is_resumed(scene.resume(ada))
    assert bob.takes() == []


def test_members_of_a_table_are_no_strangers(scene: Scene, ada: Client, bob: Client) -> None:
    seated(ada, bob)
    scene.lose(ada)
    for number in range(6):
        bob.dial(ada, f"{number:08x}-0000-4000-8000-000000000000", table=CAMELOT, description=LARGE)
    assert [frame["state"] for frame in bob.takes()] == ["held"] * 6


def test_buffer_total_bytes_leave_everybody_an_equal_share() -> None:
    scene = Scene(buffer_total_bytes=1_048_576, unanswered_per_session=100)
    bob = scene.peer(BOB)
    peers = [scene.peer(source=f"192.0.2.{number}") for number in range(9)]  # a share is 104,857 bytes
    for number, peer in enumerate(peers * 4):
        bob.dial(peer, f"{number:08x}-0000-4000-8000-000000000000", description=LARGE)
        bob.hang_up(f"{number:08x}-0000-4000-8000-000000000000")
    assert scene.switchboard.presence._store.bytes < 1_200_000
    assert is_resumed(scene.resume(peers[0], seq=peers[0].seq - 1))
    scene.wait(100)
    assert scene.switchboard.presence._store.bytes == 0


def test_buffer_seconds_let_go_of_frames_by_age_only_while_connected() -> None:
    scene = Scene(buffer_seconds=75, resume_seconds=300)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.established(ada, bob)
    scene.wait(90.1)
    bob.trickle()
    scene.lose(ada)
    scene.wait(200)
    again = scene.resume(ada, seq=ada.seq - 1)
    assert again.takes()[1:] == [candidate(BOB)]
    assert not is_resumed(scene.resume(again, seq=again.seq - 2))


def test_what_was_held_is_let_go_of_without_anything_else_happening() -> None:
    scene = Scene(buffer_seconds=75)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    scene.established(ada, bob)
    assert session_of(scene, ADA).held
    scene.wait(90.1)
    assert not session_of(scene, ADA).held
    assert scene.switchboard.next_deadline() is None


def test_an_ended_session_holds_nothing(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    session = session_of(scene, ADA)
    ada.say("bye", id="b")
    assert ada.takes() == [ack("b", "done")]
    assert not session.held


# Bounds


def test_sessions_of_one_address_that_are_away_are_bounded_and_the_longest_gives_way() -> None:
    scene = Scene(connections_per_address=2)
    leavers = []
    for _ in range(3):
        leavers.append(scene.peer())
        scene.lose(leavers[-1])
        scene.wait(0.1)
    other = scene.peer(source="192.0.2.2")
    scene.lose(other)
    assert [leaver.peer in scene.switchboard.peers for leaver in [*leavers, other]] == [False, True, True, True]


def test_of_an_address_those_without_calls_and_seats_give_way_first(scene: Scene) -> None:
    scene = Scene(connections_per_address=2)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    seated(ada)
    scene.lose(ada)
    scene.lose(bob)
    scene.lose(scene.peer())
    assert [peer in scene.switchboard.peers for peer in (ADA, BOB)] == [True, False]
    assert scene.switchboard.tally.refusals["connections_per_address"] == 1


def test_when_thousands_have_gone_at_once_others_are_heard_between_their_ends() -> None:
    scene = Scene(connections_per_address=1_000)
    for client in [scene.peer() for _ in range(250)]:
        scene.lose(client)
    scene.now += RESUME_SECONDS
    left = []
    while len(scene.switchboard.peers):
        scene.switchboard.sweep(scene.now)
        left.append(len(scene.switchboard.peers))
        assert not left[-1] or scene.switchboard.next_deadline() <= scene.now  # type: ignore[operator]
    assert left == [150, 50, 0]


def test_sessions_that_are_away_are_bounded_in_all() -> None:
    scene = Scene(connections=2)
    leavers = []
    for number in range(3):
        leavers.append(scene.peer(source=f"192.0.2.{number}"))
        scene.lose(leavers[-1])
    assert [leaver.peer in scene.switchboard.peers for leaver in leavers] == [False, True, True]


def test_coming_and_going_in_a_loop_leaves_nothing() -> None:
    scene = Scene()
    client = scene.peer()
    for _ in range(200):
        scene.lose(client)
        client = scene.resume(client)
    scene.part(client)
    scene.wait(75)
    assert set(scene.registries().values()) == {0}
    assert scene.switchboard.next_deadline() is None


def test_nothing_is_kept_of_a_session_that_has_ended() -> None:
    scene = Scene(buffer_seconds=3_600)
    client = scene.peer()
    client.write("{")
    assert client.takes_one()["code"] == "bad_json"
    session = weakref.ref(scene.switchboard.peers[client.peer])
    scene._sessions.clear()
    scene.lose(client)
    scene.wait(31)
    client.connection.session = None
    del client
    gc.collect()
    assert session() is None
