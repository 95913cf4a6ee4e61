"""The lists and pages of sessions, tables and calls: what they ask for, and what they show."""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus

import pytest

from signalling.figures import OUTCOMES
from signalling.operators.survey import Query
from tests.status.desk import ADA, BOB, CALL, CALL_PAGE, ENDED, SESSION, TABLE, FakeDesk
from tests.status.operator import Operator, text_of

pytestmark = pytest.mark.django_db
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7|add:7 }}&amp;"


def test_a_session_is_shown_with_everything_an_operator_asks_for(viewing: Operator) -> None:
    response = viewing.get("/status/sessions/")
    shown = text_of(response)
    for word in (
        "630dcd29…",
        "Ada",
        "WebSocket",
        "192.0.2.x",
        "2 min ago",
        "now",
        "connected",
        "camelot",
        "Firefox/140.0",
    ):
        assert word in shown, word
    content = response.content.decode()
    assert f'title="{ADA}"' in content and f'data-copy="{ADA}"' in content
    assert "192.0.2.7" not in content
    assert "1 session" in shown


def test_whole_addresses_are_shown_when_asked_for_and_only_then(viewing: Operator) -> None:
    content = viewing.get("/status/sessions/").content.decode()
    assert '"?addresses=1"' in content
    assert "192.0.2.7" in viewing.get("/status/sessions/", addresses="1").content.decode()
    assert "192.0.2.7" not in viewing.get(f"/status/sessions/{ADA}/").content.decode()
    assert "192.0.2.7" in viewing.get(f"/status/sessions/{ADA}/", addresses="1").content.decode()


@pytest.mark.parametrize(
    ("path", "fields", "query"),
    [
        ("sessions", {}, Query()),
        ("sessions", {"q": " ada  fire "}, Query(search="ada  fire")),
        ("sessions", {"sort": "name"}, Query(sort="name", descending=False)),
        ("sessions", {"sort": "-messages_in"}, Query(sort="messages_in")),
        (
            "sessions",
            {"state": "away", "transport": "websocket"},
            Query(filters={"state": "away", "transport": "websocket"}),
        ),
        ("sessions", {"page": "7"}, Query(page=7)),
        ("sessions", {"sort": "__class__", "state": "'", "page": "0x1", "nothing": "1"}, Query()),
        ("sessions", {"page": "-3"}, Query()),
        ("sessions", {"page": "99999999999999999999"}, Query()),
        ("sessions", {"q": "\x00"}, Query()),
        ("tables", {"locked": "yes", "sort": "-peers"}, Query(filters={"locked": "yes"}, sort="peers")),
        ("calls", {"outcome": "reject"}, Query(filters={"outcome": "reject"}, sort="began")),
    ],
)
def test_a_query_string_becomes_a_question_to_the_desk(
    path: str, fields: dict[str, str], query: Query, viewing: Operator, desk: FakeDesk
) -> None:
    assert viewing.get(f"/status/{path}/", **fields).status_code == HTTPStatus.OK
    assert desk.asked == [query]


def test_pages_are_linked_and_keep_what_was_asked(viewing: Operator, desk: FakeDesk) -> None:
    desk.pages, desk.matching = 12, 1_150
    content = viewing.get("/status/sessions/", q="a b", sort="name", page="6").content.decode()
    assert 'href="?q=a+b&amp;sort=name&amp;page=7"' in content
    assert 'href="?q=a+b&amp;sort=name&amp;page=12"' in content
    assert 'aria-current="page">6<' in content
    assert "1150 sessions" in content


def test_nobody_there_is_said(viewing: Operator, desk: FakeDesk) -> None:
    desk.rows.clear()
    assert "Nobody is here." in text_of(viewing.get("/status/sessions/"))
    assert "No session is like that." in text_of(viewing.get("/status/sessions/", q="x"))


def test_t34_what_strangers_choose_is_shown_as_text(acting: Operator, desk: FakeDesk) -> None:
    desk.rows[ADA] = replace(SESSION, name=HOSTILE, software=HOSTILE, tables=(HOSTILE,), address=HOSTILE)
    desk.open_tables = {HOSTILE: replace(TABLE, name=HOSTILE)}
    desk.call_pages = {CALL: replace(CALL_PAGE, row=replace(ENDED, table=HOSTILE), diagnosis=HOSTILE)}
    pages = [
        acting.get("/status/sessions/", addresses="1", q=HOSTILE),
        acting.get(f"/status/sessions/{ADA}/", addresses="1"),
        acting.get("/status/tables/", q=HOSTILE),
        acting.get("/status/calls/", q=HOSTILE),
        acting.get(f"/status/calls/{CALL}/"),
        acting.post("/status/sessions/disconnect/", selected=[ADA], back=HOSTILE),
        acting.post("/status/tables/close/", selected=[HOSTILE[:60]], back=HOSTILE),
    ]
    acting.post("/status/sessions/disconnect/", selected=[ADA], post="yes")
    for page in [*pages, acting.get("/status/")]:
        content = page.content.decode()
        assert page.status_code == HTTPStatus.OK
        assert "<script>alert" not in content and "<img src=x" not in content
        assert "14&amp;" not in content, "a name is no template either"
    assert "&lt;script&gt;" in pages[0].content.decode()


