"""Tables: who may sit down, who is told what, and who is host."""

from typing import Any

import pytest

from signalling.sessions import Session
from tests.core.client import Client
from tests.core.scene import RESUME_SECONDS, Scene
from tests.core.wording import ADA, BOB, EVE, Frame, ack, hangup, offer, refusal

CAMELOT = "camelot"


def joined(*peers: Frame, host: str, **fields: Any) -> Frame:
    """What the newcomer gets."""
    told = {"opened": False, "protected": False, "locked": False, "capacity": 16, **fields}
    return {"type": "joined", "id": "j", "table": CAMELOT, "peers": list(peers), "host": host, **told}


def peer_joined(peer: str, **fields: Any) -> Frame:
    """What the others get."""
    return {"type": "peer_joined", "table": CAMELOT, "peer": peer, **fields}


def peer_left(peer: str, reason: str) -> Frame:
    """What the others get when a seat becomes free."""
    return {"type": "peer_left", "table": CAMELOT, "peer": peer, "reason": reason}


def table(host: str, *, locked: bool = False, capacity: int = 16) -> Frame:
    """What all get when host or lock change."""
    return {"type": "table", "table": CAMELOT, "host": host, "locked": locked, "capacity": capacity}


def join(client: Client, name: str = CAMELOT, **fields: Any) -> None:
    """Asks for a seat."""
    client.say("join", **{"id": "j", "table": name, **fields})


def seat(*clients: Client, **fields: Any) -> None:
    """All sit at the table, in this order, and have read everything."""
    for client in clients:
        join(client, **fields)
        assert client.takes()[-1]["type"] == "joined"
    for client in clients:
        client.takes()


def called(caller: Client) -> list[str]:
    """The peers with whom it has an open call."""
    session = caller.connection.session
    assert session is not None
    return [party.peer for call in session.calls.values() if isinstance(party := call.other(session), Session)]


@pytest.fixture
def eve(scene: Scene) -> Client:
    """A third peer."""
    return scene.peer(EVE)


class TestJoining:
    """Sitting down."""

    def test_the_first_opens_the_table_and_is_its_host(self, ada: Client) -> None:
        join(ada)
        assert ada.takes_one() == joined(host=ADA, opened=True)

    def test_the_next_is_told_who_sits_there_and_they_are_told_of_it(self, scene: Scene, ada: Client) -> None:
        seat(ada)
        grace = scene.peer(BOB, name="Grace")
        join(grace)
        assert grace.takes_one() == joined({"peer": ADA}, host=ADA)
        assert ada.takes_one() == peer_joined(BOB, name="Grace")

    def test_names_are_told_in_joined(self, scene: Scene, bob: Client) -> None:
        seat(scene.peer(ADA, name="Ada"))
        join(bob)
        assert bob.takes_one()["peers"] == [{"peer": ADA, "name": "Ada"}]

    def test_of_any_two_members_exactly_one_was_listed_to_the_other(self, scene: Scene) -> None:
        listed = set()
        for _ in range(5):
            client = scene.peer()
            join(client)
            listed |= {frozenset({client.peer, member["peer"]}) for member in client.takes_one()["peers"]}
        assert len(listed) == 5 * 4 / 2

    def test_one_cannot_sit_there_twice(self, ada: Client) -> None:
        seat(ada)
        join(ada)
        assert ada.takes_one() == refusal("already_seated", "j", "join", None)

    def test_names_of_tables_are_compared_after_nfc_and_with_case(self, ada: Client, bob: Client) -> None:
        join(ada, "cafe\u0301")
        join(bob, "caf\u00e9")
        assert bob.takes_one()["peers"] == [{"peer": ADA}]
        join(bob, "Caf\u00e9")
        assert bob.takes_one()["opened"] is True

    @pytest.mark.parametrize("name", ["", "x" * 65, "x" * 10_000, "a\x00b", "a\nb", "a\u202eb", "a\u2028b"])
    def test_t31_a_name_that_cannot_be_shown_is_bad_table(self, ada: Client, name: str) -> None:
        join(ada, name)
        assert ada.takes_one() == refusal("bad_table", "j", "join", None)

    def test_without_create_one_joins_only_a_table_that_exists(self, ada: Client, bob: Client) -> None:
        join(bob, create=False)
        assert bob.takes_one() == refusal("table_unknown", "j", "join", None)
        seat(ada)
        join(bob, create=False)
        assert bob.takes_one()["type"] == "joined"

    def test_a_ninth_table_is_too_many(self, ada: Client) -> None:
        for number in range(8):
            join(ada, f"table {number}")
        assert {frame["type"] for frame in ada.takes()} == {"joined"}
        join(ada, "table 9")
        assert ada.takes_one() == refusal("limit_exceeded", "j", "join", None, retry_after=5)


