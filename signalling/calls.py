"""A call: one negotiation between two parties, and the table of what either may say in it when. Pure.

The table follows the offer/answer model (RFC 3264, RFC 8829) and W3C's perfect negotiation: each side has at most one
open offer, and when both have one, the polite side's is void. What is sent in consequence is decided in calling.py.
"""

from __future__ import annotations

from enum import Enum, IntEnum, auto
from typing import TYPE_CHECKING

from signalling import messages

if TYPE_CHECKING:
    from signalling import traces
    from signalling.parties import Errand, Exchange
    from signalling.sessions import Session

    Caller = Session | Exchange
    Callee = Session | Errand


class OfferState(Enum):
    """What became of the latest offer of one side."""

    IDLE = auto()
    """None was made yet, or it was answered."""
    OPEN = auto()
    LAPSED = auto()
    """Void by glare, timed out or rejected: an answer that still comes has crossed with that."""


class Stage(IntEnum):
    """Where a call stands as its sender sees it."""

    DIALLING = auto()
    """Own first offer is unanswered."""
    RINGING = auto()
    """The other's first offer is unanswered."""
    STABLE = auto()
    WAITING = auto()
    """Own later offer is open."""
    CROSSED = auto()
    """Own later offer is open and has made the other's void."""
    ASKED = auto()
    """The other's later offer is open."""
    LAPSED = auto()
    """No offer is open, and the other's latest has lapsed."""


class Verdict(IntEnum):
    """What is to be done with a message. (The hash of a plain Enum is computed in Python, at each look-up.)"""

    RELAY = auto()
    ACCEPT = auto()
    """It settles the other's open offer."""
    END = auto()
    COLLIDE = auto()
    """A second open offer: whose is void depends on who is polite."""
    NOTE = auto()
    """It is for the operator: written into the trace, and not relayed."""
    DROP = auto()
    """It merely crossed with something: no error, nothing delivered."""
    REFUSE = auto()
    """`call_state`."""


_STAGES = (Stage.DIALLING, Stage.RINGING, Stage.STABLE, Stage.WAITING, Stage.CROSSED, Stage.ASKED, Stage.LAPSED)


def _row(*verdicts: Verdict) -> dict[Stage, Verdict]:
    return dict(zip(_STAGES, verdicts, strict=True))


_REFUSE, _RELAY, _ACCEPT, _DROP = Verdict.REFUSE, Verdict.RELAY, Verdict.ACCEPT, Verdict.DROP

# fmt: off
#                              dialling  ringing  stable   waiting  crossed  asked            lapsed
_SETTLING = _row(              _REFUSE,  _ACCEPT, _REFUSE, _REFUSE, _DROP,   _ACCEPT,         _DROP)
ALLOWED: dict[type[messages.CallMessage], dict[Stage, Verdict]] = {
    messages.Offer:     _row(  _REFUSE,  _REFUSE, _RELAY,  _REFUSE, _REFUSE, Verdict.COLLIDE, _RELAY),
    messages.Answer:    _SETTLING,
    messages.Reject:    _SETTLING,
    messages.Candidate: _row(*[_RELAY] * 7),
    messages.Hangup:    _row(*[Verdict.END] * 7),
    messages.Report:    _row(  _REFUSE,  _REFUSE, *[Verdict.NOTE] * 5),
}
# fmt: on
_AT_ANY_STAGE = {kind: next(iter(row.values())) for kind, row in ALLOWED.items() if len(set(row.values())) == 1}
"""The verdicts for which nobody need ask how the call stands: candidates are most of what is sent."""


class Side:
    """One party of a call and its latest offer."""

    __slots__ = ("party", "serial", "state")

    def __init__(self, party: Caller | Callee) -> None:
        self.party = party
        self.state = OfferState.IDLE
        self.serial = 0
        """Counts this side's offers, so that a deadline knows whether it is still about the latest."""

    def open(self) -> int:
        """Notes a new offer and returns its serial number."""
        self.state = OfferState.OPEN
        self.serial += 1
        return self.serial


class Call:
    """Open from its first offer until it ends; `answered` once that offer was."""

    __slots__ = (
        "answered",
        "callee",
        "callee_side",
        "caller",
        "caller_side",
        "id",
        "table",
        "trace",
        "trickle",
    )

    trace: traces.Trace
    """Begins when the call is opened."""

    def __init__(
        self, call_id: str, caller: Caller, callee: Callee, *, trickle: bool, table: str | None = None
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.callee = callee
        self.trickle = trickle
        """Fixed by the first offer: without it, descriptions are complete and no candidates travel."""
        self.table = table
        """The table at which both sat when it began."""
        self.answered = False
        self.caller_side = Side(caller)
        self.callee_side = Side(callee)

    def sides(self, sender: Session) -> tuple[Side, Side]:
        """The sender's own side and the other one."""
        if sender is self.caller:
            return self.caller_side, self.callee_side
        return self.callee_side, self.caller_side

    @property
    def source(self) -> str:
        """Its caller's IPv4 address or IPv6 /64: what limits count."""
        return self.caller.source

    def role(self, party: Session) -> traces.Side:
        """Which party of the call it is."""
        return "caller" if party is self.caller else "callee"

    def other(self, party: Session) -> Caller | Callee:
        """The party at the other end."""
        return self.callee if party is self.caller else self.caller

    def is_polite(self, party: Session) -> bool:
        """W3C perfect negotiation: the callee is polite, the caller is not; constant for the call."""
        return party is self.callee

    def stage(self, sender: Session) -> Stage:
        """Where the call stands for this sender."""
        if not self.answered:
            return Stage.DIALLING if sender is self.caller else Stage.RINGING
        own, other = self.sides(sender)
        if own.state is OfferState.OPEN:
            return Stage.CROSSED if other.state is OfferState.LAPSED else Stage.WAITING
        if other.state is OfferState.OPEN:
            return Stage.ASKED
        return Stage.LAPSED if other.state is OfferState.LAPSED else Stage.STABLE

    def verdict(self, message: messages.CallMessage, sender: Session) -> Verdict:
        """What this message of this sender means now."""
        kind = type(message)
        if kind is messages.Candidate and not self.trickle:
            return Verdict.REFUSE
        return _AT_ANY_STAGE.get(kind) or ALLOWED[kind][self.stage(sender)]
