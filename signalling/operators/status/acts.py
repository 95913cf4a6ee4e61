"""What operators do on the pages: asked once more, then done on the event loop, and written into the history.

The history comes first: what cannot be recorded is not done. Who may do this is site.py's business.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from signalling.identity import canonical_uuid
from signalling.models import LiveSession, LiveTable, Server
from signalling.names import clean_name
from signalling.operators.desk import Desk, on_loop
from signalling.operators.status.pages import Shown
from signalling.operators.status.words import shortened_address

SELECTED = "selected"
MOST_SELECTED = 100
"""A page of a list."""
MOST_BACK_CHARACTERS = 1_000
"""Of a list's query string, to which an operator comes back."""


def disconnect(request: HttpRequest, desk: Desk) -> Shown | HttpResponse:
    """Disconnects peers, and bans their addresses too if that is ticked."""
    peers = [peer for peer in map(canonical_uuid, _selected(request)) if peer is not None]
    if not peers:
        return _nothing_selected(request, "sessions")
    rows = [(peer, on_loop(desk.session, peer)) for peer in peers]
    if not _is_confirmed(request):
        ban_seconds = settings.ROUNDTABLE.limits.ban_seconds
        return _asking(request, "status/confirm_disconnect.html", "Disconnect?", rows=rows, ban_seconds=ban_seconds)
    bans_address = bool(request.POST.get("ban_address"))
    done = 0
    for peer, row in rows:
        subject = LiveSession(peer=peer, name=(row.name if row is not None else None) or "")
        address = f" and the address {shortened_address(row.source)}" if bans_address and row is not None else ""
        words = f"Disconnected; the peer{address} may not come back for a while."
        done += _recorded(request, subject, words, partial(desk.disconnect, peer, ban_address=bans_address))
    _tell(request, done, len(peers), "disconnected", ("session", "sessions"))
    return _back(request, "sessions")


def close_table(request: HttpRequest, desk: Desk) -> Shown | HttpResponse:
    """Closes tables: everybody there is sent away."""
    names = [name for name in map(clean_name, _selected(request)) if name is not None]
    if not names:
        return _nothing_selected(request, "tables")
    if not _is_confirmed(request):
        rows = [(name, on_loop(desk.table, name)) for name in names]
        return _asking(request, "status/confirm_close.html", "Close?", rows=rows)
    acts = [(LiveTable(name=name), partial(desk.close_table, name)) for name in names]
    done = sum(_recorded(request, subject, "Closed.", act) for subject, act in acts)
    _tell(request, done, len(names), "closed", ("table", "tables"))
    return _back(request, "tables")


def lift(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Ends bans early. Nobody is hurt by that, so it is not asked once more."""
    subjects = _selected(request)
    if not subjects:
        return _nothing_selected(request, "bans")
    done = sum(_recorded(request, *_lifting(subject), partial(desk.lift, subject)) for subject in subjects)
    _tell(request, done, len(subjects), "lifted", ("ban", "bans"))
    return _back(request, "bans")


def _lifting(subject: str) -> tuple[Model, str]:
    if canonical_uuid(subject) is not None:
        return LiveSession(peer=subject, name=""), "The ban was lifted."
    return Server(), f"The ban of the address {shortened_address(subject)} was lifted."


def start_draining(request: HttpRequest, desk: Desk) -> Shown | HttpResponse:
    """Begins the end of the server; from then on nothing stops it."""
    if not _is_confirmed(request):
        progress, glance = on_loop(desk.progress), on_loop(desk.overview)
        return _asking(request, "status/confirm_drain.html", "Stop the server?", progress=progress, overview=glance)
    if _recorded(request, Server(), "Draining was started.", desk.drain):
        messages.success(request, "Draining has begun. The server stops when everybody has gone.")
    else:
        messages.warning(request, "The server is draining already.")
    return HttpResponseRedirect(reverse("admin:drain"))


# What they have in common


def _selected(request: HttpRequest) -> list[str]:
    """Each once, in the order in which they were sent."""
    return list(dict.fromkeys(request.POST.getlist(SELECTED)[:MOST_SELECTED]))


def _is_confirmed(request: HttpRequest) -> bool:
    return request.POST.get("post") == "yes"


def _asking(request: HttpRequest, template: str, title: str, **context: Any) -> Shown:
    return Shown(template, title, {**context, "back": _query(request)})


def _recorded(request: HttpRequest, subject: Model, words: str, act: Callable[[], bool]) -> bool:
    """Does it on the event loop and keeps who did it; what was not done, because it was gone, is not kept."""
    with transaction.atomic():
        LogEntry.objects.log_actions(cast(User, request.user).pk, [subject], CHANGE, words)
        is_done = on_loop(act)
        transaction.set_rollback(not is_done)
    return is_done


def _tell(request: HttpRequest, done: int, asked: int, what: str, nouns: tuple[str, str]) -> None:
    if done:
        messages.success(request, f"{done} {nouns[done != 1]} {what}.")
    if gone := asked - done:
        were = "was" if gone == 1 else "were"
        messages.warning(request, f"{gone} {nouns[gone != 1]} {were} not here any more.")


def _nothing_selected(request: HttpRequest, page: str) -> HttpResponse:
    messages.warning(request, "Nothing was selected, so nothing was done.")
    return _back(request, page)


def _query(request: HttpRequest) -> str:
    """The list as it was: its query string, whatever was sent, written anew."""
    return QueryDict(request.POST.get("back", "").removeprefix("?")[:MOST_BACK_CHARACTERS]).urlencode()


def _back(request: HttpRequest, page: str) -> HttpResponse:
    query = _query(request)
    return HttpResponseRedirect(reverse(f"admin:{page}") + (f"?{query}" if query else ""))