class TestCapacity:
    """How many seats there are."""

    def test_a_full_table_refuses_newcomers(self, ada: Client, bob: Client, eve: Client) -> None:
        seat(ada, bob, capacity=2)
        join(eve)
        assert eve.takes_one() == refusal("table_full", "j", "join", None, retry_after=5)
        ada.say("leave", table=CAMELOT)
        join(eve)
        assert eve.takes_one()["capacity"] == 2

    def test_more_than_the_limit_is_refused_and_not_clamped(self, ada: Client) -> None:
        join(ada, capacity=17)
        assert ada.takes_one() == refusal("limit_exceeded", "j", "join", None)
        join(ada, capacity=16)
        assert ada.takes_one()["capacity"] == 16

    def test_a_table_without_seats_is_none(self, ada: Client) -> None:
        join(ada, capacity=0)
        assert ada.takes_one() == refusal("bad_message", "j", "join", None)


class TestPasswords:
    """Who knows the word."""

    def test_the_first_sets_it_and_the_others_need_it(self, ada: Client, bob: Client, eve: Client) -> None:
        join(ada, password="excalibur")
        assert ada.takes_one()["protected"] is True
        join(bob, password="excalibur")
        assert bob.takes_one()["protected"] is True
        join(eve, password="Excalibur")
        assert eve.takes_one() == refusal("table_password", "j", "join", None)

    @pytest.mark.parametrize(("set_", "given"), [(None, "x"), ("x", None), ("x", ""), (None, "")])
    def test_t42_it_must_match_exactly_none_included(
        self, ada: Client, bob: Client, set_: str | None, given: str | None
    ) -> None:
        seat(ada, password=set_)
        join(bob, password=given)
        assert bob.takes_one() == refusal("table_password", "j", "join", None)
        assert ada.takes() == []

    def test_t27_guessing_is_refused_after_ten_failures_and_a_right_guess_too(self, scene: Scene, ada: Client) -> None:
        seat(ada, password="excalibur")
        guesser = scene.peer(source="203.0.113.5")
        for number in range(10):
            join(guesser, password=str(number))
        assert {frame["code"] for frame in guesser.takes()} == {"table_password"}
        join(guesser, password="excalibur")
        refused = guesser.takes_one()
        assert (refused["code"], refused["retry_after"]) == ("rate_limited", 1_800)

    def test_t27_guesses_from_one_address_do_not_lock_out_another(self, scene: Scene, ada: Client) -> None:
        seat(ada, password="excalibur")
        guesser = scene.peer(source="203.0.113.5")
        for _ in range(11):
            join(guesser, password="x")
        friend = scene.peer(source="203.0.113.6")
        join(friend, password="excalibur")
        assert friend.takes_one()["type"] == "joined"

    def test_a_locked_or_full_table_says_so_only_to_who_knows_the_word(self, ada: Client, bob: Client) -> None:
        seat(ada, password="excalibur", capacity=1)
        ada.say("lock", table=CAMELOT, locked=True)
        join(bob, password="x")
        assert bob.takes_one() == refusal("table_password", "j", "join", None)
        join(bob, password="excalibur")
        assert bob.takes_one() == refusal("table_locked", "j", "join", None)


