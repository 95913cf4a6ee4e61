"""Logging in, and how often one may fail at it."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from roundtable.config import Configuration
from signalling.limits import Limits
from signalling.operators.status.logins import AT_ONCE, Logins, TooMany
from signalling.operators.status.registry import site
from tests.status.desk import FakeDesk
from tests.status.operator import PASSWORD, Operator, text_of, user

pytestmark = pytest.mark.django_db
WRONG = "a guess"


@pytest.fixture
def account() -> User:
    return user("vera", "view_status", password=PASSWORD)


@pytest.fixture
def three_failures(configured: Settings) -> None:
    limits = {"login_failures": 3, "login_failures_per_account": 5}
    configured.ROUNDTABLE = Configuration.model_validate({"limits": limits})


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_who_logs_in_comes_to_the_page_that_was_asked_for(account: User, desk: FakeDesk) -> None:
    operator = Operator(desk, checks_csrf=True)
    response = operator.log_in("vera")
    assert (response.status_code, response["Location"]) == (HTTPStatus.FOUND, "/status/")
    assert operator.get("/status/").status_code == HTTPStatus.OK
    assert operator.get("/status/login/").status_code == HTTPStatus.FOUND


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example/status/", "/\\evil.example", "javascript:x"])
def test_t35_who_logs_in_comes_to_no_page_of_another_site(page: str, account: User, desk: FakeDesk) -> None:
    assert Operator(desk).log_in("vera", then=page)["Location"] == "/status/"


def test_t35_a_failure_says_the_same_whoever_it_is_about(account: User, desk: FakeDesk) -> None:
    user("mordred", "view_status", is_staff=False, password=PASSWORD)
    User.objects.create_user("galahad", password=PASSWORD, is_staff=True, is_active=False)
    tries = [("vera", WRONG), ("nobody", WRONG), ("mordred", PASSWORD), ("galahad", PASSWORD)]
    pages = {text_of(Operator(desk).log_in(name, password)).replace(name, "") for name, password in tries}
    assert len(pages) == 1
    assert "Please enter the correct username and password for a staff account." in pages.pop()


@pytest.mark.usefixtures("three_failures")
def test_t35_after_some_failures_a_source_is_refused_whatever_the_password(account: User, desk: FakeDesk) -> None:
    operator = Operator(desk)
    for name in ("vera", "nobody", "somebody"):
        assert operator.log_in(name, WRONG).status_code == HTTPStatus.OK
    for password in (WRONG, PASSWORD):
        refused = operator.log_in("vera", password)
        assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert 1_790 < int(refused["Retry-After"]) <= 1_800
        assert "Too many log-ins" in text_of(refused) and "29 min" in text_of(refused)
        assert "no-store" in refused["Cache-Control"]
    assert desk.refusals == {"login_failures": 2}
    assert operator.get("/status/login/").status_code == HTTPStatus.OK, "looking is not trying"


@pytest.mark.usefixtures("three_failures")
def test_t35_who_fails_elsewhere_keeps_nobody_else_from_logging_in(account: User, desk: FakeDesk) -> None:
    stranger, operator = Operator(desk), Operator(desk)
    stranger.client.address = "2001:db8::1"
    for _ in range(4):
        stranger.log_in("vera", WRONG)
    stranger.client.address = "2001:db8::2"
    assert stranger.log_in("nobody", WRONG).status_code == HTTPStatus.TOO_MANY_REQUESTS, "a /64 is one source"
    assert operator.log_in("vera").status_code == HTTPStatus.FOUND


@pytest.mark.usefixtures("three_failures")
def test_t35_an_account_is_guessed_at_from_everywhere_only_so_often(account: User, desk: FakeDesk) -> None:
    operator = Operator(desk)
    for number, name in enumerate(("vera", "VERA", "ｖera", "vera", "Vera")):
        operator.client.address = f"203.0.113.{number}"
        assert operator.log_in(name, WRONG).status_code == HTTPStatus.OK
    operator.client.address = "203.0.113.99"
    assert operator.log_in("vera").status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert desk.refusals == {"login_failures_per_account": 1}


@pytest.mark.usefixtures("three_failures")
def test_t35_strangers_keep_nobody_out_who_comes_from_where_he_has_logged_in(account: User, desk: FakeDesk) -> None:
    operator = Operator(desk)
    assert operator.log_in("Vera", WRONG).status_code == HTTPStatus.OK
    assert operator.log_in("vera").status_code == HTTPStatus.FOUND
    stranger = Operator(desk)
    for number in range(6):
        stranger.client.address = f"203.0.113.{number}"
        stranger.log_in("vera", WRONG)
    assert stranger.log_in("vera").status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert Operator(desk).log_in("vera").status_code == HTTPStatus.FOUND
    assert Operator(desk).log_in("vera", WRONG).status_code == HTTPStatus.OK, "the failures of this source do count"
    assert Operator(desk).log_in("vera", WRONG).status_code == HTTPStatus.OK
    assert Operator(desk).log_in("vera").status_code == HTTPStatus.TOO_MANY_REQUESTS


def test_no_more_places_are_known_than_sources_are_tracked() -> None:
    logins = Logins(Limits(tracked=2, login_failures_per_account=1), Clock())
    for source in ("203.0.113.1", "203.0.113.2", "203.0.113.3"):
        logins.succeed(source, "vera")
    logins.fail("203.0.113.9", "vera")
    with pytest.raises(TooMany), logins.attempt("203.0.113.1", "vera"):
        pass
    with logins.attempt("203.0.113.3", "vera"):
        pass


@pytest.mark.usefixtures("three_failures")
def test_successes_are_not_counted_and_forgive_nothing(account: User, desk: FakeDesk) -> None:
    for _ in range(4):
        assert Operator(desk).log_in("vera").status_code == HTTPStatus.FOUND
    for _ in range(2):
        Operator(desk).log_in("vera", WRONG)
    Operator(desk).log_in("vera")
    Operator(desk).log_in("vera", WRONG)
    assert Operator(desk).log_in("vera").status_code == HTTPStatus.TOO_MANY_REQUESTS


@pytest.mark.usefixtures("three_failures")
def test_a_form_from_elsewhere_is_no_failure(account: User, desk: FakeDesk) -> None:
    operator = Operator(desk, checks_csrf=True)
    for _ in range(4):
        forged = operator.post("/status/login/", username="vera", password=WRONG)
        assert forged.status_code == HTTPStatus.FORBIDDEN
    assert operator.log_in("vera").status_code == HTTPStatus.FOUND


def test_no_word_of_a_log_in_is_logged(account: User, desk: FakeDesk, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords are typed where names belong."""
    caplog.set_level("DEBUG")
    Operator(desk).log_in("a-name-or-a-password", WRONG)
    assert "log-in failed" in caplog.text
    assert WRONG not in caplog.text and "a-name-or-a-password" not in caplog.text


