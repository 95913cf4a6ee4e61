"""T27: guessing ids, tables and passwords. Nothing is learnt from the words, nor from the time that they took."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from signalling.codes import CloseCode
from signalling.identity import encode_proof
from signalling.refusals import Refusal
from tests.core.client import Client
from tests.core.scene import Scene, new_proof
from tests.core.wording import ADA, BOB, EVE, LARGER, NOBODY, OFFER, SMALLER, Frame

GUESSES = 1_000
GUESS_MILLISECONDS = 1.0
"""What one guess may cost the event loop; a slow hash takes a hundred times as long."""


def answer_to(client: Client, kind: str, **fields: Any) -> Frame:
    """All that the error says which this message gets, but for what repeats the message."""
    client.takes()
    client.say(kind, **fields)
    client.takes_one()
    frame: Frame = json.loads(client.raw)
    return {name: value for name, value in frame.items() if name not in {"seq", "call", "id"}}


def test_t27_a_peer_that_never_was_and_one_that_has_gone_are_answered_alike(scene: Scene) -> None:
    eve = scene.peer(EVE)
    scene.peer(BOB).say("bye")
    never, gone = (
        answer_to(eve, "offer", call=call, to=peer, description=OFFER)
        for call, peer in ((SMALLER, NOBODY), (LARGER, BOB))
    )
    assert never == gone
    assert never["code"] == "peer_unavailable"


def test_t27_over_http_they_are_answered_alike_too(scene: Scene) -> None:
    scene.peer(BOB).say("bye")
    told = []
    for peer in (NOBODY, BOB):
        with pytest.raises(Refusal) as caught:
            scene.post(peer, from_=EVE)
        told.append((caught.value.code, caught.value.detail, caught.value.retry_after))
    assert told[0] == told[1]


@pytest.mark.parametrize("message", [("leave", {}), ("lock", {"locked": True}), ("kick", {"peer": ADA})])
def test_t27_a_table_that_is_not_and_one_where_others_sit_are_answered_alike(
    message: tuple[str, dict[str, Any]], scene: Scene
) -> None:
    scene.peer(ADA).say("join", table="camelot")
    kind, fields = message
    eve = scene.peer(EVE)
    others, none = (answer_to(eve, kind, table=table, **fields) for table in ("camelot", "avalon"))
    assert others == none
    assert others["code"] == "table_unknown"


def test_t27_at_a_table_a_peer_elsewhere_here_and_one_that_never_was_are_answered_alike(scene: Scene) -> None:
    scene.peer(BOB)
    eve = scene.peer(EVE)
    eve.say("join", table="camelot")
    here, nowhere = (
        answer_to(eve, "offer", call=SMALLER, to=peer, table="camelot", description=OFFER) for peer in (BOB, NOBODY)
    )
    assert here == nowhere


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """What was compared in constant time."""
    pairs: list[tuple[object, object]] = []
    compare_digest = hmac.compare_digest

    def noting(one: Any, other: Any) -> bool:
        pairs.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    return pairs


def test_t27_the_owner_of_an_id_is_told_from_others_in_constant_time(compared: list[tuple[object, object]]) -> None:
    scene = Scene()
    peer, proof = new_proof()
    thief = scene.connect()
    thief.hello(peer=peer, proof=encode_proof(bytes(32)))
    scene.peer(peer, proof=proof)
    assert [right == peer for _, right in compared] == [True, True]


def test_t27_a_resume_secret_is_compared_with_each_good_one_in_constant_time(
    compared: list[tuple[object, object]],
) -> None:
    scene = Scene()
    scene.resume(scene.peer(ADA))  # the secret that was used is still good
    compared.clear()
    scene.connect().hello(peer=ADA, resume="a guess")
    assert [guess for guess, _ in compared] == [b"a guess", b"a guess"]


def test_t27_a_password_is_compared_as_digests_in_constant_time(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    scene.peer(ADA).say("join", table="camelot", password="excalibur")
    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append((one, other)))
    scene.peer(BOB).say("join", table="camelot", password="excalibu")
    ((guessed, right),) = compared
    assert len(guessed) == len(right) == 32
    assert guessed != right
    assert b"excalibu" not in guessed + right
    assert guessed != hashlib.blake2b(b"excalibu", digest_size=32).digest(), "a digest that leaks can be looked up"


def test_t27_a_guess_at_a_password_costs_the_event_loop_next_to_nothing() -> None:
    scene = Scene(messages_burst=10_000, failures=10_000)
    scene.peer(ADA).say("join", table="camelot", password="excalibur")
    guesser = scene.peer()
    began = time.perf_counter()
    for number in range(GUESSES):
        guesser.say("join", table="camelot", password=str(number))
    assert time.perf_counter() - began < GUESSES * GUESS_MILLISECONDS / 1_000
    assert {frame["code"] for frame in guesser.takes()} == {"table_password"}


def test_t27_a_guess_at_a_proof_costs_the_event_loop_next_to_nothing() -> None:
    scene = Scene(failures=10_000, connections_per_address=10_000)
    peer, _ = new_proof()
    thieves = [scene.connect() for _ in range(GUESSES)]
    began = time.perf_counter()
    for number, thief in enumerate(thieves):
        thief.hello(peer=peer, proof=encode_proof(number.to_bytes(32)))
    assert time.perf_counter() - began < GUESSES * GUESS_MILLISECONDS / 1_000
    assert {thief.closed for thief in thieves} == {CloseCode.IDENTITY_TAKEN}


def test_t27_wrong_passwords_are_remembered_of_so_many_sources_and_no_more() -> None:
    scene = Scene(tracked=10)
    scene.peer(ADA).say("join", table="camelot", password="excalibur")
    for number in range(50):
        scene.peer(source=f"192.0.2.{number}").say("join", table="camelot", password="guess")
    assert len(scene.switchboard.tables._guesses) == 10


def test_t27_a_guess_is_refused_at_once_and_never_held_up(scene: Scene) -> None:
    scene.peer(ADA).say("join", table="camelot", password="excalibur")
    guesser = scene.peer(BOB)
    for number in range(11):
        guesser.say("join", table="camelot", password=str(number))
        assert len(guesser.takes()) == 1
    assert guesser.is_served()
