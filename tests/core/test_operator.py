"""What an operator does: disconnecting a peer, which may not come back for a while, and closing a table."""

import pytest

from signalling.codes import CloseCode, ErrorCode
from signalling.identity import NIL_UUID
from signalling.operators.diagnosis import diagnose
from signalling.refusals import Refusal
from tests.core.client import Client
from tests.core.scene import ANSWERER, SOURCE, Scene, new_proof
from tests.core.wording import ADA, BOB, CALL, EVE, LARGER, Frame, error, hangup

BAN_SECONDS = 600
PEER, PROOF = new_proof()
ELSEWHERE = "198.51.100.9"


def disconnected(scene: Scene, peer: str = ADA, *, ban_address: bool = False) -> bool:
    """Whether somebody was there to be disconnected."""
    is_done = scene.switchboard.orders.disconnect(peer, scene.now, ban_address=ban_address)
    scene.perform()
    return is_done


def closed(scene: Scene, table: str = "camelot") -> bool:
    """Whether there was a table to be closed."""
    is_done = scene.switchboard.orders.close_table(table, scene.now)
    scene.perform()
    return is_done


def knock(scene: Scene, *, source: str = ELSEWHERE, **hello: str) -> Client:
    """Somebody says hello, and is welcome or not."""
    client = scene.connect(source=source)
    client.hello(**hello)
    return client


def assert_banned(client: Client, retry_after: int = BAN_SECONDS) -> None:
    forbidden = error("forbidden", about="hello", retry_after=retry_after)
    assert client.takes_one() == forbidden
    assert client.closed is CloseCode.DISCONNECTED


def assert_welcome(client: Client) -> None:
    assert client.takes_welcome()["resumed"] is False
    assert client.closed is None


def refused_post(scene: Scene, *, from_: str, source: str = SOURCE) -> Refusal:
    with pytest.raises(Refusal) as refused:
        scene.post(BOB, from_=from_, source=source)
    return refused.value


def sit_down(table: str = "camelot", *clients: Client) -> None:
    for client in clients:
        client.say("join", table=table)
    for client in clients:
        client.takes()


# Disconnecting


def test_the_peer_is_closed_with_4503_and_everything_of_its_session_ends(scene: Scene) -> None:
    ada, bob = scene.peer(ADA), scene.peer(BOB, source=ELSEWHERE)
    sit_down("camelot", ada, bob)
    scene.established(ada, bob)
    assert disconnected(scene)
    assert (ada.closed, ada.reason) == (CloseCode.DISCONNECTED, "disconnected by the operator")
    left = {"type": "peer_left", "table": "camelot", "peer": ADA, "reason": "disconnected"}
    assert bob.takes() == [hangup(ADA, "disconnected"), left, host_is(BOB)]
    assert scene.switchboard.peers.keys() == {BOB}


def host_is(peer: str) -> Frame:
    return {"type": "table", "table": "camelot", "host": peer, "locked": False, "capacity": 16}


def test_who_dialled_it_gets_the_one_outcome(scene: Scene, ada: Client, bob: Client) -> None:
    scene.dialled(bob, ada)
    disconnected(scene)
    assert bob.takes_one() == error("peer_gone", call=CALL, reason="disconnected")


def test_nothing_that_it_still_says_is_heard(scene: Scene, ada: Client, bob: Client) -> None:
    disconnected(scene)
    ada.dial(bob)
    assert ada.takes() == bob.takes() == []


def test_when_its_connection_is_lost_afterwards_it_is_not_away(scene: Scene, ada: Client) -> None:
    disconnected(scene)
    scene.lose(ada)
    assert not scene.switchboard.peers
    assert set(scene.registries().values()) == {0}


def test_who_is_away_is_disconnected_too(scene: Scene, ada: Client) -> None:
    scene.lose(ada)
    assert disconnected(scene)
    assert not scene.switchboard.peers
    assert_banned(scene.resume(ada))


def test_nobody_is_disconnected_who_is_not_here_and_nobody_is_banned_for_it(scene: Scene) -> None:
    assert not disconnected(scene, ban_address=True)
    assert_welcome(knock(scene, peer=ADA))


def test_it_is_noted_for_the_log(scene: Scene, ada: Client) -> None:
    disconnected(scene)
    (note,) = [note for note in scene.notes if note.event == "disconnected by the operator"]
    assert note.fields == {"peer": ADA, "ban_address": False}


# The ban of a peer


@pytest.mark.parametrize("seconds, is_banned", [(0, True), (BAN_SECONDS - 1, True), (BAN_SECONDS, False)])
def test_its_id_is_refused_for_ten_minutes_and_not_longer(
    scene: Scene, ada: Client, seconds: float, is_banned: bool
) -> None:
    disconnected(scene)
    scene.wait(seconds)
    again = knock(scene, peer=ADA)
    assert_banned(again, BAN_SECONDS - int(seconds)) if is_banned else assert_welcome(again)