def test_one_failure_before_the_limit_is_admitted_and_the_window_passes() -> None:
    clock = Clock()
    logins = Logins(Limits(login_failures=2, failures_seconds=60), clock)
    logins.fail("192.0.2.1", "a")
    with logins.attempt("192.0.2.1", "b"):
        logins.fail("192.0.2.1", "b")
    clock.now += 59
    with pytest.raises(TooMany) as refused, logins.attempt("192.0.2.1", "c"):
        pass
    assert (refused.value.retry_after, refused.value.limit) == (1.0, "login_failures")
    clock.now += 1
    with logins.attempt("192.0.2.1", "c"):
        pass


def test_guesses_at_once_are_counted_one_by_one() -> None:
    """Else a thousand could be checked before the first of them has failed."""
    logins = Logins(Limits())
    with logins.attempt("192.0.2.1", "a"):
        with pytest.raises(TooMany) as refused, logins.attempt("192.0.2.1", "a"):
            pass
        assert (refused.value.retry_after, refused.value.limit) == (1.0, None)
    with logins.attempt("192.0.2.1", "a"):
        pass


def test_few_passwords_are_checked_at_once() -> None:
    """Each takes a processor for a while, and signalling needs one."""
    logins = Logins(Limits())
    attempts = [logins.attempt(f"192.0.2.{number}", "a") for number in range(AT_ONCE)]
    for attempt in attempts:
        attempt.__enter__()
    with pytest.raises(TooMany), logins.attempt("192.0.2.99", "a"):
        pass
    for attempt in attempts:
        attempt.__exit__(None, None, None)
    with logins.attempt("192.0.2.99", "a"):
        pass


def test_sources_that_failed_are_forgotten_before_there_are_too_many() -> None:
    logins = Logins(Limits(tracked=10))
    for number in range(100):
        logins.fail(f"192.0.2.{number}", f"account {number}")
    assert len(logins._of_source) == len(logins._of_account) == 10


def test_the_limits_of_a_process_are_those_of_its_configuration(configured: Settings) -> None:
    assert site.logins is site.logins
