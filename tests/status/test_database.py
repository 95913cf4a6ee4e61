"""The database of operators' accounts: not there, not migrated, not usable, and without an account."""

from __future__ import annotations

import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from pytest_django import Settings

from roundtable.config import Configuration
from signalling.operators.status import accounts
from tests.serverprocess import ROOT, surroundings
from tests.status.desk import FakeDesk
from tests.status.operator import Operator, text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no such table: django_session", "missing or out of date: run manage.py migrate"),
        ("no such column: auth_user.nickname", "missing or out of date: run manage.py migrate"),
        ("unable to open database file", "cannot be used at the moment; the log says why"),
        ("database is locked", "cannot be used at the moment; the log says why"),
    ],
)
def test_a_page_that_cannot_have_it_says_so_and_is_no_traceback(
    reason: str, words: str, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OperationalError(reason)

    monkeypatch.setattr("django.contrib.auth.authenticate", broken)
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", broken)
    response = Operator(desk).log_in("vera")
    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert words in text_of(response)
    assert "Content-Security-Policy" in response
    [line] = [record for record in caplog.records if "operators' accounts" in record.message]
    assert line.name == "signalling.refusals", "one of those lines of which there are few in a second"
    assert not [record for record in caplog.records if record.name == "django.request"]
    assert "Traceback" not in caplog.text


def test_advice_before_there_is_a_database_is_to_migrate(configured: Settings, tmp_path: Path) -> None:
    configured.ROUNDTABLE = Configuration(database=tmp_path / "none.sqlite3")
    assert accounts.wanting(configured.ROUNDTABLE.database) == accounts.DATABASE
    assert not list(tmp_path.iterdir()), "asking makes no file"


@pytest.fixture
def database(configured: Settings, tmp_path: Path) -> None:
    file = tmp_path / "there.sqlite3"
    file.touch()
    configured.ROUNDTABLE = Configuration(database=file)


@pytest.mark.usefixtures("database")
def test_advice_without_an_operator_is_to_make_one(caplog: pytest.LogCaptureFixture) -> None:
    User.objects.create_user("a guest")
    caplog.set_level("INFO")
    accounts.announce()
    [line] = caplog.records
    assert "no operator has an account yet" in line.message
    assert "manage.py createsuperuser" in line.fields["run"]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("database")
def test_there_is_no_advice_when_somebody_can_log_in(caplog: pytest.LogCaptureFixture) -> None:
    User.objects.create_superuser("uther")
    caplog.set_level("INFO")
    accounts.announce()
    assert not caplog.records


def test_a_new_database_and_what_is_beside_it_are_their_owners_only(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("database: accounts.sqlite3\n")
    arguments = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--configFilePath", str(config)]
    subprocess.run(arguments, cwd=ROOT, env=surroundings(), check=True, umask=0o022)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("accounts.sqlite3*")} == {0o600}
