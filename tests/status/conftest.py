from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from roundtable import urls
from roundtable.config import Configuration
from signalling.operators.status.registry import site
from tests.status.desk import FakeDesk
from tests.status.operator import Operator, user

SEE, ACT = "view_status", "act_on_status"


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> Settings:
    """Defaults, quick passwords, and no log-in that failed in another test."""
    assert urls
    settings.ROUNDTABLE = Configuration()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    site.__dict__.pop("logins", None)
    return settings


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def viewer(db: None) -> User:
    return user("vera", SEE)


@pytest.fixture
def actor(db: None) -> User:
    return user("arthur", SEE, ACT)


@pytest.fixture
def viewing(desk: FakeDesk, viewer: User) -> Operator:
    """Somebody who may see, and nothing else."""
    return Operator(desk).log_in_as(viewer)


@pytest.fixture
def acting(desk: FakeDesk, actor: User) -> Operator:
    """Somebody who may see and act."""
    return Operator(desk).log_in_as(actor)


@pytest.fixture
def ruling(desk: FakeDesk, db: None) -> Operator:
    """An administrator."""
    return Operator(desk).log_in_as(User.objects.create_superuser("uther"))
