"""Calls as a list, by their traces: its columns, what is searched in it, and its rows; and one call in full. Pure."""

from __future__ import annotations

from typing import Literal

from signalling.operators.listing import Listing
from signalling.operators.rows import yes_or_no
from signalling.operators.survey import CallPage, CallRow
from signalling.traces import Trace


def _state(trace: Trace) -> Literal["ringing", "open", "ended"]:
    if trace.ended is not None:
        return "ended"
    return "ringing" if trace.outcome is None else "open"


def _began(trace: Trace) -> float:
    return trace.began


def call_row(trace: Trace, now: float) -> CallRow:
    """What an operator sees of it in the list."""
    return CallRow(
        call=trace.call,
        caller=trace.caller,
        callee=trace.callee,
        transport=trace.transport,
        to=trace.to,
        table=trace.table,
        began=now - trace.began,
        state=_state(trace),
        outcome=trace.outcome,
        answered_after=trace.answered_after,
        failed=trace.failed,
    )


def call_page(trace: Trace, diagnosis: str, now: float) -> CallPage:
    """What an operator sees of it on its own page."""
    return CallPage(
        row=call_row(trace, now),
        moments=tuple(trace.moments),
        omitted=trace.omitted,
        candidates={side: dict(counts) for side, counts in trace.candidates.items()},
        gathered=trace.gathered,
        reports=dict(trace.reports),
        diagnosis=diagnosis,
    )


CALLS: Listing[Trace, CallRow] = Listing(
    columns={
        "call": lambda trace: trace.call,
        "caller": lambda trace: trace.caller,
        "callee": lambda trace: trace.callee or None,
        "transport": lambda trace: trace.transport,
        "to": lambda trace: trace.to,
        "table": lambda trace: trace.table.casefold() if trace.table is not None else None,
        "began": _began,
        "since": _began,
        "state": _state,
        "outcome": lambda trace: trace.outcome,
        "answered_after": lambda trace: trace.answered_after,
        "failed": lambda trace: trace.failed,
    },
    filters={
        "transport": lambda trace: trace.transport,
        "to": lambda trace: trace.to,
        "table": lambda trace: trace.table,
        "state": _state,
        "outcome": lambda trace: trace.outcome,
        "failed": lambda trace: yes_or_no(trace.failed),
    },
    text=lambda trace: "\n".join(
        (trace.call, trace.caller, trace.callee, trace.outcome or "", trace.reason or "", trace.table or "")
    ),
    tie=lambda trace: trace.call,
    row=call_row,
)
