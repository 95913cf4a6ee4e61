"""What may stand in a trace: ids, names of tables, numbers, words of closed vocabularies, and nothing peers say."""

import re

from signalling.identity import UUID_PATTERN
from signalling.limits import Limits
from signalling.traces import FIRST_MOMENTS, LATEST_MOMENTS, Moment, Report, Trace

_UUID = UUID_PATTERN.removeprefix("^").removesuffix(r"\Z")
_TYPE = "(host|srflx|prflx|relay)"
_WORD = r"[a-z][a-z_]{0,31}"
_REPORT = rf"(connected|failed)(, {_TYPE} to {_TYPE}|, local {_TYPE}|, remote {_TYPE})?"
_PATTERNS = {
    "call": _UUID,
    "caller": _UUID,
    "callee": rf"({_UUID})?",
    "transport": "websocket|http",
    "to": "session|address",
    "table": "[a-z]{0,10}",  # as the tests name theirs
    "outcome": _WORD,
    "reason": _WORD,
    "ended_by": "caller|callee",
    "limit": "|".join(Limits.model_fields),
    "event": _WORD,
    "by": "caller|callee",
    "detail": f"{_WORD}|{_REPORT}",
    "state": "connected|failed",
    "local": _TYPE,
    "remote": _TYPE,
}


def check_words(trace: Trace) -> None:
    """Fails when there is anything else in the trace, in whatever attribute."""
    for name in Trace.__struct_fields__:
        _check(name, getattr(trace, name))
    for moment in trace.moments:
        for name, value in zip(Moment._fields, moment, strict=True):
            _check(name, value)
    for report in trace.reports.values():
        for name, value in zip(Report._fields, report, strict=True):
            _check(name, value)
    assert len(trace.moments) <= FIRST_MOMENTS + LATEST_MOMENTS


def _check(name: str, value: object) -> None:
    if isinstance(value, str):
        assert re.fullmatch(_PATTERNS[name], value), (name, value)
    elif name in {"_moments", "_counts", "gathered", "reports"}:
        return  # looked at through what shows them
    else:
        assert value is None or isinstance(value, (bool, int, float)), (name, value)
