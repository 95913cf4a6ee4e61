"""Sessions and tables as lists: their columns, what is searched in them, and their rows. Pure."""

from __future__ import annotations

from typing import Literal

from signalling.operators.listing import Listing
from signalling.operators.survey import SessionRow, TableRow
from signalling.parties import Exchange
from signalling.sessions import Connection, Session
from signalling.tables import Table

Party = Session | Exchange
"""Whoever is here: a session, or a caller over HTTP who waits."""


# Sessions


def _line(party: Party) -> Connection | Exchange:
    """By which it is here; of a session that is away, the connection it was on last."""
    return party.connection if isinstance(party, Session) else party


def _name(party: Party) -> str | None:
    return party.name if isinstance(party, Session) else None


def _transport(party: Party) -> Literal["websocket", "http"]:
    return "websocket" if isinstance(party, Session) else "http"


def _state(party: Party) -> Literal["connected", "away", "waiting"]:
    if isinstance(party, Session):
        return "away" if party.is_away else "connected"
    return "waiting"


def _heard(party: Party) -> float:
    return party.connection.heard if isinstance(party, Session) else party.since


def _tables(party: Party) -> tuple[str, ...]:
    return tuple(party.tables) if isinstance(party, Session) else ()


def _open_calls(party: Party) -> int:
    if isinstance(party, Session):
        return len(party.calls)
    return 0 if party.call is None else 1


def _messages_in(party: Party) -> int:
    return party.received if isinstance(party, Session) else 1


def _messages_out(party: Party) -> int:
    return party.seq if isinstance(party, Session) else 0


def _text_of_party(party: Party) -> str:
    if isinstance(party, Session):
        line, tables = party.connection, "\n".join(party.tables)
        return f"{party.peer}\n{line.address}\n{party.name or ''}\n{tables}\n{line.software}"
    return f"{party.peer}\n{party.address}\n{party.software}"


def session_row(party: Party, now: float) -> SessionRow:
    """What an operator sees of it."""
    line = _line(party)
    return SessionRow(
        peer=party.peer,
        name=_name(party),
        transport=_transport(party),
        address=line.address,
        source=line.source,
        since=now - party.since,
        last_seen=now - _heard(party),
        state=_state(party),
        tables=_tables(party),
        open_calls=_open_calls(party),
        messages_in=_messages_in(party),
        messages_out=_messages_out(party),
        software=line.software,
    )


SESSIONS: Listing[Party, SessionRow] = Listing(
    columns={
        "peer": lambda party: party.peer,
        "name": lambda party: _folded(_name(party)),
        "transport": _transport,
        "address": lambda party: _line(party).address,
        "source": lambda party: _line(party).source,
        "since": lambda party: party.since,
        "last_seen": _heard,
        "state": _state,
        "tables": lambda party: _tables(party) or None,
        "open_calls": _open_calls,
        "messages_in": _messages_in,
        "messages_out": _messages_out,
        "software": lambda party: _line(party).software.casefold() or None,
    },
    filters={
        "transport": _transport,
        "state": _state,
        "address": lambda party: _line(party).address,
        "source": lambda party: _line(party).source,
    },
    text=_text_of_party,
    tie=lambda party: party.peer,
    row=session_row,
)


# Tables


def table_row(table: Table, now: float) -> TableRow:
    """What an operator sees of it."""
    return TableRow(
        name=table.name,
        host=table.host.peer,
        peers=tuple(table.seats),
        capacity=table.capacity,
        locked=table.locked,
        has_password=table.password is not None,
        since=now - table.since,
    )


TABLES: Listing[Table, TableRow] = Listing(
    columns={
        "name": lambda table: table.name.casefold(),
        "host": lambda table: table.host.peer,
        "peers": lambda table: len(table.seats),
        "capacity": lambda table: table.capacity,
        "locked": lambda table: table.locked,
        "has_password": lambda table: table.password is not None,
        "since": lambda table: table.since,
    },
    filters={
        "locked": lambda table: yes_or_no(table.locked),
        "has_password": lambda table: yes_or_no(table.password is not None),
    },
    text=lambda table: f"{table.name}\n{table.host.peer}\n{table.host.name or ''}",
    tie=lambda table: table.name,
    row=table_row,
)


def _folded(text: str | None) -> str | None:
    return text.casefold() if text is not None else None


def yes_or_no(fact: bool) -> str:
    """A fact as filters name it."""
    return "yes" if fact else "no"