def test_the_seconds_are_those_of_the_configuration() -> None:
    scene = Scene(ban_seconds=30)
    scene.peer(ADA)
    disconnected(scene)
    assert_banned(knock(scene, peer=ADA), 30)
    scene.wait(30)
    assert_welcome(knock(scene, peer=ADA))


def test_its_secret_does_not_get_round_it(scene: Scene, ada: Client) -> None:
    assert ada.welcome is not None
    disconnected(scene)
    assert_banned(knock(scene, peer=ADA, resume=ada.welcome["resume"]))


def test_t25_nor_does_the_proof_of_a_self_certifying_id(scene: Scene) -> None:
    knock(scene, peer=PEER, proof=PROOF)
    disconnected(scene, PEER)
    assert_banned(knock(scene, peer=PEER, proof=PROOF))


def test_a_refused_hello_is_no_attempt_at_somebody_elses_id(scene: Scene, ada: Client) -> None:
    disconnected(scene)
    for _ in range(20):
        assert_banned(knock(scene, peer=ADA))


def test_others_of_its_address_may_come(scene: Scene, ada: Client) -> None:
    disconnected(scene)
    assert_welcome(knock(scene, source=ada.connection.source, peer=BOB))
    assert_welcome(knock(scene, source=ada.connection.source))


def test_who_claims_its_id_may_not_post(scene: Scene, ada: Client, bob: Client) -> None:
    disconnected(scene)
    refusal = refused_post(scene, from_=ADA, source=ELSEWHERE)
    assert (refusal.code, refusal.retry_after, refusal.limit) == (ErrorCode.FORBIDDEN, BAN_SECONDS, "ban_seconds")
    assert bob.takes() == []
    scene.wait(BAN_SECONDS)
    scene.post(BOB, from_=ADA, source=ELSEWHERE)


def test_nor_to_an_address(scene: Scene, ada: Client) -> None:
    disconnected(scene)
    with pytest.raises(Refusal, match="the operator has disconnected you"):
        scene.post(NIL_UUID, ANSWERER, from_=ADA)
    assert scene.errands == []


def test_disconnecting_it_again_begins_anew(scene: Scene, ada: Client, bob: Client) -> None:
    disconnected(scene)
    scene.wait(BAN_SECONDS)
    knock(scene, peer=ADA)
    disconnected(scene)
    assert_banned(knock(scene, peer=ADA))


# The ban of an address


def test_with_its_address_nobody_may_come_from_there(scene: Scene, ada: Client) -> None:
    source = ada.connection.source
    disconnected(scene, ban_address=True)
    for hello in ({}, {"peer": EVE}, {"peer": PEER, "proof": PROOF}):
        assert_banned(knock(scene, source=source, **hello))
    assert_welcome(knock(scene, peer=EVE))
    scene.wait(BAN_SECONDS - 1)
    assert_banned(knock(scene, source=source), 1)
    scene.wait(1)
    assert_welcome(knock(scene, source=source))


def test_nor_post_from_there(scene: Scene, ada: Client) -> None:
    scene.peer(BOB, source=ELSEWHERE)
    source = ada.connection.source
    disconnected(scene, ban_address=True)
    refusal = refused_post(scene, from_=EVE, source=source)
    assert (refusal.code, refusal.retry_after) == (ErrorCode.FORBIDDEN, BAN_SECONDS)
    scene.post(BOB, from_=EVE, source=ELSEWHERE)


def test_others_who_are_there_stay(scene: Scene, ada: Client, bob: Client) -> None:
    disconnected(scene, ban_address=True)
    assert bob.is_served()


# Callers over HTTP


def test_a_caller_over_http_is_refused_and_its_callee_told(scene: Scene, bob: Client) -> None:
    caller = scene.post(bob, from_=ADA)
    bob.takes()
    assert disconnected(scene)
    assert caller.outcome is not None and not isinstance(caller.outcome, bytes)
    assert (caller.outcome.code, caller.outcome.retry_after) == ("forbidden", BAN_SECONDS)  # type: ignore[union-attr]
    assert bob.takes_one() == hangup(ADA, "disconnected")
    delivered = scene.trace()
    assert diagnose(delivered, has_stun=True, has_turn=True).startswith("An operator disconnected the caller")
    assert refused_post(scene, from_=ADA).code is ErrorCode.FORBIDDEN


def test_so_is_one_whose_offer_is_posted_on(scene: Scene) -> None:
    caller = scene.post(NIL_UUID, ANSWERER, from_=ADA)
    assert disconnected(scene, ban_address=True)
    assert caller.outcome is not None
    assert scene.cancelled == scene.errands
    assert set(scene.registries().values()) == {0}


def test_nobodys_id_is_not_banned_but_whoever_claims_it_is_refused(scene: Scene, bob: Client) -> None:
    callers = [scene.post(bob, from_=NIL_UUID, call=call) for call in (CALL, LARGER)]
    assert disconnected(scene, NIL_UUID)
    assert all(caller.outcome is not None for caller in callers)
    scene.post(bob, from_=NIL_UUID)


