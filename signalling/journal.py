"""The journal: the traces of calls, while they are open and for a while after. Pure.

What is in a trace, and what must not be, is said in traces.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from signalling.codes import Reason
from signalling.parties import Errand
from signalling.sessions import Session
from signalling.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Collection

    from signalling import frames, messages
    from signalling.calls import Call
    from signalling.refusals import Refusal
    from signalling.traces import Side

REFUSED_PART = 10
"""A tenth of the traces at most is of offers that reached nobody. Anybody makes those, as fast as messages are taken
up, and they shall not push out the calls that somebody may ask about."""
SOURCE_PART = 10
"""Callers of one address who have a tenth of the traces push out only their own. A few sessions that call each other
would otherwise make everybody's forgotten in seconds."""

_MEDIA_GO_ON = (None, Reason.GONE, Reason.DRAINING, "failed")
"""Reasons with which a call ends and its connection need not (docs/protocol.md); with `failed` it had ended before."""


class Journal:
    """The traces of the calls that are open, and of the latest that have ended: at most so many of these.

    Of ended calls with the same id only the latest is kept.
    """

    def __init__(self, open_calls: Collection[Call], traces: int) -> None:
        self._open_calls = open_calls
        self._most = traces
        self._ended = Shelf(traces // SOURCE_PART)
        self._refused = Shelf(traces // SOURCE_PART)
        """Of offers that reached nobody."""

    def traces(self) -> list[Trace]:
        """All of them, in any order."""
        return [*(call.trace for call in self._open_calls), *self._ended.traces(), *self._refused.traces()]

    def find(self, call: str) -> Trace | None:
        """The trace of the call with this id: one that is open, else the one that ended last."""
        is_open = [each.trace for each in self._open_calls if each.id == call]
        if is_open:
            return max(is_open, key=lambda trace: trace.began)
        ended = [trace for shelf in (self._ended, self._refused) if (trace := shelf.find(call)) is not None]
        return max(ended, key=lambda trace: trace.ended or 0, default=None)

    def report(self, peer: str, report: messages.Report, now: float) -> bool:
        """What a party of a call that was answered and has ended says of it; False when it is none, or forgotten."""
        trace = self._ended.find(report.call)
        side = trace.side_of(peer) if trace is not None else None
        if trace is None or side is None or trace.outcome != "answer":
            return False
        if not _is_left_behind(trace, side, report):
            trace.report(side, report, now)
        return True

    def begin(self, call: Call, description: bytes, now: float) -> None:
        """A call was opened by an offer with this description."""
        caller, callee = call.caller, call.callee
        to_address = isinstance(callee, Errand)
        trace = call.trace = Trace(
            call=call.id,
            caller=caller.peer,
            callee="" if isinstance(callee, Errand) else callee.peer,
            transport="websocket" if isinstance(caller, Session) else "http",
            to="address" if to_address else "session",
            began=now,
            table=call.table,
        )
        trace.describe("offer", "caller", description, now)
        if isinstance(callee, Session):
            trace.reach("held" if callee.is_away else "delivered", now)

    def refuse(self, trace: Trace, source: str, refusal: Refusal) -> None:
        """A first offer is refused at once: a trace of it is all there is."""
        trace.note(trace.began, "offer", "caller")
        trace.refuse(refusal.code, refusal.limit, trace.began)
        self.keep(trace, source, trace.began)

    def lose(self, trace: Trace, source: str, outcome: frames.Reject) -> None:
        """The same of a first offer that lost by glare before it was delivered."""
        trace.note(trace.began, "offer", "caller")
        trace.settle(outcome, trace.began)
        self.keep(trace, source, trace.began)

    def keep(self, trace: Trace, source: str, now: float) -> None:
        """The call has ended. `source` is its caller's address, of which nothing is in the trace."""
        trace.ended = now
        has_met = trace.reached_somebody or trace.outcome == "answer"
        shelf = self._ended if has_met else self._refused
        shelf.put(trace, source)
        if len(self._refused) * REFUSED_PART > self._most:
            self._refused.make_room(source)
        elif len(self._ended) + len(self._refused) > self._most:
            self._ended.make_room(source)


class Shelf:
    """Traces by call, in the order in which they were put there, and which of them are of callers of one address."""

    def __init__(self, each: int) -> None:
        """`each`: how many a source may have before it makes room for its own."""
        self._each = each
        self._traces: dict[str, tuple[Trace, str]] = {}
        self._of_source: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._traces)

    def traces(self) -> list[Trace]:
        """All of them, the one that was put there first first."""
        return [trace for trace, _ in self._traces.values()]

    def find(self, call: str) -> Trace | None:
        """The one of this call."""
        found = self._traces.get(call)
        return None if found is None else found[0]

    def put(self, trace: Trace, source: str) -> None:
        """Adds a trace; one of the same call gives way to it."""
        if trace.call in self._traces:
            self._drop(trace.call)
        self._traces[trace.call] = trace, source
        self._of_source.setdefault(source, {})[trace.call] = None

    def make_room(self, source: str) -> None:
        """Drops the oldest: of this source, if it has more than its part, else of all."""
        own = self._of_source.get(source, {})
        self._drop(next(iter(own if len(own) > self._each else self._traces)))

    def _drop(self, call: str) -> None:
        _, source = self._traces.pop(call)
        own = self._of_source[source]
        del own[call]
        if not own:
            del self._of_source[source]


def _is_left_behind(trace: Trace, side: Side, report: messages.Report) -> bool:
    """A connection that worked fails at one end when the other end hangs up: that is no failure of the call."""
    worked = side in trace.reports and trace.reports[side].state == "connected"
    return worked and report.state == "failed" and trace.reason not in _MEDIA_GO_ON
