"""An operator's browser, in process: it keeps cookies, and its requests reach Django as the router hands them on."""

from __future__ import annotations

import re
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import AsyncClient

from signalling.operators.desk import DESK
from tests.status.desk import FakeDesk

PASSWORD = "correct horse battery staple"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class _Client(AsyncClient):
    """Puts the desk, the address and the scheme into the scope."""

    def __init__(self, desk: FakeDesk, **options: Any) -> None:
        super().__init__(**options)
        self.desk = desk
        self.address = "192.0.2.1"
        self.scheme = "http"

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._base_scope(**request)  # type: ignore[misc]
        return {**scope, DESK: self.desk, "client": (self.address, 50_000), "scheme": self.scheme}


class Operator:
    """Whoever sits in front of the pages."""

    def __init__(self, desk: FakeDesk, *, checks_csrf: bool = False) -> None:
        self.desk = desk
        self.headers: dict[str, str] = {}
        self.client = _Client(desk, enforce_csrf_checks=checks_csrf, raise_request_exception=False)

    def log_in_as(self, user: User) -> Operator:
        """Without the log-in page."""
        self.client.force_login(user)
        return self

    def get(self, path: str, **fields: str) -> HttpResponse:
        return cast(HttpResponse, async_to_sync(self.client.get)(path, fields, headers=self.headers))

    def post(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> HttpResponse:
        form = {**(fields or {}), **more}
        return cast(HttpResponse, async_to_sync(self.client.post)(path, form, headers=self.headers))

    def log_in(self, name: str, password: str = PASSWORD, *, then: str = "/status/") -> HttpResponse:
        """By the log-in page."""
        page = self.get("/status/login/")
        token = _TOKEN.search(page.content.decode())
        fields = {"username": name, "password": password, "next": then}
        return self.post("/status/login/", {**fields, **({"csrfmiddlewaretoken": token[1]} if token else {})})


def user(name: str, *permissions: str, is_staff: bool = True, password: str | None = None) -> User:
    """An account with these permissions of ours."""
    made = User.objects.create_user(name, password=password, is_staff=is_staff)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def text_of(response: HttpResponse) -> str:
    """What a reader sees, roughly: the page without its tags, white space as one space."""
    without_tags = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(without_tags.split())
