"""What an operator sees of sessions, of callers over HTTP who wait, and of tables."""

import dataclasses
import json

import msgspec
import pytest

from signalling.bans import Ban
from signalling.operators.rows import SESSIONS, TABLES, Party
from signalling.operators.survey import Page, Progress, Query, SessionRow, TableRow
from tests.core.client import Client
from tests.core.scene import Scene
from tests.core.wording import ADA, BOB, CALL, EVE

ELSEWHERE = "2001:db8:0:1::/64"


def sessions(scene: Scene, **query: object) -> Page[SessionRow]:
    board = scene.switchboard
    parties: list[Party] = [*board.peers.values(), *board.calling.exchanges()]
    return SESSIONS.page(parties, Query(**query), scene.now)  # type: ignore[arg-type]


def row(scene: Scene, peer: str) -> SessionRow:
    (found,) = [found for found in sessions(scene).rows if found.peer == peer]
    return found


def tables(scene: Scene, **query: object) -> Page[TableRow]:
    return TABLES.page(scene.switchboard.tables.open_tables.values(), Query(**query), scene.now)  # type: ignore[arg-type]


def test_a_session_in_full(scene: Scene, bob: Client) -> None:
    ada = scene.connect(source=ELSEWHERE, address="2001:db8:0:1::7", software="Roundtable/2")
    scene.wait(2)
    ada.hello(peer=ADA, name="Ada")
    scene.wait(10)
    ada.say("join", table="camelot")
    ada.dial(bob)
    scene.wait(3)
    ada.say("ping")
    scene.wait(1)
    assert row(scene, ADA) == SessionRow(
        peer=ADA,
        name="Ada",
        transport="websocket",
        address="2001:db8:0:1::7",
        source=ELSEWHERE,
        since=14.0,
        last_seen=1.0,
        state="connected",
        tables=("camelot",),
        open_calls=1,
        messages_in=2,
        messages_out=2,
        software="Roundtable/2",
    )


def test_one_that_says_little_about_itself(scene: Scene, ada: Client) -> None:
    found = row(scene, ADA)
    assert (found.name, found.address, found.software, found.tables) == (None, found.source, "", ())


def test_who_is_away_was_seen_last_when_it_spoke_last(scene: Scene, ada: Client) -> None:
    scene.wait(2)
    scene.lose(ada)
    scene.wait(1)
    found = row(scene, ADA)
    assert (found.state, found.since, found.last_seen) == ("away", 3.0, 3.0)


def test_a_session_that_is_resumed_is_as_old_as_it_was_and_counts_on(scene: Scene, ada: Client) -> None:
    ada.say("join", table="camelot")
    scene.lose(ada)
    scene.wait(2)
    scene.resume(ada, seq=ada.seq)
    found = row(scene, ADA)
    assert (found.state, found.since, found.last_seen, found.messages_in) == ("connected", 2.0, 0.0, 1)


@pytest.mark.parametrize("binary", [False, True])
def test_what_is_refused_was_heard_all_the_same(scene: Scene, ada: Client, binary: bool) -> None:
    scene.wait(5)
    scene.receive_binary(ada) if binary else ada.write("{")
    assert row(scene, ADA).last_seen == 0.0


def test_a_caller_over_http_waits(scene: Scene, bob: Client) -> None:
    caller = scene.post(bob, from_=EVE, source="198.51.100.9")
    scene.wait(4)
    found = row(scene, EVE)
    assert (found.transport, found.state, found.open_calls) == ("http", "waiting", 1)
    assert (found.address, found.since, found.last_seen) == ("198.51.100.9", 4.0, 4.0)
    scene.withdraw(caller)
    assert [found.peer for found in sessions(scene).rows] == [BOB]


@pytest.mark.parametrize("column", [field.name for field in dataclasses.fields(SessionRow)])
@pytest.mark.parametrize("descending", [False, True])
def test_sessions_sort_by_every_column_as_it_is_shown(scene: Scene, column: str, descending: bool) -> None:
    for number, peer in enumerate((EVE, ADA, BOB)):
        client = scene.connect(source=f"192.0.2.{number % 2}", software="x" * number)
        client.hello(peer=peer, **({"name": peer[:2]} if number else {}))
        if number:
            client.say("join", table="camelot")
        scene.wait(1)
    scene.post(BOB, from_="00000000-0000-4000-8000-000000000001")
    shown = [getattr(found, column) for found in sessions(scene, sort=column, descending=descending).rows]
    valued = [value for value in shown if value not in (None, "", ())]
    is_an_age = column in {"since", "last_seen"}
    assert valued == sorted(valued, reverse=descending != is_an_age)
    assert shown[: len(valued)] == valued, "what has no value is last"
    assert len(shown) == 4


