"""T35: who may see and do what on the operator's pages."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from signalling.middleware import OPERATORS_POLICY
from signalling.models import LiveSession, LiveTable, Server
from tests.status.desk import ADA, CALL, FakeDesk
from tests.status.operator import Operator, user

PAGES = (
    "/status/",
    "/status/sessions/",
    f"/status/sessions/{ADA}/",
    "/status/tables/",
    "/status/table/camelot/",
    "/status/calls/",
    f"/status/calls/{CALL}/",
    "/status/bans/",
    "/status/drain/",
)
ACTS = ("/status/sessions/disconnect/", "/status/tables/close/", "/status/bans/lift/", "/status/drain/start/")
CONFIRMED = {"selected": [ADA, "camelot"], "post": "yes"}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", PAGES)
def test_t35_whoever_may_see_sees(page: str, viewing: Operator) -> None:
    assert viewing.get(page).status_code == HTTPStatus.OK


@pytest.mark.parametrize("page", [*PAGES, "/status/auth/user/", "/status/no-such-page/"])
def test_t35_anonymous_is_sent_to_log_in_and_comes_back(page: str, desk: FakeDesk) -> None:
    response = Operator(desk).get(page)
    assert response.status_code == HTTPStatus.FOUND
    assert response["Location"] == f"/status/login/?next={page}"
    assert not desk.asked


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("is_staff", "permissions"), [(True, ()), (False, ("view_status",)), (True, ("act_on_status",))]
)
def test_t35_whoever_may_not_see_is_forbidden(
    page: str, is_staff: bool, permissions: tuple[str, ...], desk: FakeDesk
) -> None:
    operator = Operator(desk).log_in_as(user("mordred", *permissions, is_staff=is_staff))
    response = operator.get(page)
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert b"mordred" in response.content and b"Log out" in response.content
    assert not desk.asked


@pytest.mark.parametrize("act", ACTS)
def test_t35_whoever_may_only_see_does_nothing(act: str, viewing: Operator, desk: FakeDesk) -> None:
    assert viewing.post(act, CONFIRMED).status_code == HTTPStatus.FORBIDDEN
    assert not desk.acts


@pytest.mark.parametrize("page", PAGES)
def test_t35_whoever_may_only_see_is_shown_no_action(page: str, viewing: Operator) -> None:
    content = viewing.get(page).content.decode()
    assert not [act for act in ACTS if act in content]
    assert 'name="selected"' not in content


@pytest.mark.parametrize(
    ("page", "act"),
    list(zip(("/status/sessions/", "/status/tables/", "/status/bans/", "/status/drain/"), ACTS, strict=True)),
)
def test_whoever_may_act_is_shown_the_actions(page: str, act: str, acting: Operator) -> None:
    assert f'action="{act}"' in acting.get(page).content.decode()


@pytest.mark.parametrize("act", ACTS)
def test_t35_anonymous_does_nothing_and_comes_back_to_a_page_that_can_be_read(act: str, desk: FakeDesk) -> None:
    response = Operator(desk).post(act, CONFIRMED)
    assert response["Location"] == "/status/login/?next=/status/"
    assert not desk.acts


@pytest.mark.parametrize("act", ACTS)
def test_t35_an_action_is_not_fetched(act: str, acting: Operator, desk: FakeDesk) -> None:
    response = acting.get(act, selected=ADA, post="yes")
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response["Allow"] == "POST"
    assert not desk.acts


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_page_that_is_read_takes_no_post(page: str, acting: Operator) -> None:
    assert acting.post(page).status_code == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("act", ACTS)
def test_t35_without_the_token_of_a_form_of_ours_nothing_is_done(act: str, actor: User, desk: FakeDesk) -> None:
    operator = Operator(desk, checks_csrf=True).log_in_as(actor)
    assert operator.post(act, CONFIRMED).status_code == HTTPStatus.FORBIDDEN
    assert not desk.acts


@pytest.mark.parametrize("page", [*PAGES, "/status/login/", "/status/auth/user/", "/status/no-such-page/"])
def test_t35_no_page_can_be_framed_or_run_what_is_not_ours(page: str, ruling: Operator) -> None:
    response = ruling.get(page)
    assert response["Content-Security-Policy"] == OPERATORS_POLICY
    assert response["X-Frame-Options"] == "DENY"
    directives = dict(directive.split(" ", 1) for directive in OPERATORS_POLICY.split("; "))
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize("model", [Server, LiveSession, LiveTable])
def test_what_is_not_in_the_database_is_not_looked_for_there(model: type[Model], ruling: Operator) -> None:
    kind = ContentType.objects.get_for_model(model)
    assert ruling.get(f"/status/r/{kind.pk}/{ADA}/").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_operators_are_kept_by_nobody(page: str, viewing: Operator) -> None:
    assert "no-store" in viewing.get(page)["Cache-Control"]


def test_whoever_may_do_nothing_can_log_out(desk: FakeDesk) -> None:
    operator = Operator(desk).log_in_as(user("mordred"))
    assert operator.post("/status/logout/").status_code == HTTPStatus.OK
    assert operator.get("/status/").status_code == HTTPStatus.FOUND


def test_whoever_may_see_other_pages_finds_the_way_back_to_them(viewing: Operator, desk: FakeDesk) -> None:
    back = b'<a href="/status/">To the overview</a>'
    assert back in viewing.get("/status/admin/logentry/").content
    assert back not in Operator(desk).log_in_as(user("mordred")).get("/status/").content


def test_an_operator_who_has_mistyped_is_led_back_to_the_overview(viewing: Operator) -> None:
    assert b'<a href="/status/">To the overview</a>' in viewing.get("/status/no-such-page/").content
    assert b'<a href="/">To the front page</a>' in viewing.get("/no-such-page/").content


def test_an_inactive_operator_is_nobody(desk: FakeDesk, viewer: User) -> None:
    operator = Operator(desk).log_in_as(viewer)
    User.objects.update(is_active=False)
    assert operator.get("/status/sessions/").status_code == HTTPStatus.FOUND


def test_an_administrator_manages_operators_there(ruling: Operator) -> None:
    page = ruling.get("/status/auth/user/add/")
    assert page.status_code == HTTPStatus.OK
    shown = ruling.get("/status/auth/group/add/").content.decode()
    assert "Can see sessions, tables, calls and figures" in shown
    assert "Can disconnect sessions, close tables and drain the server" in shown


def test_the_navigation_names_what_one_may_see(viewing: Operator, desk: FakeDesk) -> None:
    mine = viewing.get("/status/").content.decode()
    assert '"/status/sessions/"' in mine and "/status/auth/" not in mine
    manager = Operator(desk).log_in_as(user("kay", "view_user"))
    theirs = manager.get("/status/auth/user/").content.decode()
    assert "/status/auth/user/" in theirs and '"/status/sessions/"' not in theirs
