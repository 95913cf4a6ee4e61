"""What an operator is shown: plain values, made on the event loop and read anywhere. Pure.

No session, no call and nothing else that lives is in here, and nothing that must not be seen: no description, no
candidate, no secret and no password. Which rows are shown, and in which order, is in listing.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from signalling.lasthour import Minute
from signalling.traces import Moment, Report, Side

Row = TypeVar("Row")

PER_PAGE = 100
MOST_PER_PAGE = 1_000
"""More rows than this hold the event loop for longer than a frame should wait."""


class BadQuery(ValueError):
    """A list was asked for a column that it does not have."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows of a list, in which order, and which page of them."""

    search: str = ""
    """Words that must all be found in a row, upper and lower case alike."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """What these columns must be."""
    sort: str = "since"
    """A column. Times sort as moments, so that `descending` is the latest first."""
    descending: bool = True
    page: int = 1
    """From 1 on; a page that is not there is the nearest one that is."""
    per_page: int = PER_PAGE
    """At most 1,000."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list."""

    rows: tuple[Row, ...]
    total: int
    """All there are."""
    matching: int
    """Those that were asked for, on all pages."""
    number: int
    pages: int
    """At least 1."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session, or a caller over HTTP who waits for the outcome of an offer."""

    peer: str
    """Of a caller over HTTP: the id that it claims."""
    name: str | None
    transport: Literal["websocket", "http"]
    address: str
    source: str
    """What limits count, and what a ban of the address is about: the IPv4 address or IPv6 /64."""
    since: float
    """Seconds ago."""
    last_seen: float
    """Seconds ago: when the latest frame came."""
    state: Literal["connected", "away", "waiting"]
    tables: tuple[str, ...]
    open_calls: int
    messages_in: int
    """Taken up; hellos and pings are not counted."""
    messages_out: int
    """Sent or held; what has no `seq` is not counted."""
    software: str
    """What the client calls itself: a claim."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """An open table."""

    name: str
    host: str
    peers: tuple[str, ...]
    """The longest seated first."""
    capacity: int
    locked: bool
    has_password: bool
    since: float
    """Seconds ago."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call that is open, or ended a while ago, or an offer that was refused at once."""

    call: str
    caller: str
    """Over HTTP: the peer that the caller claims to be."""
    callee: str
    """Empty when the offer was for an address, which is kept nowhere."""
    transport: Literal["websocket", "http"]
    """How the offer came."""
    to: Literal["session", "address"]
    table: str | None
    began: float
    """Seconds ago."""
    state: Literal["ringing", "open", "ended"]
    outcome: str | None
    """Of `figures.OUTCOMES`, or another error's code; None while the first offer is unanswered."""
    answered_after: float | None
    """Seconds."""
    failed: bool
    """See `Trace.failed`."""


@dataclass(frozen=True, slots=True)
class CallPage:
    """All that is kept of one call."""

    row: CallRow
    moments: tuple[Moment, ...]
    """What happened, in order."""
    omitted: int
    """Moments that are left out, between the first ones and the latest."""
    candidates: Mapping[Side, Mapping[str, int]]
    """How many each side told of, by type."""
    gathered: tuple[Side, ...]
    """Who said that no more candidates come."""
    reports: Mapping[Side, Report]
    """What each side said last of its connection."""
    diagnosis: str
    """Why it failed, or that it is well, in plain words."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the server has got with its goodbye."""

    draining: bool
    connections: int
    """How many there were when it began."""
    left: int
    """How many of them are still open."""
    exchanges: int
    """Callers over HTTP who still wait."""
    seconds: float
    """Since it began; 0 when it has not."""
    within: float
    """Seconds from the beginning after which the process has ended, come what may."""


@dataclass(frozen=True, slots=True)
class Here:
    """What there is at this moment."""

    connections: int
    """WebSockets, those included that have not said hello."""
    connected: int
    """Sessions that are on a connection."""
    away: int
    """Sessions that wait to be resumed."""
    waiting: int
    """Callers over HTTP that wait for their outcome."""
    tables: int
    open_calls: int
    draining: bool


@dataclass(frozen=True, slots=True)
class Process:
    """What the system says of this process, and how it was started."""

    memory_bytes: int | None
    """Resident; None where the system does not tell."""
    open_files: int | None
    uptime_seconds: float
    version: str
    program: str
    """The server program: `manage.py serve`, `daphne`, `uvicorn`."""
    loop: str
    """The event loop's kind: `uvloop`, `asyncio`."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One glance. "The last hour" is the running minute and the 59 before it, and less if the process is younger."""

    here: Here
    process: Process
    calls_per_minute: float
    """Begun in the last sixty seconds."""
    calls_last_hour: int
    outcomes_last_hour: tuple[tuple[str, int], ...]
    """Those that there were, the most frequent first."""
    success_share: float | None
    """Of the offers that ended in the last hour, those that were answered; None when none has.

    `figures.UNJUDGED` are out."""
    answer_p50_seconds: float | None
    """From an offer to its answer, in the last hour; None when none was answered."""
    answer_p99_seconds: float | None
    lag_p50_seconds: float | None
    """By how much the event loop was late, in the last hour."""
    lag_p99_seconds: float | None
    refusals: tuple[tuple[str, int], ...]
    """By key of `limits`, since the process began; those that there were, the most frequent first."""
    errors: tuple[tuple[str, int], ...]
    """Messages and offers refused, by code, in the same way."""
    minutes: tuple[Minute, ...]
    """Sixty, the oldest first; the last is the one that runs."""
