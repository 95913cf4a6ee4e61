"""The journal: which traces are kept, and which is found. What is in one is in test_traces.py."""

from __future__ import annotations

import uuid

from signalling.codes import ErrorCode
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene
from tests.core.wording import ADA, BOB, EVE, NOBODY


def call_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def ended_calls(scene: Scene, ada: Client, bob: Client, count: int) -> None:
    """Calls number 1, 2, 3, …, one after the other."""
    for number in range(1, count + 1):
        scene.now += 100
        scene.established(ada, bob, call_id(number))
        ada.hang_up(call_id(number))


def kept(scene: Scene) -> list[str]:
    """Which traces there are, the newest first."""
    traces = scene.switchboard.calling.journal.traces()
    return [trace.call for trace in sorted(traces, key=lambda trace: trace.began, reverse=True)]


def test_so_many_ended_calls_are_kept_and_the_first_to_end_gives_way() -> None:
    scene = Scene(traces=10)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    ended_calls(scene, ada, bob, 10)
    assert kept(scene) == [call_id(number) for number in range(10, 0, -1)]
    scene.now += 100
    scene.established(ada, bob, call_id(11))
    assert len(kept(scene)) == 11, "one that is open is always found"
    ada.hang_up(call_id(11))
    assert kept(scene) == [call_id(number) for number in range(11, 1, -1)]
    assert scene.switchboard.calling.journal.find(call_id(1)) is None


def test_a_thousand_are_kept_by_default() -> None:
    assert Scene().limits.traces == 1_000


def test_a_call_that_stays_open_is_found_however_many_end(ada: Client, bob: Client) -> None:
    scene = Scene(traces=10)
    ada, bob, eve = scene.peer(ADA), scene.peer(BOB), scene.peer(EVE)
    scene.established(ada, eve)
    ended_calls(scene, ada, bob, 20)
    assert scene.trace().ended is None


def test_refused_offers_push_out_a_tenth_of_the_calls_and_no_more() -> None:
    scene = Scene(traces=20)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    ended_calls(scene, ada, bob, 20)
    for number in range(101, 150):
        ada.dial(NOBODY, call_id(number))
    assert set(kept(scene)) == {call_id(number) for number in (148, 149, *range(3, 21))}


def test_a_source_with_a_tenth_of_the_traces_pushes_out_its_own_only() -> None:
    scene = Scene(traces=20)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    eve, mallory = scene.peer(EVE, source="203.0.113.9"), scene.peer(source="203.0.113.9")
    ended_calls(scene, ada, bob, 20)
    for number in range(101, 140):
        scene.established(eve, mallory, call_id(number))
        eve.hang_up(call_id(number))
    assert set(kept(scene)) == {call_id(number) for number in (138, 139, *range(3, 21))}


def test_a_journal_that_has_room_keeps_them_whosever_they_are() -> None:
    scene = Scene(traces=20)
    ended_calls(scene, scene.peer(ADA), scene.peer(BOB), 20)
    assert len(kept(scene)) == 20


def test_offers_that_the_forwarder_refuses_count_as_refused() -> None:
    scene = Scene(traces=10, posts_burst=1_000)
    ada, bob = scene.peer(ADA), scene.peer(BOB)
    ended_calls(scene, ada, bob, 10)
    for number in range(101, 150):
        scene.post(NOBODY, ANSWERER, from_=EVE, call=call_id(number))
        scene.refuse(scene.errands[-1], ErrorCode.TARGET_NOT_ALLOWED)
    assert set(kept(scene)) == {call_id(149), *(call_id(number) for number in range(2, 11))}


def test_the_latest_of_an_id_is_found(scene: Scene, ada: Client, bob: Client) -> None:
    scene.established(ada, bob)
    ada.dial(bob)
    assert scene.trace().outcome == "answer", "one that is open comes before one that was refused meanwhile"
    assert len(kept(scene)) == 2
    scene.now += 1
    ada.hang_up()
    assert scene.trace().reason == "done"
    scene.now += 1
    ada.dial(NOBODY)
    assert scene.trace().outcome == "peer_unavailable"
    scene.now += 1
    bob.dial(ada)
    assert (scene.trace().caller, scene.trace().outcome) == (BOB, None)
