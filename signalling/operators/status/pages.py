"""What the operator's pages show: each function asks the desk for plain values, on its loop, and names a template.

Nothing is done here, and nobody's permission is judged; for both see site.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from signalling.figures import OUTCOMES, TRANSPORTS
from signalling.operators.desk import Desk, on_loop
from signalling.operators.status.asked import Asked, Column, Filter, Layout
from signalling.operators.status.plots import plots
from signalling.operators.status.words import name_in, outcome, transport
from signalling.operators.survey import CallRow, Page, Query
from signalling.traces import CANDIDATE_TYPES, SIDES

SEE = "signalling.view_status"
ACT = "signalling.act_on_status"
BANS_SHOWN = 100
CALLS_SHOWN = 20

_YES_OR_NO = (("yes", "Yes"), ("no", "No"))
_BY_TRANSPORT = Filter("transport", "transport", tuple((name, transport(name)) for name in TRANSPORTS))
_BY_OUTCOME = Filter("outcome", "outcome", tuple((name, outcome(name).capitalize()) for name in OUTCOMES))
SESSIONS = Layout(
    columns=(
        Column("Peer", "peer"),
        Column("Name", "name"),
        Column("Transport", "transport"),
        Column("Address", "address"),
        Column("Connected", "since", descends_first=True),
        Column("Last seen", "last_seen", descends_first=True),
        Column("State", "state"),
        Column("Tables", "tables"),
        Column("Open calls", "open_calls", descends_first=True, is_number=True),
        Column("In", "messages_in", descends_first=True, is_number=True),
        Column("Out", "messages_out", descends_first=True, is_number=True),
        Column("Client software", "software"),
    ),
    filters=(
        Filter("state", "state", (("connected", "Connected"), ("away", "Away"), ("waiting", "Waiting"))),
        _BY_TRANSPORT,
    ),
)
TABLES = Layout(
    columns=(
        Column("Table", "name"),
        Column("Host", "host"),
        Column("Peers", "peers", descends_first=True, is_number=True),
        Column("Open", "since", descends_first=True),
        Column("Locked", "locked"),
        Column("Password", "has_password"),
    ),
    filters=(
        Filter("locked", "lock", _YES_OR_NO),
        Filter("has_password", "password", _YES_OR_NO),
    ),
)
CALLS = Layout(
    columns=(
        Column("Call", "call"),
        Column("Outcome", "outcome"),
        Column("Caller", "caller"),
        Column("Callee", "callee"),
        Column("Came by", "transport"),
        Column("Table", "table"),
        Column("Began", "began", descends_first=True),
        Column("State", "state"),
        Column("Answered after", "answered_after", descends_first=True, is_number=True),
    ),
    filters=(
        Filter("failed", "result", (("yes", "Failed"), ("no", "Not failed"))),
        Filter("state", "state", (("ringing", "Ringing"), ("open", "Open"), ("ended", "Ended"))),
        _BY_TRANSPORT,
        _BY_OUTCOME,
    ),
    sort="began",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its template, its title, and what is in it."""

    template: str
    title: str
    context: dict[str, Any] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.OK


def overview(request: HttpRequest, desk: Desk) -> Shown:
    """Figures, and the last hour."""
    glance = on_loop(desk.overview)
    return Shown("status/overview.html", "Overview", {"overview": glance, "plots": plots(glance.minutes)})


def sessions(request: HttpRequest, desk: Desk) -> Shown:
    """All who are here."""
    asked = SESSIONS.asked(request.GET.dict())
    page = on_loop(desk.sessions, asked.query)
    rows = list(zip(_keys([row.peer for row in page.rows]), page.rows, strict=True))
    return Shown(
        "status/sessions.html", "Sessions", {**_list(asked, page), "rows": rows, "action": reverse("admin:disconnect")}
    )


