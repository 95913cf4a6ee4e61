"""Whether operators can log in at all: the database of their accounts, and what is said when it cannot be used."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from roundtable.commandline import command_line
from roundtable.logs import logger

log = logger("roundtable")
refusals = logger("signalling.refusals")


class Want(NamedTuple):
    """What is wanting, in words, and the command of `manage.py` that provides it."""

    words: str
    command: str


DATABASE = Want("the database of operators' accounts is missing or out of date", "migrate")
ACCOUNT = Want("no operator has an account yet for /status/", "createsuperuser")


def wanting(database: Path) -> Want | None:
    """What is wanting before anybody can log in; None when somebody can. Leaves no connection and no file behind."""
    if not database.exists():  # asking would make it
        return DATABASE
    try:
        return _wanting_in_database()
    except DatabaseError:
        return DATABASE
    finally:
        connection.close()


def _wanting_in_database() -> Want | None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return DATABASE
    can_log_in = User.objects.filter(is_active=True, is_staff=True).exists()
    return None if can_log_in else ACCOUNT


def announce() -> None:
    """Logs what is wanting, in a process that is about to serve; signalling does without accounts."""
    if want := wanting(settings.ROUNDTABLE.database):
        log.info(want.words, run=command_line(want.command))


class DatabaseGuard(MiddlewareMixin):
    """Middleware: a page that needs the database, and cannot have it, says so (503) instead of being a traceback."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page that says so; None for exceptions that are about something else."""
        if not isinstance(exception, DatabaseError):
            return None
        is_unmigrated = "no such table" in str(exception) or "no such column" in str(exception)
        # Anybody can ask for such a page: among the refusals it cannot flood the log, as Django's own line would.
        refusals.error("the database of operators' accounts cannot be used", reason=str(exception))
        context = {"is_unmigrated": is_unmigrated}
        response = render(request, "status/no_database.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
        response._has_been_logged = True  # type: ignore[attr-defined] # what django.utils.log.log_response asks
        return response
