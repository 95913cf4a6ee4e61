"""Whether operators can log in at all: the database of their accounts, and what is said when it cannot be used."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from roundtable.logs import logger

log = logger("roundtable")
refusals = logger("signalling.refusals")

MIGRATE = "the database of operators' accounts is missing or out of date: run manage.py migrate"
CREATE = "no operator has an account yet, so nobody can log in at /status/: run manage.py createsuperuser"


def advice() -> str | None:
    """What is to be done before anybody can log in; None when somebody can. Leaves no connection and no file behind."""
    if not settings.ROUNDTABLE.database.exists():
        return MIGRATE
    try:
        can_log_in = User.objects.filter(is_active=True, is_staff=True).exists()
    except DatabaseError:
        return MIGRATE
    finally:
        connection.close()
    return None if can_log_in else CREATE


def announce() -> None:
    """Logs the advice, in a process that is about to serve; signalling does without accounts."""
    if said := advice():
        log.info(said)


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