class TestLeaving:
    """Getting up, and being gone."""

    def test_the_others_are_told(self, ada: Client, bob: Client, eve: Client) -> None:
        seat(ada, bob, eve)
        eve.say("leave", id="l", table=CAMELOT)
        assert eve.takes() == [ack("l", "done")]
        assert ada.takes() == bob.takes() == [peer_left(EVE, "left")]

    def test_the_longest_seated_becomes_host_and_all_are_told(self, ada: Client, bob: Client, eve: Client) -> None:
        seat(ada, bob, eve)
        ada.say("leave", table=CAMELOT)
        assert bob.takes() == eve.takes() == [peer_left(ADA, "left"), table(BOB)]

    def test_the_last_to_leave_closes_the_table(self, scene: Scene, ada: Client, bob: Client) -> None:
        seat(ada, password="excalibur")
        ada.say("leave", table=CAMELOT)
        assert scene.switchboard.tables.open_tables == {}
        join(bob)
        assert bob.takes_one() == joined(host=BOB, opened=True)

    @pytest.mark.parametrize(("leaves", "reason"), [("bye", "bye"), ("lost", "gone")])
    def test_a_session_that_ends_leaves_all_its_tables(
        self, scene: Scene, ada: Client, bob: Client, leaves: str, reason: str
    ) -> None:
        seat(bob, ada)
        if leaves == "bye":
            ada.say("bye")
        else:
            scene.part(ada)
        assert bob.takes_one() == peer_left(ADA, reason)
        assert list(scene.switchboard.tables.open_tables[CAMELOT].seats) == [BOB]

    def test_hangups_come_before_peer_left(self, scene: Scene, ada: Client, bob: Client) -> None:
        seat(ada, bob)
        scene.established(bob, ada, table=CAMELOT)
        scene.part(bob)
        assert ada.takes() == [hangup(BOB, "gone"), peer_left(BOB, "gone")]

    def test_a_leave_ends_the_calls_at_that_table_and_no_others(self, scene: Scene, ada: Client, bob: Client) -> None:
        private = "00000000-0000-4000-8000-000000000001"
        seat(ada, bob)
        scene.established(bob, ada, table=CAMELOT)
        scene.established(bob, ada, private)
        bob.say("leave", table=CAMELOT)
        assert ada.takes() == [hangup(BOB, "left"), peer_left(BOB, "left")]
        bob.trickle(id="late")
        assert bob.takes_one() == ack("late", "dropped")
        bob.hang_up(private)
        assert ada.takes_one() == hangup(BOB, call=private)

    def test_an_unanswered_call_of_who_leaves_is_withdrawn_or_has_its_outcome(
        self, scene: Scene, ada: Client, bob: Client
    ) -> None:
        seat(ada, bob)
        scene.dialled(bob, ada, table=CAMELOT)
        ada.say("leave", table=CAMELOT)
        assert bob.takes()[:2] == [hangup(ADA, "left"), peer_left(ADA, "left")]

    @pytest.mark.parametrize("message", ["leave", "lock", "kick"])
    def test_t29_at_a_table_one_does_not_sit_at_nothing_can_be_done(
        self, ada: Client, bob: Client, message: str
    ) -> None:
        seat(bob)
        more: dict[str, dict[str, Any]] = {"leave": {}, "lock": {"locked": True}, "kick": {"peer": BOB}}
        ada.say(message, id="m", table=CAMELOT, **more[message])
        assert ada.takes_one() == refusal("table_unknown", "m", message, None)
        assert bob.takes() == []


class TestHosting:
    """Lock and kick."""

    def test_a_locked_table_refuses_newcomers_until_it_is_unlocked(self, ada: Client, bob: Client, eve: Client) -> None:
        seat(ada, bob)
        ada.say("lock", id="l", table=CAMELOT, locked=True)
        assert ada.takes() == [ack("l", "done"), table(ADA, locked=True)]
        assert bob.takes() == [table(ADA, locked=True)]
        join(eve)
        assert eve.takes_one() == refusal("table_locked", "j", "join", None)
        ada.say("lock", table=CAMELOT, locked=False)
        join(eve)
        assert eve.takes_one()["type"] == "joined"

    @pytest.mark.parametrize(("message", "extra"), [("lock", {"locked": True}), ("kick", {"peer": ADA})])
    def test_only_the_host_may(self, ada: Client, bob: Client, message: str, extra: dict[str, Any]) -> None:
        seat(ada, bob)
        bob.say(message, id="m", table=CAMELOT, **extra)
        assert bob.takes_one() == refusal("not_host", "m", message, None)
        assert ada.takes() == []

    def test_all_are_told_of_a_kick_the_kicked_too(self, ada: Client, bob: Client, eve: Client) -> None:
        seat(ada, bob, eve)
        ada.say("kick", id="k", table=CAMELOT, peer=EVE.upper())
        assert ada.takes() == [ack("k", "done"), peer_left(EVE, "kicked")]
        assert bob.takes() == eve.takes() == [peer_left(EVE, "kicked")]

    def test_a_kicked_peer_is_refused_for_ten_minutes_with_a_new_session_too(
        self, scene: Scene, ada: Client, bob: Client
    ) -> None:
        seat(ada, bob)
        ada.say("kick", table=CAMELOT, peer=BOB)
        bob.takes()
        join(bob)
        assert bob.takes_one() == refusal("forbidden", "j", "join", None, retry_after=600)
        scene.part(bob)
        again = scene.peer(BOB)
        scene.wait(599 - RESUME_SECONDS)
        join(again)
        assert again.takes_one() == refusal("forbidden", "j", "join", None, retry_after=1)
        scene.wait(1)
        join(again)
        assert again.takes_one()["type"] == "joined"

    def test_bans_that_are_over_are_forgotten(self, scene: Scene, ada: Client, bob: Client, eve: Client) -> None:
        seat(ada, bob, eve)
        ada.say("kick", table=CAMELOT, peer=BOB)
        scene.wait(600)
        ada.say("kick", table=CAMELOT, peer=EVE)
        assert list(scene.switchboard.tables.open_tables[CAMELOT].banned) == [EVE]

    def test_the_ban_ends_with_the_table(self, ada: Client, bob: Client) -> None:
        seat(ada, bob)
        ada.say("kick", table=CAMELOT, peer=BOB)
        ada.say("leave", table=CAMELOT)
        bob.takes()
        join(bob)
        assert bob.takes_one()["opened"] is True

    def test_a_kick_ends_the_calls_at_that_table_and_no_others(
        self, scene: Scene, ada: Client, bob: Client, eve: Client
    ) -> None:
        seat(ada, bob, eve)
        private = "00000000-0000-4000-8000-000000000001"
        scene.established(eve, ada, table=CAMELOT)
        scene.established(eve, bob, private)
        ada.say("kick", table=CAMELOT, peer=EVE)
        assert ada.takes() == [hangup(EVE, "kicked"), peer_left(EVE, "kicked")]
        assert eve.takes() == [hangup(ADA, "kicked"), peer_left(EVE, "kicked")]
        assert set(scene.switchboard.peers[EVE].calls) == {private}

    def test_an_unanswered_call_of_the_kicked_has_its_outcome(self, scene: Scene, ada: Client, bob: Client) -> None:
        seat(ada, bob)
        scene.dialled(bob, ada, table=CAMELOT)
        ada.say("kick", table=CAMELOT, peer=BOB)
        assert bob.takes() == [hangup(ADA, "kicked"), peer_left(BOB, "kicked")]

    @pytest.mark.parametrize(("peer", "code"), [(ADA, "bad_peer"), (EVE, "peer_unavailable")])
    def test_who_cannot_be_kicked(self, ada: Client, peer: str, code: str) -> None:
        seat(ada)
        ada.say("kick", id="k", table=CAMELOT, peer=peer)
        assert ada.takes_one() == refusal(code, "k", "kick", None)


