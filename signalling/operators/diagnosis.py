"""Why a call failed, or that it is well: a trace in plain words, for operators. Pure.

What happened is in the trace (traces.py); here is only what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from signalling.codes import Reason
from signalling.limits import Limits
from signalling.traces import GLARE, SIDES, WITHDRAWN

if TYPE_CHECKING:
    from signalling.traces import Moment, Side, Trace

_ENDED = {
    GLARE: "Both dialled each other at once: this call gave way, and the other one stays.",
    "peer_unavailable": "There was no such peer: nobody with the callee's id was connected. "
    "It had gone, or the id is wrong.",
    "draining": "The server was about to stop.",
    "table_unknown": "The offer was refused: caller and callee did not both sit at the table that it named.",
    "bad_peer": "The offer was refused: what was dialled is neither another peer's id nor an identifier.",
    "bad_message": "The offer was refused: what it gave as the callee's address is none.",
    "call_exists": "The offer was refused: a call with this id was open already. "
    "When both sides dial again at once, this is the one that came second.",
    "identity_taken": "The offer was refused: it came over HTTP and claimed the id of a peer who is connected here.",
    "loop": "The offer was refused: it had been posted on by a signalling server already.",
    "forbidden": "The offer was refused: its caller is banned.",
    "target_not_allowed": "The offer was for an address to which nothing is posted from here "
    "(`forward` and `forwardallow` in the configuration).",
}
_REJECTED = {
    "busy": "The callee was busy.",
    "failed": "The callee wanted the call, and its software could not take the offer.",
    "unsupported": "The callee rejected the call: its software does not support what was offered.",
}
_CALLEE_GONE: dict[str, str] = {
    Reason.BYE: "The callee left before it answered.",
    Reason.DISCONNECTED: "The server closed the callee's connection for good before it answered.",
}
_CALLER_GONE: dict[str, str] = {
    Reason.BYE: "The caller left before an answer came.",
    Reason.GONE: "The caller lost its connection before an answer came, and did not come back in time.",
    Reason.DISCONNECTED: "The server closed the caller's connection for good before an answer came.",
}


def diagnose(trace: Trace, *, has_stun: bool, has_turn: bool) -> str:
    """One or two sentences. The flags say what the configuration offers to clients."""
    if trace.outcome is None:
        return _waits(trace)
    if trace.outcome != "answer":
        return _never_answered(trace)
    if _has_failed(trace):
        return _failed(trace, has_stun=has_stun, has_turn=has_turn)
    if any(report.state == "connected" for report in trace.reports.values()):
        return _works(trace)
    return _unknown(trace, has_stun=has_stun, has_turn=has_turn)


# Without an answer


def _waits(trace: Trace) -> str:
    if trace.to == "address":
        return "The offer was for an address, and no answer has come yet."
    if not _is_away(trace):
        return "The callee has the offer and has not answered yet."
    if _was_held(trace):
        return "The callee had lost its connection when the offer came: it is held until the callee is back."
    return "The callee got the offer and lost its connection, and is not back yet."


def _never_answered(trace: Trace) -> str:
    outcome, reason = str(trace.outcome), trace.reason or ""
    if trace.limit is not None and outcome != "target_failed":
        return f"The offer was refused by the limit `{trace.limit}`: {_limit_in_words(trace.limit)}."
    if outcome == "reject":
        return _REJECTED.get(reason, f"The callee rejected the call ({reason}).")
    if outcome == WITHDRAWN:
        return f"The caller closed its HTTP request after {_duration(trace)}, before an answer came."
    if outcome == "hangup":
        return _hung_up_unanswered(trace, reason)
    if outcome == "answer_timeout":
        return _timed_out(trace)
    if outcome == "peer_gone":
        return _callee_gone(trace, reason)
    if outcome == "target_failed":
        return _target_failed(trace)
    if outcome == "forbidden" and trace.reached_somebody:
        return "An operator disconnected the caller before an answer came."
    return _ENDED.get(outcome, f"The offer was refused (`{outcome}`).")


def _limit_in_words(limit: str) -> str:
    if limit == "buffer_bytes":
        return "the callee had lost its connection, and too much was held for it already"
    return str(Limits.model_fields[limit].description)


def _hung_up_unanswered(trace: Trace, reason: str) -> str:
    if trace.ended_by is None:
        return "The host of the table sent one of the two away before an answer came."
    if trace.ended_by == "callee":
        return f"The callee hung up instead of answering ({reason})."
    return _CALLER_GONE.get(reason, f"The caller hung up after {_duration(trace)}, before an answer came ({reason}).")


def _timed_out(trace: Trace) -> str:
    no_answer = f"gave no answer within {_duration(trace)}"
    if _is_away(trace):
        return _lost_for_good(trace)
    back_after = _resumed_after(trace)
    if back_after is None:
        return f"The callee got the offer and {no_answer}: nobody took the call."
    return f"The callee {_loss(trace)}, was back {_seconds(back_after)} after the offer, and {no_answer}."


def _callee_gone(trace: Trace, reason: str) -> str:
    if reason in _CALLEE_GONE:
        return _CALLEE_GONE[reason]
    return _lost_for_good(trace) if _is_away(trace) else "The callee began a new session before it answered."


def _lost_for_good(trace: Trace) -> str:
    return f"The callee {_loss(trace)} and did not come back in time."


def _loss(trace: Trace) -> str:
    """The first one: since then the offer has waited for the callee."""
    if _was_held(trace):
        return "had lost its connection when the offer came"
    return f"lost its connection {_seconds(_lost_after(trace))} after the offer"


def _target_failed(trace: Trace) -> str:
    if trace.limit == "breaker_failures":
        return "The address had failed several times in a row, and is left alone for a while: nothing was posted."
    if trace.reached_somebody:
        return "The offer was posted to an address, and no answer came: nobody listens there, or not for such offers."
    return "The offer could not be posted: its address could not be looked up or reached."


# With an answer


def _has_failed(trace: Trace) -> bool:
    """A client that gives up hangs up with `failed`, whether or not it reports."""
    return trace.failed or (trace.reason == "failed" and _connected_after(trace) is None)


def _connected_after(trace: Trace, by: Side | None = None) -> float | None:
    """When a party, or this one, first reported a connection."""
    reports = (moment for moment in trace.moments if moment.event == "report" and by in (None, moment.by))
    return next((report.seconds for report in reports if str(report.detail).startswith("connected")), None)


def _works(trace: Trace) -> str:
    pair = next((report for report in trace.reports.values() if report.local or report.remote), None)
    way = "connected"
    if pair is not None:
        types = " to ".join(kind for kind in (pair.local, pair.remote) if kind)
        way = f"connected {'through a relay' if 'relay' in pair else 'directly'} ({types})"
    sentence = f"The call was answered after {_seconds(trace.answered_after)} and {way} after "
    return f"{sentence}{_seconds(_connected_after(trace))}: it is well.{_ending(trace)}"


def _ending(trace: Trace) -> str:
    if trace.ended is None or trace.reason is None:
        return ""
    if trace.reason in (Reason.GONE, Reason.DRAINING):
        return f" Its signalling ended after {_duration(trace)} ({trace.reason}), which ends no media."
    if trace.ended_by is None:
        return f" It ended after {_duration(trace)} ({trace.reason})."
    if trace.reason == Reason.BYE:
        return f" The {trace.ended_by} left after {_duration(trace)}."
    if trace.reason == Reason.DISCONNECTED:
        return f" The server closed the {trace.ended_by}'s connection for good after {_duration(trace)}."
    return f" The {trace.ended_by} hung up after {_duration(trace)} ({trace.reason})."


def _failed(trace: Trace, *, has_stun: bool, has_turn: bool) -> str:
    failing = [side for side in SIDES if side in trace.reports and trace.reports[side].state == "failed"]
    works_for = [side for side in SIDES if side in trace.reports and side not in failing]
    worked_after = _connected_after(trace, failing[0] if failing else None)
    if worked_after is not None:
        after = _seconds(worked_after)
        return f"The call was connected after {after} and failed later: the network of a party changed or went away."
    if works_for:
        return (
            f"The {works_for[0]} reports that the call is connected, and the {failing[0]} that it failed: "
            "packets pass in one direction only, or the media could not be encrypted (DTLS)."
        )
    cause = _cause(trace, has_stun=has_stun, has_turn=has_turn)
    return f"The call was answered after {_seconds(trace.answered_after)}, and no path was found. {cause or _BLOCKED}"


def _unknown(trace: Trace, *, has_stun: bool, has_turn: bool) -> str:
    over_http = trace.transport == "http" or trace.to == "address"
    who = "clients over HTTP do not report" if over_http else "neither party has reported"
    after = _seconds(trace.answered_after)
    known = f"The call was answered after {after}; whether it works is not known, for {who}."
    cause = _cause(trace, has_stun=has_stun, has_turn=has_turn)
    return f"{known} If it does not: {cause[0].lower()}{cause[1:]}" if cause else known


# Why there is no path: RFC 8445, section 2, has the four types, and what each is for

_BLOCKED = (
    "Both sides have relay candidates: a firewall blocks what they send to the TURN server, or that refuses to relay "
    "(its credentials, or the addresses that it denies)."
)


def _cause(trace: Trace, *, has_stun: bool, has_turn: bool) -> str | None:
    """What the candidates tell; None when there is a relay on both sides."""
    candidates = trace.candidates
    without = [side for side in SIDES if not candidates[side] and not _needs_none(trace, side)]
    if without:
        whom = "either side" if len(without) == 2 else f"the {without[0]}"
        return f"No candidate came from {whom}: its network or its software gave it no address to be reached at."
    relayed = [side for side in SIDES if candidates[side]["relay"]]
    if len(relayed) == 2:
        return None
    if relayed:
        other = "callee" if relayed[0] == "caller" else "caller"
        return f"Only the {relayed[0]} has relay candidates: the {other} reaches neither these nor a TURN server."
    only_host = [side for side in SIDES if set(candidates[side]) == {"host"}]
    return f"{_only_host(only_host, has_stun)}{'and there' if only_host else 'There'} is {_no_relay(has_turn)}"


def _needs_none(trace: Trace, side: Side) -> bool:
    """Offers of clients over HTTP hold no candidates: those of the answer are enough where one side can be reached."""
    return side == "caller" and trace.transport == "http"


def _only_host(sides: list[Side], has_stun: bool) -> str:
    if not sides:
        return ""
    who = "Both sides have" if len(sides) == 2 else f"The {sides[0]} has"
    why = "a STUN server is configured and not reached" if has_stun else "no STUN server is configured"
    return f"{who} host candidates only ({why}), "


def _no_relay(has_turn: bool) -> str:
    if has_turn:
        return "no relay candidate on either side: the TURN server is not reached, or refuses the credentials."
    return "no relay candidate on either side: no TURN server is configured."


# Facts


def _was_held(trace: Trace) -> bool:
    return any(moment.event == "held" for moment in trace.moments)


def _is_away(trace: Trace) -> bool:
    """Whether the callee had no connection when last something was known of that."""
    known = [moment.event for moment in trace.moments if moment.event == "held" or _is_callees_line(moment)]
    return bool(known) and known[-1] != "resumed"


def _is_callees_line(moment: Moment) -> bool:
    return moment.by == "callee" and moment.event in ("connection_lost", "resumed")


def _lost_after(trace: Trace) -> float | None:
    lines = (moment for moment in trace.moments if _is_callees_line(moment))
    return next((moment.seconds for moment in lines if moment.event == "connection_lost"), None)


def _resumed_after(trace: Trace) -> float | None:
    """The last time, which is when the callee could answer at last."""
    lines = [moment for moment in trace.moments if _is_callees_line(moment) and moment.event == "resumed"]
    return lines[-1].seconds if lines else None


def _duration(trace: Trace) -> str:
    return _seconds(None if trace.ended is None else trace.ended - trace.began)


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "some time"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
