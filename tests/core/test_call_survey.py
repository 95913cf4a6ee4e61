"""What an operator sees of calls: those that are open, those that have ended, and offers that were refused."""

import dataclasses

import msgspec
import pytest

from signalling.operators.callrows import CALLS, call_page
from signalling.operators.survey import CallPage, CallRow, Page, Query
from tests.core.client import Client
from tests.core.scene import ANSWERER, Scene, identifier
from tests.core.wording import ADA, BOB, CALL, EVE, LARGER, NOBODY, SMALLER

OTHER = "22222222-3f0b-4d51-9c1d-6c2f5c0d7a11"


def calls(scene: Scene, **query: object) -> Page[CallRow]:
    return CALLS.page(scene.switchboard.calling.journal.traces(), Query(**query), scene.now)  # type: ignore[arg-type]


def ids(scene: Scene, **query: object) -> list[str]:
    return [row.call for row in calls(scene, **query).rows]


def one_of_each_kind(scene: Scene, ada: Client, bob: Client) -> None:
    """One that is established at a table, one that rings, one that was rejected, and one to nobody."""
    for client in (ada, bob):
        client.say("join", table="Camelot")
    scene.established(ada, bob, CALL, table="Camelot")
    scene.wait(1)
    scene.dialled(ada, bob, OTHER)
    bob.reject(OTHER, reason="busy")
    scene.wait(1)
    ada.dial(NOBODY, SMALLER)
    scene.wait(1)
    scene.dialled(bob, ada, LARGER)
    scene.wait(1)


def test_a_call_in_full(scene: Scene, ada: Client, bob: Client) -> None:
    for client in (ada, bob):
        client.say("join", table="camelot")
    ada.dial(bob, table="camelot")
    scene.wait(2)
    bob.answer()
    ada.trickle()
    ada.say("report", call=CALL, state="connected", local="host", remote="host")
    scene.wait(3)
    (row,) = calls(scene).rows
    assert row == CallRow(
        call=CALL,
        caller=ADA,
        callee=BOB,
        transport="websocket",
        to="session",
        table="camelot",
        began=5.0,
        state="open",
        outcome="answer",
        answered_after=2.0,
        failed=False,
    )
    trace = scene.switchboard.calling.journal.find(CALL)
    assert trace is not None
    page = call_page(trace, "It works.", scene.now)
    assert (page.row, page.omitted, page.gathered, page.diagnosis) == (row, 0, (), "It works.")
    assert [moment.event for moment in page.moments] == ["offer", "delivered", "answer", "candidate", "report"]
    assert page.candidates == {"caller": {"host": 1}, "callee": {}}
    assert page.reports["caller"].state == "connected"
    sent = msgspec.json.encode(page)
    assert msgspec.json.decode(sent, type=CallPage) == page
    assert not [secret for secret in (b"v=0", b" typ ", b"192.0.2") if secret in sent]


def test_the_latest_come_first_and_each_says_how_it_stands(scene: Scene, ada: Client, bob: Client) -> None:
    one_of_each_kind(scene, ada, bob)
    assert [(row.call, row.state, row.outcome, row.failed) for row in calls(scene).rows] == [
        (LARGER, "ringing", None, False),
        (SMALLER, "ended", "peer_unavailable", True),
        (OTHER, "ended", "reject", True),
        (CALL, "open", "answer", False),
    ]


def test_what_the_figures_count_is_found_among_the_calls(scene: Scene, ada: Client, bob: Client) -> None:
    scene.withdraw(scene.post(bob, from_=EVE, call=OTHER))
    ada.dial(bob, LARGER)
    bob.dial(ada, SMALLER)
    figures = scene.switchboard.figures
    assert (figures.outcomes("http")["withdrawn"], ids(scene, filters={"outcome": "withdrawn"})) == (1, [OTHER])
    assert (figures.outcomes("websocket")["glare"], ids(scene, filters={"outcome": "glare"})) == (1, [LARGER])


@pytest.mark.parametrize(
    "query, found",
    [
        ({"filters": {"state": "open"}}, [CALL]),
        ({"filters": {"state": "ringing"}}, [LARGER]),
        ({"filters": {"outcome": "reject"}}, [OTHER]),
        ({"filters": {"failed": "yes"}}, [SMALLER, OTHER]),
        ({"filters": {"table": "Camelot"}}, [CALL]),
        ({"search": NOBODY}, [SMALLER]),
        ({"search": "PEER_UNAVAILABLE"}, [SMALLER]),
        ({"search": "camelot"}, [CALL]),
        ({"search": "busy"}, [OTHER]),
        ({"search": LARGER[:8]}, [LARGER]),
        ({"sort": "answered_after"}, [CALL, SMALLER, OTHER, LARGER]),
        ({"sort": "outcome", "descending": False}, [CALL, SMALLER, OTHER, LARGER]),
    ],
)
def test_calls_are_found_filtered_and_sorted(
    scene: Scene, ada: Client, bob: Client, query: dict[str, object], found: list[str]
) -> None:
    one_of_each_kind(scene, ada, bob)
    assert ids(scene, **query) == found


@pytest.mark.parametrize("column", [field.name for field in dataclasses.fields(CallRow)])
@pytest.mark.parametrize("descending", [False, True])
def test_calls_sort_by_every_column_as_it_is_shown(
    scene: Scene, ada: Client, bob: Client, column: str, descending: bool
) -> None:
    one_of_each_kind(scene, ada, bob)
    shown = [getattr(row, column) for row in calls(scene, sort=column, descending=descending).rows]
    valued = [value for value in shown if value is not None]
    assert valued == sorted(valued, reverse=descending != (column == "began"))
    assert shown[: len(valued)] == valued, "what has no value is last"


def test_an_offer_for_an_address_has_no_callee_and_its_address_is_nowhere(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(), CALL)
    (row,) = calls(scene).rows
    assert (row.to, row.callee) == ("address", "")
    assert calls(scene, search=ANSWERER.removeprefix("http://")).matching == 0
    assert ids(scene, filters={"to": "address"}) == [CALL]