class TestCallsAtATable:
    """Offers with `table`."""

    def test_the_table_is_checked_and_relayed(self, ada: Client, bob: Client) -> None:
        seat(ada, bob)
        bob.dial(ada, table=CAMELOT)
        assert ada.takes_one() == offer(BOB, table=CAMELOT)

    @pytest.mark.parametrize("seated", [(), ("ada",), ("bob",)])
    def test_both_must_sit_there(self, ada: Client, bob: Client, seated: tuple[str, ...]) -> None:
        seat(*[client for name, client in (("ada", ada), ("bob", bob)) if name in seated])
        bob.dial(ada, id="o", table=CAMELOT)
        assert bob.takes_one() == refusal("table_unknown", "o", "offer")
        assert ada.takes() == []

    def test_peer_joined_comes_before_any_frame_of_the_newcomer(self, ada: Client, bob: Client) -> None:
        seat(ada)
        join(bob)
        bob.dial(ada, table=CAMELOT)
        assert [frame["type"] for frame in ada.takes()] == ["peer_joined", "offer"]

    def test_they_count_only_in_the_bound_of_all_unanswered_calls(self, scene: Scene, ada: Client, bob: Client) -> None:
        seat(ada, bob)
        for number in range(5):
            bob.dial(ada, f"00000000-0000-4000-8000-00000000000{number}", table=CAMELOT)
        assert {frame["state"] for frame in bob.takes()} == {"delivered"}
        for number in range(5, 8):
            bob.dial(ada, f"00000000-0000-4000-8000-00000000000{number}")
        assert [frame.get("code") for frame in bob.takes()] == [None, None, "limit_exceeded"]

    def test_sixteen_peers_form_exactly_120_calls(self) -> None:
        scene = Scene()
        peers = [scene.peer() for _ in range(16)]
        number = 0
        for newcomer in peers:
            join(newcomer)
            for member in newcomer.takes()[-1]["peers"]:
                number += 1
                newcomer.dial(member["peer"], f"00000000-0000-4000-8000-{number:012}", table=CAMELOT)
            assert {frame["state"] for frame in newcomer.takes()} <= {"delivered"}
        assert number == len(scene.switchboard.calling.open_calls) == 120
        for peer in peers:
            for frame in peer.takes():
                if frame["type"] == "offer":
                    peer.answer(frame["call"])
        pairs = {frozenset({one.peer, other}) for one in peers for other in called(one)}
        assert len(pairs) == 120
        assert all(call.answered for call in scene.switchboard.calling.open_calls)

    def test_nothing_is_left_when_all_have_gone(self, scene: Scene, ada: Client, bob: Client) -> None:
        seat(ada, bob)
        scene.dialled(bob, ada, table=CAMELOT)
        scene.part(ada)
        scene.part(bob)
        assert set(scene.registries().values()) == {0}