# The list of bans


def test_bans_are_listed_the_latest_first_and_can_be_lifted(scene: Scene, ada: Client) -> None:
    scene.peer(BOB, source=ELSEWHERE)
    disconnected(scene)
    scene.wait(60)
    disconnected(scene, BOB, ban_address=True)
    bans = scene.switchboard.orders.bans
    assert [(ban.subject, ban.kind, ban.left) for ban in bans.listed(scene.now)] == [
        (ELSEWHERE, "address", BAN_SECONDS),
        (BOB, "peer", BAN_SECONDS),
        (ADA, "peer", BAN_SECONDS - 60),
    ]
    assert bans.lift(ADA, scene.now)
    assert not bans.lift(ADA, scene.now)
    assert_welcome(knock(scene, peer=ADA, source="203.0.113.7"))
    scene.wait(BAN_SECONDS)
    assert bans.listed(scene.now) == ()
    assert not bans.lift(BOB, scene.now)


def test_bans_are_bounded_and_the_oldest_is_over_first() -> None:
    scene = Scene(tracked=2)
    for peer in (ADA, BOB, EVE):
        scene.peer(peer)
        disconnected(scene, peer)
    assert len(scene.switchboard.orders.bans) == 2
    assert_welcome(knock(scene, peer=ADA))
    assert_banned(knock(scene, peer=BOB))


def test_bans_that_are_over_are_forgotten(scene: Scene, ada: Client, bob: Client) -> None:
    disconnected(scene)
    scene.wait(BAN_SECONDS)
    disconnected(scene, BOB)
    assert len(scene.switchboard.orders.bans) == 1


# Closing a table


def test_each_who_sat_there_is_told_of_its_own_seat_only(scene: Scene) -> None:
    members = [scene.peer(peer) for peer in (ADA, BOB, EVE)]
    sit_down("camelot", *members)
    assert closed(scene)
    for member in members:
        assert member.takes() == [{"type": "peer_left", "table": "camelot", "peer": member.peer, "reason": "kicked"}]
        assert member.is_served()
    registries = scene.registries()
    assert registries["tables"] == registries["seats"] == registries["members of groups"] == 0


def test_calls_there_end_before_their_parties_are_told_to_go_and_others_go_on(
    scene: Scene, ada: Client, bob: Client
) -> None:
    sit_down("camelot", ada, bob)
    scene.established(ada, bob, CALL, table="camelot")
    scene.established(ada, bob, LARGER)
    closed(scene)
    left = {"type": "peer_left", "table": "camelot", "reason": "kicked"}
    assert ada.takes() == [hangup(BOB, "kicked"), {**left, "peer": ADA}]
    assert bob.takes() == [hangup(ADA, "kicked"), {**left, "peer": BOB}]
    ada.trickle(LARGER)
    assert bob.takes_one()["type"] == "candidate"


def test_an_unanswered_call_there_has_its_outcome(scene: Scene, ada: Client, bob: Client) -> None:
    sit_down("camelot", ada, bob)
    scene.dialled(ada, bob, table="camelot")
    closed(scene)
    assert ada.takes()[0] == hangup(BOB, "kicked")
    bob.answer(id="late")
    assert bob.takes()[-1]["state"] == "dropped"


def test_who_is_away_finds_its_seat_gone(scene: Scene, ada: Client, bob: Client) -> None:
    sit_down("camelot", ada, bob)
    scene.lose(ada)
    closed(scene)
    again = scene.resume(ada)
    again.takes_welcome()
    assert again.takes() == [{"type": "peer_left", "table": "camelot", "peer": ADA, "reason": "kicked"}]


def test_other_tables_stay_and_the_name_is_free(scene: Scene, ada: Client, bob: Client) -> None:
    sit_down("camelot", ada, bob)
    sit_down("avalon", ada, bob)
    closed(scene)
    ada.takes()
    ada.say("join", id="j", table="camelot")
    assert ada.takes_one()["opened"] is True
    assert scene.switchboard.tables.open_tables.keys() == {"avalon", "camelot"}


def test_a_table_that_is_not_there_is_not_closed(scene: Scene, ada: Client) -> None:
    sit_down("camelot", ada)
    assert not closed(scene, "avalon")
    assert ada.takes() == []


def test_its_name_is_in_no_note(scene: Scene, ada: Client) -> None:
    sit_down("excalibur", ada)
    closed(scene, "excalibur")
    assert "table closed by the operator" in [note.event for note in scene.notes]
    assert "excalibur" not in str(scene.notes)


# Saying goodbye


def test_goodbye_is_said_once(scene: Scene, ada: Client) -> None:
    scene.drain()
    began = scene.switchboard.drain_began
    assert [frame["type"] for frame in ada.takes()] == ["going_away"]
    scene.wait(1)
    scene.drain()
    assert ada.takes() == []
    assert (scene.switchboard.drain_began, scene.switchboard.connections_to_drain) == (began, 1)