@pytest.mark.parametrize(
    "search", [ADA, ADA[:8].upper(), "lovelace", "192.0.2.77", "roundtable/2", "camelot", "ADA came"]
)
def test_sessions_are_found_by_what_is_shown_of_them(scene: Scene, bob: Client, search: str) -> None:
    ada = scene.connect(source="192.0.2.77", software="Roundtable/2 (Linux)")
    ada.hello(peer=ADA, name="Ada Lovelace")
    ada.say("join", table="Camelot")
    found = sessions(scene, search=search)
    assert ([each.peer for each in found.rows], found.total) == ([ADA], 2)


def test_callers_over_http_are_found_by_address_and_id(scene: Scene, bob: Client) -> None:
    scene.post(bob, from_=EVE, source="198.51.100.9")
    assert [each.peer for each in sessions(scene, search="198.51").rows] == [EVE]
    assert [each.peer for each in sessions(scene, search=EVE).rows] == [EVE]


def test_sessions_are_filtered_by_state_and_transport(scene: Scene, ada: Client, bob: Client) -> None:
    scene.post(bob, from_=EVE)
    scene.lose(ada)
    for state, peer in (("away", ADA), ("connected", BOB), ("waiting", EVE)):
        assert [each.peer for each in sessions(scene, filters={"state": state}).rows] == [peer]
    assert [each.peer for each in sessions(scene, filters={"transport": "http"}).rows] == [EVE]


def test_a_table_in_full(scene: Scene, ada: Client, bob: Client) -> None:
    bob.say("join", table="camelot", password="excalibur", capacity=4)
    scene.wait(7)
    ada.say("join", table="camelot", password="excalibur")
    bob.say("lock", table="camelot", locked=True)
    assert tables(scene).rows == (
        TableRow(name="camelot", host=BOB, peers=(BOB, ADA), capacity=4, locked=True, has_password=True, since=7.0),
    )


@pytest.mark.parametrize("column", [field.name for field in dataclasses.fields(TableRow)])
def test_tables_sort_by_every_column(scene: Scene, ada: Client, bob: Client, column: str) -> None:
    for table in ("camelot", "avalon", "Broceliande"):
        ada.say("join", table=table)
        scene.wait(1)
    bob.say("join", table="avalon")
    shown = [getattr(found, column) for found in tables(scene, sort=column, descending=False).rows]
    assert len(shown) == 3
    in_order = {"name": str.casefold, "peers": len, "since": lambda age: -age}.get(column, lambda value: value)
    assert shown == sorted(shown, key=in_order)


def test_tables_are_found_by_name_and_host_and_filtered(scene: Scene, bob: Client) -> None:
    ada = scene.peer(ADA, name="Ada Lovelace")
    ada.say("join", table="camelot", password="excalibur")
    bob.say("join", table="avalon")
    bob.say("lock", table="avalon", locked=True)
    for query in ({"search": "CAME"}, {"search": "lovelace"}, {"search": ADA}, {"filters": {"has_password": "yes"}}):
        assert [each.name for each in tables(scene, **query).rows] == ["camelot"]
    assert [each.name for each in tables(scene, filters={"locked": "yes"}).rows] == ["avalon"]
    assert tables(scene, search="excalibur").matching == 0, "nobody searches for passwords"


def test_t40_rows_hold_nothing_that_must_not_be_seen(scene: Scene, ada: Client, bob: Client) -> None:
    ada.say("join", table="camelot", password="excalibur")
    scene.dialled(ada, bob)
    ada.trickle(CALL)
    assert ada.welcome is not None
    told = repr(sessions(scene)) + repr(tables(scene))
    assert not [secret for secret in ("v=0", "typ host", "excalibur", ada.welcome["resume"]) if secret in told]


def test_all_are_plain_values_that_can_be_sent(scene: Scene, ada: Client) -> None:
    ada.say("join", table="camelot")
    for value, kind in (
        (sessions(scene), Page[SessionRow]),
        (tables(scene), Page[TableRow]),
        (Query(search="x", filters={"state": "away"}), Query),
        (Ban(ADA, "peer", 1.5), Ban),
        (Progress(True, 3, 2, 1, 0.5, 10.0), Progress),
    ):
        sent = msgspec.json.encode(value)
        assert json.loads(sent)
        assert msgspec.json.decode(sent, type=kind) == value
