"""Calls in progress: what is relayed in them, and how they end. Pure.

How a call begins is in dialling.py. Every first offer ends here, in exactly one outcome for its caller.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, Raw

from signalling import frames, messages
from signalling.calls import Call, OfferState, Side, Verdict
from signalling.codes import AckState, ErrorCode, Reason
from signalling.deadlines import Deadlines
from signalling.journal import Journal
from signalling.outbox import Cancel, Outbox, Settle
from signalling.parties import Errand, ErrandKey, Exchange
from signalling.refusals import RETRY_SECONDS, Refusal
from signalling.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from signalling.calls import Callee, Caller
    from signalling.figures import Figures
    from signalling.limits import Limits


ERRAND_SPARE_SECONDS = 1.0
"""The forwarder has a deadline of its own and counts who misses it; ours comes later, in case it does not report."""
TARGET_FAILED = "no answer could be had from that address"
"""All failures after the policy allowed the address read alike: nobody scans a network through this server (T7)."""


class Calling:
    """The open calls: owns their registration with both parties, their deadlines, and the errands under way."""

    def __init__(self, outbox: Outbox, limits: Limits, timeout: float, figures: Figures) -> None:
        self._outbox = outbox
        self._figures = figures
        self._limits = limits
        self.timeout = timeout
        """Seconds that an offer waits for its answer."""
        self.open_calls: set[Call] = set()
        self.journal = Journal(self.open_calls, limits.traces)
        self.errands: dict[ErrandKey, Errand] = {}
        self._deadlines: Deadlines[tuple[Call, Side, int]] = Deadlines(timeout)
        self._errand_deadlines: Deadlines[tuple[Call, Side, int]] = Deadlines(timeout + ERRAND_SPARE_SECONDS)
        self._perform: dict[Verdict, Callable[[Session, Call, messages.CallMessage, float], None]] = {
            Verdict.RELAY: self._relay,
            Verdict.ACCEPT: self._accept,
            Verdict.END: self._hang_up,
            Verdict.COLLIDE: self._collide,
            Verdict.NOTE: self._note_report,
            Verdict.DROP: self._drop,
            Verdict.REFUSE: self._refuse,
        }

    def exchanges(self) -> list[Exchange]:
        """The callers over HTTP whose offer has not had its outcome."""
        return [call.caller for call in self.open_calls if isinstance(call.caller, Exchange)]

    # Opening and closing

    def open(self, call: Call, description: bytes, now: float) -> None:
        """Registers a new call with both parties; from here on it has exactly one outcome."""
        self.journal.begin(call, description, now)
        self.open_calls.add(call)
        self._figures.begin(call.trace.transport, now)
        if isinstance(call.caller, Session):
            call.caller.calls[call.id] = call
        else:
            call.caller.call = call
        if isinstance(call.callee, Session):
            call.callee.calls[call.id] = call
            call.callee.ringing[call.id] = call
        else:
            call.callee.call = call
            self.errands[call.callee.key] = call.callee
        deadlines = self._errand_deadlines if isinstance(call.callee, Errand) else self._deadlines
        deadlines.put((call, call.caller_side, call.caller_side.open()), now)

    def close(self, call: Call, now: float) -> None:
        """Forgets the call, but for the late messages of its parties."""
        self.open_calls.discard(call)
        self.journal.keep(call.trace, call.source, now)
        for party in (call.caller, call.callee):
            if isinstance(party, Session):
                del party.calls[call.id]
                party.ringing.pop(call.id, None)
                party.remember(call.id, now, self._limits.ended_call_seconds)
            else:
                party.call = None
        if isinstance(call.callee, Errand):
            del self.errands[call.callee.key]
            call.callee.body = b""  # the call may lie in a queue of deadlines for a while yet

    def conclude(
        self, call: Call, outcome: frames.Answer | frames.Reject | frames.Hangup | frames.Error, now: float
    ) -> None:
        """Ends an unanswered call: its caller is told this outcome."""
        self.acknowledge_errand(call)
        self.settle(call, outcome, now)
        self.close(call, now)
        if isinstance(call.caller, Session):
            self._outbox.send(call.caller, outcome)
        else:
            self._outbox.put(Settle(call.caller, outcome))

    def settle(
        self, call: Call, outcome: frames.Answer | frames.Reject | frames.Hangup | frames.Error, now: float
    ) -> None:
        """Keeps what became of an offer for the operator: of each in the trace, of the first one in figures and log."""
        is_first = call.trace.outcome is None
        call.trace.settle(outcome, now)
        if is_first:
            self._figures.end(call.trace, now)
            self._outbox.note("call " + str(outcome.__struct_config__.tag), call=call.id, **_why(outcome))

    def dismiss(self, call: Call, reason: str) -> None:
        """Tells the callee of an unanswered call that nobody waits for its answer any longer."""
        if isinstance(call.callee, Session):
            self._outbox.send(call.callee, frames.Hangup(call=call.id, from_=call.caller.peer, reason=reason))
        else:
            self._outbox.put(Cancel(call.callee))
            self._figures.forwards["withdrawn"] += 1

    def acknowledge_errand(self, call: Call) -> None:
        """The acknowledgement of an offer to an address, once, when its fate is known."""
        errand = call.callee
        if not isinstance(errand, Errand) or errand.message_id is None or not isinstance(call.caller, Session):
            return
        self._outbox.send(call.caller, frames.Ack(id=errand.message_id, state=AckState.DONE, trickle=False))
        errand.message_id = None

    # Messages within a call

    def handle(self, session: Session, message: messages.CallMessage, now: float) -> None:
        """One message of a party of a call. Raises Refusal."""
        call = session.calls.get(message.call)
        if call is not None:
            self._perform[call.verdict(message, session)](session, call, message, now)
        elif session.remembers(message.call, now):
            is_noted = isinstance(message, messages.Report) and self.journal.report(session.peer, message, now)
            self.acknowledge(session, message, AckState.DONE if is_noted else AckState.DROPPED)
        else:
            raise Refusal(ErrorCode.CALL_UNKNOWN, "you have no such call")

    def acknowledge(self, session: Session, message: messages.Message, state: AckState) -> None:
        """Answers a message that carries an `id`."""
        if message.id is not UNSET:
            self._outbox.send(session, frames.Ack(id=message.id, state=state))

    def acknowledge_delivery(self, session: Session, message: messages.Message, to: Caller | Callee) -> None:
        """Answers a message that is passed on; one to a peer that is away is held until it has resumed."""
        if message.id is UNSET:
            return
        is_held = isinstance(to, Session) and to.is_away
        self.acknowledge(session, message, AckState.HELD if is_held else AckState.DELIVERED)

    def _relay(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        other = call.other(session)
        assert isinstance(other, Session)  # noqa: S101 (a call with an HTTP party does not trickle and ends with its answer)
        if isinstance(message, messages.Candidate):
            self._relay_candidate(session, call, other, message, now)
        elif isinstance(message, messages.Offer):
            self.acknowledge_delivery(session, message, other)
            own, _ = call.sides(session)
            self._deadlines.put((call, own, own.open()), now)
            call.trace.describe("reoffer", call.role(session), message.description, now)
            self._outbox.send(other, self.offer_frame(call, session, other, message.description))

    def _relay_candidate(
        self, session: Session, call: Call, other: Session, message: messages.Candidate, now: float
    ) -> None:
        """Most of all messages are these."""
        if other.is_away:
            self._check_held(session, call, other, message)
        self.acknowledge_delivery(session, message, other)
        candidate, candidates = message.candidate, message.candidates
        frame = frames.Candidate(call=call.id, from_=session.peer, candidate=candidate, candidates=candidates)
        self._outbox.send(other, frame)
        call.trace.candidate(call.role(session), candidate or candidates or b"", now)

    def _check_held(self, session: Session, call: Call, other: Session, message: messages.Candidate) -> None:
        is_strangers = session is call.caller and not call.answered and call.table is None
        size = len(message.candidate or b"") + len(message.candidates or b"")
        if is_strangers and not other.has_room_for_stranger(size, 1):
            raise too_much_held()

    def offer_frame(self, call: Call, sender: Session, receiver: Session, description: Raw) -> frames.Offer:
        """An offer as its receiver gets it."""
        return frames.Offer(
            call=call.id,
            from_=sender.peer,
            name=sender.name if sender.name is not None else UNSET,
            description=description,
            polite=call.is_polite(receiver),
            trickle=call.trickle,
            table=call.table if call.table is not None else UNSET,
            expires=frames.plain(self.timeout),
        )

    def _accept(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        self.acknowledge_delivery(session, message, call.other(session))
        if isinstance(message, messages.Answer):
            self._answer(session, call, message, now)
        elif isinstance(message, messages.Reject):
            self._reject(session, call, message, now)

    def _answer(self, session: Session, call: Call, message: messages.Answer, now: float) -> None:
        answer = frames.Answer(call=call.id, from_=session.peer, description=message.description)
        other = call.other(session)
        if not isinstance(other, Session):
            self.conclude(call, answer, now)
            return
        _, offering = call.sides(session)
        offering.state = OfferState.IDLE
        self.settle(call, answer, now)
        if not call.answered:
            call.answered = True
            session.ringing.pop(call.id, None)
        self._outbox.send(other, answer)

    def _reject(self, session: Session, call: Call, message: messages.Reject, now: float) -> None:
        reject = frames.Reject(call=call.id, from_=session.peer, reason=message.reason)
        if not call.answered:
            self.conclude(call, reject, now)
            return
        _, offering = call.sides(session)
        offering.state = OfferState.LAPSED
        call.trace.note(now, "reject", call.role(session), message.reason)
        other = call.other(session)
        if isinstance(other, Session):
            self._outbox.send(other, reject)

    def _hang_up(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        reason = message.reason if isinstance(message, messages.Hangup) else Reason.GONE
        if isinstance(call.callee, Errand):
            self.acknowledge_errand(call)
            self.acknowledge(session, message, AckState.DONE)
        else:
            self.acknowledge_delivery(session, message, call.other(session))
        self.leave(session, call, reason, now)

    def _collide(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        call.trace.note(now, "glare", call.role(session))
        if call.is_polite(session):
            self.acknowledge(session, message, AckState.DROPPED)
            return
        _, other = call.sides(session)
        other.state = OfferState.LAPSED
        self._relay(session, call, message, now)

    def _note_report(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        if isinstance(message, messages.Report):
            call.trace.report(call.role(session), message, now)
        self.acknowledge(session, message, AckState.DONE)

    def _drop(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        self.acknowledge(session, message, AckState.DROPPED)

    def _refuse(self, session: Session, call: Call, message: messages.CallMessage, now: float) -> None:
        raise Refusal(ErrorCode.CALL_STATE, f"{messages.type_of(message)} is not possible in this state of the call")

    def note(self, session: Session, event: Literal["connection_lost", "resumed"], now: float) -> None:
        """What happens to a session is seen by the operator in each of its calls."""
        for call in session.calls.values():
            call.trace.note(now, event, call.role(session))

    # Endings

    def leave(self, session: Session, call: Call, reason: str, now: float) -> None:
        """The session hangs up: the other party is told, and an unanswered call has had its outcome."""
        hangup = frames.Hangup(call=call.id, from_=session.peer, reason=reason)
        if call.answered:
            other = call.other(session)
            self.settle(call, hangup, now)
            self.close(call, now)
            if isinstance(other, Session):
                self._outbox.send(other, hangup)
            self._outbox.note("call ended", call=call.id, by=session.peer, reason=reason)
        elif session is call.callee:
            self.conclude(call, hangup, now)
        else:
            self.settle(call, hangup, now)
            self.close(call, now)
            self.dismiss(call, reason)

    def sever(self, call: Call, reason: Reason, now: float) -> None:
        """Ends a call between two sessions; both are told."""
        caller, callee = call.caller, call.callee
        self.settle(call, frames.Hangup(call=call.id, from_="", reason=reason), now)
        self.close(call, now)
        for party, other in ((caller, callee), (callee, caller)):
            if isinstance(party, Session) and isinstance(other, Session):
                self._outbox.send(party, frames.Hangup(call=call.id, from_=other.peer, reason=reason))
        if call.answered:
            self._outbox.note("call ended", call=call.id, reason=reason)

    def desert(self, session: Session, reason: Reason, now: float) -> None:
        """The session has ended, and so do all its calls."""
        for call in list(session.calls.values()):
            if call.answered or session is call.caller:
                self.acknowledge_errand(call)
                self.leave(session, call, reason, now)
                continue
            code = ErrorCode.DRAINING if reason is Reason.DRAINING else ErrorCode.PEER_GONE
            self.conclude(call, self._failure(call, code, "the peer that you called has left", reason), now)

    def cast_out(self, exchange: Exchange, detail: str, retry_after: int, now: float) -> None:
        """The operator ends what this HTTP caller waits for, if it still does."""
        call = exchange.call
        if call is None:
            return
        self.dismiss(call, Reason.DISCONNECTED)
        forbidden = frames.Error(code=ErrorCode.FORBIDDEN, message=detail, call=call.id, retry_after=retry_after)
        self.conclude(call, forbidden, now)

    def withdraw(self, exchange: Exchange, now: float) -> None:
        """The HTTP caller has hung up. Nothing happens when its offer has had its outcome."""
        call = exchange.call
        if call is None:
            return
        call.trace.settle(frames.Hangup(call=call.id, from_=exchange.peer, reason=Reason.GONE), now)
        self.close(call, now)
        self.dismiss(call, Reason.GONE)
        self._figures.end(call.trace, now)
        self._outbox.note("offer withdrawn", call=call.id)

    def collide(self, call: Call, now: float) -> None:
        """The callee of this unanswered call has called its caller, and the other call stays."""
        assert isinstance(call.callee, Session)  # noqa: S101 (glare is between two sessions)
        self.dismiss(call, Reason.GLARE)
        self.conclude(call, frames.Reject(call=call.id, from_=call.callee.peer, reason=Reason.GLARE), now)

    def fail(self, call: Call, code: ErrorCode, detail: str, now: float) -> None:
        """Ends an unanswered call for a reason that is not its callee's."""
        self.conclude(call, self._failure(call, code, detail), now)

    def drain(self, now: float) -> None:
        """Ends all that is unanswered."""
        for call in [call for call in self.open_calls if not call.answered]:
            self.dismiss(call, Reason.DRAINING)
            failure = self._failure(call, ErrorCode.DRAINING, "the server is going away", Reason.DRAINING)
            self.conclude(call, failure, now)

    # Deadlines

    def next_deadline(self) -> float | None:
        """When `expire` has something to do, or None."""
        times = [when for when in (self._deadlines.next(), self._errand_deadlines.next()) if when is not None]
        return min(times, default=None)

    def expire(self, now: float) -> None:
        """Ends the offers that have waited too long."""
        for call, side, serial in chain(self._deadlines.due(now), self._errand_deadlines.due(now)):
            if call in self.open_calls and side.state is OfferState.OPEN and side.serial == serial:
                self._time_out(call, side, now)

    def _time_out(self, call: Call, side: Side, now: float) -> None:
        timeout = self._failure(call, ErrorCode.ANSWER_TIMEOUT, "no answer came in time")
        if call.answered:
            side.state = OfferState.LAPSED
            call.trace.note(now, "timeout")
            if isinstance(side.party, Session):
                self._outbox.send(side.party, timeout)
            return
        self.dismiss(call, Reason.TIMEOUT)
        if isinstance(call.callee, Errand):
            self.fail(call, ErrorCode.TARGET_FAILED, TARGET_FAILED, now)
        else:
            self.conclude(call, timeout, now)

    def _failure(self, call: Call, code: ErrorCode, detail: str, reason: Reason | None = None) -> frames.Error:
        return frames.Error(code=code, message=detail, call=call.id, reason=reason if reason is not None else UNSET)


def too_much_held() -> Refusal:
    """Of a message to a peer that is away and knows nothing of its sender."""
    detail = "that peer has lost its connection, and too much waits for it"
    return Refusal(ErrorCode.LIMIT_EXCEEDED, detail, RETRY_SECONDS, limit="buffer_bytes")


def _why(outcome: frames.Frame) -> dict[str, str]:
    if isinstance(outcome, frames.Error):
        return {"code": outcome.code}
    if isinstance(outcome, frames.Reject | frames.Hangup):
        return {"reason": outcome.reason}
    return {}