def _keys(names: list[str]) -> list[str]:
    """One of its own for each row: several callers over HTTP may claim the same id."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        seen[name] += 1
        keys.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return keys


def _list(asked: Asked, page: Page[Any]) -> dict[str, Any]:
    return {
        "asked": asked,
        "page": page,
        "page_links": asked.page_links(page.number, page.pages),
        "is_narrowed": bool(asked.search or asked.filters),
    }


def session(request: HttpRequest, desk: Desk, peer: UUID) -> Shown:
    """One of them, with its tables and its latest calls."""
    row = on_loop(desk.session, str(peer))
    calls = on_loop(desk.calls, Query(search=str(peer), sort="began", per_page=CALLS_SHOWN))
    context = {
        "peer": str(peer),
        "row": row,
        "calls": calls,
        "names": on_loop(desk.names, _parties(calls.rows)),
        "shows_addresses": request.GET.get("addresses") == "1",
    }
    return Shown(
        "status/session.html",
        f"Session of {row.name}" if row is not None and row.name else f"Session {peer}",
        context,
        status=HTTPStatus.OK if row is not None else HTTPStatus.NOT_FOUND,
    )


def tables(request: HttpRequest, desk: Desk) -> Shown:
    """All that are open."""
    asked = TABLES.asked(request.GET.dict())
    page = on_loop(desk.tables, asked.query)
    listed = {**_list(asked, page), "names": on_loop(desk.names, {row.host for row in page.rows})}
    return Shown("status/tables.html", "Tables", {**listed, "action": reverse("admin:close_table")})


def table(request: HttpRequest, desk: Desk, name: str) -> Shown:
    """One of them; `name` as words.path_of writes it."""
    name = name_in(name)
    row = on_loop(desk.table, name)
    status = HTTPStatus.OK if row is not None else HTTPStatus.NOT_FOUND
    names = on_loop(desk.names, row.peers if row is not None else ())
    return Shown("status/table.html", f"Table {name}", {"name": name, "row": row, "names": names}, status=status)


def calls(request: HttpRequest, desk: Desk) -> Shown:
    """Those that are open, and those that ended lately."""
    asked = CALLS.asked(request.GET.dict())
    page = on_loop(desk.calls, asked.query)
    names = on_loop(desk.names, _parties(page.rows))
    return Shown("status/calls.html", "Calls", {**_list(asked, page), "names": names})


def _parties(rows: Iterable[CallRow]) -> set[str]:
    """Who is in these calls."""
    return {peer for row in rows for peer in (row.caller, row.callee)}


def call(request: HttpRequest, desk: Desk, call: UUID) -> Shown:
    """One of them: what happened, when, and what it means."""
    found = on_loop(desk.call, str(call))
    if found is None:
        return Shown("status/call.html", f"Call {call}", {"call": str(call)}, status=HTTPStatus.NOT_FOUND)
    sides = [
        {
            "name": side,
            "counts": [found.candidates.get(side, {}).get(kind, 0) for kind in CANDIDATE_TYPES],
            "has_gathered": side in found.gathered,
            "report": found.reports.get(side),
        }
        for side in SIDES
    ]
    names = on_loop(desk.names, _parties([found.row]))
    context = {"found": found, "sides": sides, "types": CANDIDATE_TYPES, "names": names}
    return Shown("status/call.html", f"Call {call}", context)


def bans(request: HttpRequest, desk: Desk) -> Shown:
    """Who may not come back for a while."""
    listed = on_loop(desk.bans)
    return Shown("status/bans.html", "Bans", {"bans": listed[:BANS_SHOWN], "total": len(listed)})


def drain(request: HttpRequest, desk: Desk) -> Shown:
    """How far the server's goodbye has got, or that there is none."""
    progress = on_loop(desk.progress)
    gone = max(progress.connections - progress.left, 0)
    return Shown("status/drain.html", "Draining", {"progress": progress, "gone": gone})


def navigation() -> dict[str, Any]:
    """These pages as Django's admin lists an application with its models."""
    models = (
        ("Sessions", "sessions"),
        ("Tables", "tables"),
        ("Calls", "calls"),
        ("Bans", "bans"),
        ("Draining", "drain"),
    )
    return {
        "name": "Overview",
        "app_label": "status",
        "app_url": reverse("admin:index") + "#content-start",  # else it would be marked as current on every page
        "has_module_perms": True,
        "models": [
            {"name": name, "object_name": name, "admin_url": reverse(f"admin:{page}"), "view_only": True}
            for name, page in models
        ],
    }