@pytest.mark.parametrize("name", ["camelot", "a/b", "..", ".", "ä ö", "%2F", "_2F", "?x#y", "🏰", HOSTILE[:60]])
def test_a_table_has_a_page_whatever_it_is_called(name: str, viewing: Operator, desk: FakeDesk) -> None:
    desk.open_tables = {name: replace(TABLE, name=name)}
    content = viewing.get("/status/tables/").content.decode()
    link = content.split('href="/status/table/')[1].split('"')[0]
    response = viewing.get(f"/status/table/{link}")
    assert response.status_code == HTTPStatus.OK
    assert "Who sits there" in response.content.decode()


def test_a_table_is_shown_with_who_sits_there(viewing: Operator) -> None:
    shown = text_of(viewing.get("/status/table/camelot/"))
    assert "2 of 16" in shown and "630dcd29…" in shown and "6ba7b810…" in shown and "host" in shown


@pytest.mark.parametrize("page", [f"/status/sessions/{BOB}/", "/status/table/tintagel/", f"/status/calls/{BOB}/"])
def test_what_is_not_here_is_a_page_that_says_so(page: str, viewing: Operator) -> None:
    response = viewing.get(page)
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert b'id="live"' in response.content
    assert b"errornote" in response.content


def test_a_call_is_shown_with_its_cause_and_what_happened_when(viewing: Operator) -> None:
    shown = text_of(viewing.get(f"/status/calls/{CALL}/"))
    assert "The callee had the offer for 30 s and did not answer." in shown
    for word in ("answer_timeout", "30.00 s server timeout", "250 ms caller candidate host", "failed, host to relay"):
        assert word in shown, word
    assert "caller 3 0 0 1 yes none" in shown and "callee 0 0 0 0 no failed, host to relay" in shown


def test_the_overview_shows_figures_and_plots(viewing: Operator) -> None:
    response = viewing.get("/status/")
    shown = text_of(response)
    for word in (
        "2 sessions connected",
        "1 away",
        "1 table",
        "4 open calls",
        "71.4 %",
        "12 ms",
        "posts_per_second",
        "47.7",
        "uvloop",
    ):
        assert word in shown, word
    content = response.content.decode()
    assert content.count('class="plot"') == 5
    assert 'aria-label="Sessions in the last hour: now 3, at most 3"' in content
    assert "style=" not in content


@pytest.mark.parametrize(
    "page", ["tables/", "table/camelot/", "calls/", f"calls/{CALL}/", f"sessions/{BOB}/"], ids=lambda page: page[:12]
)
def test_ids_of_who_is_here_come_with_their_names(page: str, viewing: Operator, desk: FakeDesk) -> None:
    assert "630dcd29… copy Ada" in text_of(viewing.get(f"/status/{page}"))
    desk.rows.clear()
    assert "Ada" not in text_of(viewing.get(f"/status/{page}"))


def test_an_id_that_a_caller_over_http_claims_comes_without_a_name(viewing: Operator, desk: FakeDesk) -> None:
    desk.call_pages = {CALL: replace(CALL_PAGE, row=replace(ENDED, transport="http"))}
    for page in ("calls/", f"calls/{CALL}/"):
        shown = text_of(viewing.get(f"/status/{page}"))
        assert "630dcd29…" in shown and "Ada" not in shown


def test_a_failed_call_is_marked_in_the_list(viewing: Operator, desk: FakeDesk) -> None:
    marked = 'class="failed"'
    assert marked in viewing.get("/status/calls/").content.decode()
    desk.call_pages = {CALL: replace(CALL_PAGE, row=replace(ENDED, outcome="answer", failed=False))}
    assert marked not in viewing.get("/status/calls/").content.decode()


def test_several_who_claim_one_id_are_several_rows(viewing: Operator, desk: FakeDesk) -> None:
    desk.rows = {"1": replace(SESSION, transport="http"), "2": replace(SESSION, transport="http")}
    content = viewing.get("/status/sessions/").content.decode()
    assert f'id="session-{ADA}"' in content and f'id="session-{ADA}.2"' in content


def test_moments_that_gave_way_are_said_to_be_left_out(viewing: Operator, desk: FakeDesk) -> None:
    assert "left out" not in text_of(viewing.get(f"/status/calls/{CALL}/"))
    desk.call_pages = {CALL: replace(CALL_PAGE, omitted=7)}
    assert "7 moments are left out" in text_of(viewing.get(f"/status/calls/{CALL}/"))


def test_every_outcome_on_the_overview_leads_to_its_calls(viewing: Operator, desk: FakeDesk) -> None:
    desk.glance = replace(desk.glance, outcomes_last_hour=tuple((outcome, 1) for outcome in OUTCOMES))
    content = viewing.get("/status/").content.decode()
    links = re.findall(r'"/status/calls/\?outcome=(\w+)"', content)
    assert len(links) > 15
    for outcome in links:
        desk.asked.clear()
        viewing.get("/status/calls/", outcome=outcome)
        assert desk.asked[0].filters == {"outcome": outcome}
