"""The trace of a call: what the operator may know of it. Pure.

Times, types of candidates, and words of closed vocabularies are in it. Descriptions, candidates, addresses and secrets
never are: what is read of them here are types. Which traces are kept is in journal.py, what one means in diagnosis.py.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from typing import Final, Literal, NamedTuple, get_args

from msgspec import Struct, field

from signalling import frames, messages
from signalling.codes import CandidateType, ErrorCode, Reason, ReportState

Side = Literal["caller", "callee"]
Transport = Literal["websocket", "http"]
To = Literal["session", "address"]
Event = Literal[
    "offer",
    "delivered",
    "held",
    "posted",
    "connection_lost",
    "resumed",
    "answer",
    "candidate",
    "end_of_candidates",
    "reoffer",
    "glare",
    "reject",
    "hangup",
    "timeout",
    "error",
    "report",
]
SIDES: Final[tuple[Side, ...]] = get_args(Side)
CANDIDATE_TYPES: Final[tuple[CandidateType, ...]] = get_args(CandidateType)

GLARE = "glare"
"""Of two calls that crossed this is the one that gave way."""
WITHDRAWN = "withdrawn"
"""A caller over HTTP has hung up."""

FIRST_MOMENTS = 48
LATEST_MOMENTS = 16
"""How a call was set up tells most, and then how it ended: of a call with more moments those between give way."""
_PLACES: dict[tuple[str, str], int] = {pair: place for place, pair in enumerate(product(SIDES, CANDIDATE_TYPES))}
_TYPE = re.compile(rb" typ (host|srflx|prflx|relay)\b")
"""RFC 8839, section 5.1. Anchored to a literal and bounded, so that a scan is linear whatever a stranger sends."""
_CANDIDATE = b"candidate"
"""Looked for first: who trickles has none in a description, and no end of them, and each search takes 2 µs."""
_ONE = re.compile(rb'\{"candidate": ?"[^"]')
"""One candidate, and not the end of them, as browsers write it."""
_COMPLETE = b"a=end-of-candidates"
"""RFC 8840, section 8.2."""
_NO_CANDIDATE = re.compile(rb"null(?<!:null)(?<!: null)(?=\s*(?:[\],]|\Z))")
_EMPTY_CANDIDATE = re.compile(rb'"candidate"\s*:\s*""')
"""W3C: null, and a candidate whose text is empty or missing, are the end of candidates. (A null after a colon is of a
field.) Patterns that begin with a literal are looked for six times as fast."""


class Moment(NamedTuple):
    """One thing that happened in a call."""

    seconds: float
    """Since the offer."""
    event: Event
    by: Side | None
    """None: the server."""
    detail: str | None
    """A candidate's type, a reason, an error's code, what a report says."""


_FIELDS = len(Moment._fields)
_MOST_FIELDS = (FIRST_MOMENTS + LATEST_MOMENTS) * _FIELDS


class Report(NamedTuple):
    """What a party said of its connection; the types are those of the chosen pair, if it told them."""

    state: ReportState
    local: CandidateType | None
    remote: CandidateType | None

    def __str__(self) -> str:
        if self.local is not None and self.remote is not None:
            return f"{self.state}, {self.local} to {self.remote}"
        types = [f"{name} {kind}" for name, kind in (("local", self.local), ("remote", self.remote)) if kind]
        return ", ".join([self.state, *types])


class Trace(Struct, eq=False, kw_only=True):
    """One call from its first offer to its end, or an offer that was refused. `began` and `ended` are monotonic.

    Thousands of calls are open at once, so what happened and how many candidates there were is kept in flat lists.
    """

    call: str
    caller: str
    """A peer; over HTTP one that the caller claims to be."""
    callee: str
    """A peer; empty when the offer was for an address."""
    transport: Transport
    """How the offer came."""
    to: To
    began: float
    table: str | None = None
    ended: float | None = None
    outcome: str | None = None
    """`answer`, `reject`, `glare`, `hangup`, `withdrawn` or an error's code; None while it is unanswered."""
    answered_after: float | None = None
    """Seconds."""
    reason: str | None = None
    """Why it was rejected, hung up or failed, if a reason was given."""
    ended_by: Side | None = None
    """Who rejected or hung up."""
    limit: str | None = None
    """The key of `limits` that refused it, if one did."""
    reached_somebody: bool = False
    """Its offer was handed to its callee, or posted to an address."""
    gathered: tuple[Side, ...] = ()
    """Who said that no more candidates come."""
    reports: dict[Side, Report] = {}
    omitted: int = 0
    """Moments that gave way to later ones."""
    _moments: list[float | str | None] = []
    _counts: list[int] = field(default_factory=lambda: [0] * len(_PLACES))

    @property
    def moments(self) -> list[Moment]:
        """What happened, in order. `omitted` are left out, between the first ones and the latest."""
        flat = iter(self._moments)
        return [Moment._make(fields) for fields in zip(flat, flat, flat, flat, strict=True)]

    @property
    def candidates(self) -> dict[Side, Counter[str]]:
        """How many candidates each side has told of, by type."""
        return {side: Counter({kind: n for kind in CANDIDATE_TYPES if (n := self._told(side, kind))}) for side in SIDES}

    @property
    def failed(self) -> bool:
        """Its first offer ended without an answer, or the latest that a party said of its connection is `failed`.

        Who crossed with another call, which stays, has not failed.
        """
        is_unanswered = self.outcome not in (None, "answer", GLARE)
        return is_unanswered or any(report.state == "failed" for report in self.reports.values())

    def side_of(self, peer: str) -> Side | None:
        """Which party this peer is."""
        if peer == self.caller:
            return "caller"
        return "callee" if peer == self.callee else None

    # What happens

    def note(self, now: float, event: Event, by: Side | None = None, detail: str | None = None) -> None:
        """One moment more."""
        moments = self._moments
        if len(moments) == _MOST_FIELDS:
            del moments[FIRST_MOMENTS * _FIELDS : (FIRST_MOMENTS + 1) * _FIELDS]
            self.omitted += 1
        moments += (now - self.began, event, by, detail)

    def reach(self, event: Literal["delivered", "held", "posted"], now: float) -> None:
        """The offer goes on to its callee."""
        self.reached_somebody = True
        self.note(now, event)

    def describe(self, event: Event, side: Side, description: bytes, now: float) -> None:
        """A description comes. A later one repeats the candidates that were told of before, so it adds only others."""
        self.note(now, event, side)
        octets = bytes(description)  # it may be msgspec.Raw, which is bytes for type checkers only
        if _CANDIDATE not in octets:
            return
        for kind, count in Counter(_TYPE.findall(octets)).items():
            self._count(side, kind.decode(), count, now, is_repeated=True)
        if _COMPLETE in octets:
            self._complete(side, now)

    def candidate(self, side: Side, relayed: bytes, now: float) -> None:
        """Candidates come, as JSON: one, several, or their end."""
        if _ONE.match(relayed):
            found = _TYPE.search(relayed)
            if found is not None:
                self._count(side, found[1].decode(), 1, now)
            return
        for kind in _TYPE.findall(relayed):
            self._count(side, kind.decode(), 1, now)
        if side not in self.gathered and _is_end(relayed):
            self._complete(side, now)

    def settle(self, outcome: frames.Answer | frames.Reject | frames.Hangup | frames.Error, now: float) -> None:
        """The first offer is answered, or the call ends, or a later offer is answered."""
        if isinstance(outcome, frames.Error):
            self._fail(outcome, now)
            return
        side = self._sender(outcome.from_)
        if isinstance(outcome, frames.Answer):
            self.describe("answer", side or "callee", outcome.description, now)
            self._note_outcome("answer", now)
            return
        event: Literal["reject", "hangup"] = "reject" if isinstance(outcome, frames.Reject) else "hangup"
        self.note(now, event, side, outcome.reason)
        self.reason, self.ended_by = outcome.reason, side
        self._note_outcome(self._outcome(event, outcome.reason, side), now)

    def report(self, side: Side, message: messages.Report, now: float) -> None:
        """A party says how its connection is; what it says again is no news."""
        report = Report(message.state, message.local, message.remote)
        if self.reports.get(side) != report:
            self.reports[side] = report
            self.note(now, "report", side, str(report))

    def refuse(self, code: ErrorCode, limit: str | None, now: float) -> None:
        """The offer is refused at once."""
        self.limit = limit
        self.note(now, "error", detail=str(code))
        self._note_outcome(str(code), now)

    def _fail(self, error: frames.Error, now: float) -> None:
        event: Event = "timeout" if error.code is ErrorCode.ANSWER_TIMEOUT else "error"
        self.note(now, event, detail=str(error.code))
        self.reason = str(error.reason) if error.reason else None
        self._note_outcome(str(error.code), now)

    def _outcome(self, event: Literal["reject", "hangup"], reason: str, side: Side | None) -> str:
        if event == "reject":
            return GLARE if reason == Reason.GLARE else event
        return WITHDRAWN if self.transport == "http" and side == "caller" else event

    def _note_outcome(self, outcome: str, now: float) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        if outcome == "answer":
            self.answered_after = now - self.began

    def _sender(self, peer: str) -> Side | None:
        """The callee's id is unknown here when its offer went to an address."""
        if not peer:
            return None
        return "caller" if peer == self.caller else "callee"

    def _told(self, side: Side, kind: str) -> int:
        return self._counts[_PLACES[side, kind]]

    def _count(self, side: Side, kind: str, count: int, now: float, *, is_repeated: bool = False) -> None:
        place = _PLACES[side, kind]
        before = self._counts[place]
        if not before:
            self.note(now, "candidate", side, kind)
        self._counts[place] = max(before, count) if is_repeated else before + count

    def _complete(self, side: Side, now: float) -> None:
        if side not in self.gathered:
            self.gathered += (side,)
            self.note(now, "end_of_candidates", side)


def _is_end(relayed: bytes) -> bool:
    if _NO_CANDIDATE.search(relayed) or _EMPTY_CANDIDATE.search(relayed):
        return True
    return b"{}" in bytes(relayed)  # msgspec.Raw, which this may be, is bytes for type checkers only
