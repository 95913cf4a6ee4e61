"""What operators do on the pages, how they are asked once more, and what the history keeps of it."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import DatabaseError

from signalling.bans import Ban
from tests.status.desk import ADA, BOB, FakeDesk
from tests.status.operator import Operator, text_of

pytestmark = pytest.mark.django_db
DISCONNECT = "/status/sessions/disconnect/"
CLOSE = "/status/tables/close/"
LIFT = "/status/bans/lift/"
DRAIN = "/status/drain/start/"


def entries() -> list[tuple[str, str, str, str, str]]:
    """The history: who did what to whom, the oldest first."""
    found = LogEntry.objects.select_related("user", "content_type").order_by("pk")
    return [
        (
            entry.user.get_username(),
            str(entry.content_type and entry.content_type.name),
            str(entry.object_id),
            entry.object_repr,
            entry.change_message,
        )
        for entry in found
    ]


def test_what_hurts_is_asked_once_more(acting: Operator, desk: FakeDesk) -> None:
    asked = acting.post(DISCONNECT, selected=[ADA], back="?q=ada&page=2")
    assert asked.status_code == HTTPStatus.OK
    content = asked.content.decode()
    assert "Are you sure" in content and ADA in content and "192.0.2.x" in content
    assert 'name="post" value="yes"' in content
    assert "/status/sessions/?q=ada&amp;page=2" in content, "the way back is to the same list"
    assert not desk.acts and not entries()


def test_a_session_is_disconnected_and_the_history_says_who_did_it_to_whom(acting: Operator, desk: FakeDesk) -> None:
    done = acting.post(DISCONNECT, selected=[ADA], post="yes", back="q=ada")
    assert done["Location"] == "/status/sessions/?q=ada"
    assert desk.acts == [("disconnect", ADA, False)]
    assert entries() == [
        ("arthur", "session", ADA, f"Ada ({ADA})", "Disconnected; the peer may not come back for a while.")
    ]
    assert "1 session disconnected." in text_of(acting.get("/status/sessions/"))


def test_an_address_is_banned_when_that_is_ticked_and_the_history_has_a_part_of_it(
    acting: Operator, desk: FakeDesk
) -> None:
    acting.post(DISCONNECT, selected=[ADA], post="yes", ban_address="1")
    assert desk.acts == [("disconnect", ADA, True)]
    [(*_, words)] = entries()
    assert words == "Disconnected; the peer and the address 192.0.2.x may not come back for a while."


def test_several_are_disconnected_at_once_and_who_has_gone_meanwhile_is_a_warning(
    acting: Operator, desk: FakeDesk
) -> None:
    acting.post(DISCONNECT, selected=[ADA, BOB, ADA, "no peer at all"], post="yes")
    assert [act[1] for act in desk.acts] == [ADA, BOB]
    assert [entry[2] for entry in entries()] == [ADA], "what was not done is not in the history"
    shown = text_of(acting.get("/status/sessions/"))
    assert "1 session disconnected." in shown and "1 session was not here any more." in shown


def test_whoever_is_gone_already_is_named_as_gone_when_asked_once_more(acting: Operator) -> None:
    assert f"{BOB} is not here any more" in text_of(acting.post(DISCONNECT, selected=[BOB]))


@pytest.mark.parametrize("act", [DISCONNECT, CLOSE, LIFT])
@pytest.mark.parametrize("selected", [[], ["\x00"]])
def test_nothing_selected_is_nothing_done(act: str, selected: list[str], acting: Operator, desk: FakeDesk) -> None:
    response = acting.post(act, selected=selected, post="yes")
    assert response.status_code == HTTPStatus.FOUND
    assert not entries()


def test_a_table_is_closed(acting: Operator, desk: FakeDesk) -> None:
    assert "camelot (2 peers)" in text_of(acting.post(CLOSE, selected=["camelot"]))
    done = acting.post(CLOSE, selected=["camelot", "tintagel"], post="yes")
    assert done["Location"] == "/status/tables/"
    assert desk.acts == [("close", "camelot"), ("close", "tintagel")]
    assert entries() == [("arthur", "table", "camelot", "camelot", "Closed.")]
    assert "1 table closed. 1 table was not here any more." in text_of(acting.get("/status/tables/"))


@pytest.mark.parametrize(
    ("ban", "entry"),
    [
        (Ban(ADA, "peer", 300.0), ("arthur", "session", ADA, ADA, "The ban was lifted.")),
        (
            Ban("2001:db8:1:2::/64", "address", 300.0),
            ("arthur", "server", "this server", "this server", "The ban of the address 2001:db8:1:2::/64 was lifted."),
        ),
    ],
)
def test_a_ban_is_lifted(ban: Ban, entry: tuple[str, ...], acting: Operator, desk: FakeDesk) -> None:
    desk.listed_bans = (ban,)
    assert ban.subject in acting.get("/status/bans/").content.decode()
    acting.post(LIFT, selected=[ban.subject])
    assert desk.acts == [("lift", ban.subject)]
    assert entries() == [entry]


def test_draining_is_asked_once_more_and_then_shown_with_its_progress(acting: Operator, desk: FakeDesk) -> None:
    assert "Are you sure you want to stop the server? 3 connections" in text_of(acting.post(DRAIN))
    assert not desk.acts
    done = acting.post(DRAIN, post="yes")
    assert done["Location"] == "/status/drain/"
    shown = acting.get("/status/drain/")
    assert '<progress id="progress" max="5" value="3">' in shown.content.decode()
    assert "3 of 5 connections" in text_of(shown)
    assert entries() == [("arthur", "server", "this server", "this server", "Draining was started.")]


def test_draining_begins_once(acting: Operator) -> None:
    acting.post(DRAIN, post="yes")
    acting.post(DRAIN, post="yes")
    assert len(entries()) == 1
    assert "draining already" in text_of(acting.get("/status/drain/"))


def test_what_cannot_be_recorded_is_not_done(acting: Operator, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(LogEntry, "save", full)
    assert acting.post(DISCONNECT, selected=[ADA], post="yes").status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert not desk.acts


def test_the_way_back_leads_nowhere_else(acting: Operator) -> None:
    done = acting.post(DISCONNECT, selected=[ADA], post="yes", back="//evil.example/?x=\r\nSet-Cookie: a=b")
    assert done["Location"].startswith("/status/sessions/?")
    assert "evil.example/" not in done["Location"] and "\n" not in done["Location"]


def test_the_history_is_read_by_administrators_and_changed_by_nobody(
    acting: Operator, ruling: Operator, desk: FakeDesk
) -> None:
    acting.post(DISCONNECT, selected=[ADA], post="yes")
    [entry] = LogEntry.objects.all()
    page = f"/status/admin/logentry/{entry.pk}/change/"
    shown = ruling.get("/status/admin/logentry/", q=ADA)
    second = f"{entry.action_time:%Y-%m-%d %H:%M:%S}"
    words = f"{second} arthur session Ada ({ADA}) Disconnected; the peer may not come back for a while. 1 log entry"
    assert words in text_of(shown)
    assert "What operators did" in text_of(shown) and "permission" not in text_of(shown)
    assert ruling.get(page).status_code == HTTPStatus.OK
    assert 'type="submit"' not in ruling.get(page).content.decode().split("<main")[1]
    assert ruling.post(page, change_message="nothing").status_code == HTTPStatus.FORBIDDEN
    assert ruling.post(f"/status/admin/logentry/{entry.pk}/delete/", post="yes").status_code == HTTPStatus.FORBIDDEN
    assert acting.get("/status/admin/logentry/").status_code == HTTPStatus.FORBIDDEN


def test_an_operator_who_is_in_the_history_is_not_deleted(acting: Operator, ruling: Operator, actor: User) -> None:
    acting.post(DISCONNECT, selected=[ADA], post="yes")
    ruling.post(f"/status/auth/user/{actor.pk}/delete/", post="yes")
    assert User.objects.filter(pk=actor.pk).exists()
    assert len(entries()) == 1
