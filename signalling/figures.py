"""What is counted while the server runs. Pure.

Counters only grow, and each thing is counted once, where it happens. Refusals by limit are counted in tally.py; how
many of what there are at a moment is asked of those who own it, and what an operator sees of it all is in overview.py.
`now` is monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from signalling.codes import ErrorCode, Reason
from signalling.histogram import Histogram
from signalling.lasthour import LastHour, Totals
from signalling.messages import ClientMessage
from signalling.traces import GLARE, WITHDRAWN, Transport

if TYPE_CHECKING:
    from signalling.tally import Tally
    from signalling.traces import Trace

TRANSPORTS: tuple[Transport, ...] = get_args(Transport)
Resume = Literal["resumed", "too_late", "wrong_secret", "overrun", "rate_limited"]
"""How an attempt to resume went. `too_late`: there is no session of this peer; `overrun`: frames that it asked for are
no longer held, or were never sent."""
Forward = Literal["answered", "not_allowed", "limited", "failed", "withdrawn"]
"""What became of an offer to an address. `limited`: by a limit; `withdrawn`: its call ended before its answer came."""

OTHER = "other"
OUTCOMES: tuple[str, ...] = (
    "answer",
    "reject",
    "hangup",
    GLARE,
    WITHDRAWN,
    *(
        ErrorCode.PEER_UNAVAILABLE,
        ErrorCode.PEER_GONE,
        ErrorCode.ANSWER_TIMEOUT,
        ErrorCode.TARGET_FAILED,
        ErrorCode.TARGET_NOT_ALLOWED,
        ErrorCode.RATE_LIMITED,
        ErrorCode.LIMIT_EXCEEDED,
        ErrorCode.CALL_EXISTS,
        ErrorCode.TABLE_UNKNOWN,
        ErrorCode.IDENTITY_TAKEN,
        ErrorCode.FORBIDDEN,
        ErrorCode.BAD_PEER,
        ErrorCode.BAD_MESSAGE,
        ErrorCode.LOOP,
        ErrorCode.DRAINING,
    ),
    OTHER,
)
"""How the first offer of a call may end, as its trace says; the first is the good one. Errors that refuse the offer at
once are among them."""
UNJUDGED = frozenset(
    {
        GLARE,
        ErrorCode.RATE_LIMITED,
        ErrorCode.LIMIT_EXCEEDED,
        ErrorCode.FORBIDDEN,
        ErrorCode.BAD_PEER,
        ErrorCode.BAD_MESSAGE,
        ErrorCode.CALL_EXISTS,
        ErrorCode.TABLE_UNKNOWN,
        ErrorCode.IDENTITY_TAKEN,
    }
)
"""Neither successes nor failures. Of two calls that cross one stays; what limits refuse may be a flood, and so may what
comes from those whom an operator has banned; the others are the caller's own mistakes, made as often as it likes."""
FAILURES = tuple(index for index, outcome in enumerate(OUTCOMES) if index and outcome not in UNJUDGED)

BAD = "bad"
MESSAGE_TYPES = (*(str(message.__struct_config__.tag) for message in get_args(ClientMessage)), BAD)
SESSION_ENDS = (Reason.BYE, Reason.GONE, Reason.DISCONNECTED, Reason.DRAINING)
ANSWER_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)
"""Seconds from an offer to its answer: a program answers in milliseconds, a person takes a while."""
LAG_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Figures:
    """The counters of one process. Whoever counts adds to an attribute, or calls a method that does little more."""

    __slots__ = (
        "_outcomes",
        "_tally",
        "answers",
        "begun",
        "bodies_received_bytes",
        "bodies_sent_bytes",
        "forwards",
        "frames_sent",
        "hour",
        "lags",
        "messages",
        "passwords_failed",
        "received_bytes",
        "resumes",
        "sent_bytes",
        "sessions_ended",
        "sessions_opened",
    )

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.begun: dict[Transport, int] = dict.fromkeys(TRANSPORTS, 0)
        """First offers of calls, by how they came; those that were refused at once are among them."""
        self._outcomes = {transport: dict.fromkeys(OUTCOMES, 0) for transport in TRANSPORTS}
        self.answers = Histogram(ANSWER_BOUNDS)
        self.messages: dict[str, int] = dict.fromkeys(MESSAGE_TYPES, 0)
        """From clients on WebSockets, by type, refused ones too; `bad` is what is none."""
        self.frames_sent = 0
        self.received_bytes = 0
        """Of text frames, without their heads."""
        self.sent_bytes = 0
        self.bodies_received_bytes = 0
        """Of offers over HTTP."""
        self.bodies_sent_bytes = 0
        self.forwards: dict[Forward, int] = dict.fromkeys(get_args(Forward), 0)
        self.resumes: dict[Resume, int] = dict.fromkeys(get_args(Resume), 0)
        self.sessions_opened = 0
        self.sessions_ended: Counter[Reason] = Counter(dict.fromkeys(SESSION_ENDS, 0))
        self.passwords_failed = 0
        """Of tables."""
        self.lags = Histogram(LAG_BOUNDS)
        """By how much the event loop was late."""
        self.hour = LastHour(self.totals)

    # Calls

    def begin(self, transport: Transport, now: float) -> None:
        """The first offer of a call has come."""
        self.hour.advance(now)
        self.begun[transport] += 1

    def end(self, trace: Trace, now: float) -> None:
        """The first offer of a call has its outcome, which is in the trace."""
        self._end(trace.transport, trace.outcome or OTHER, now)
        if trace.answered_after is not None:
            self.answers.observe(trace.answered_after)

    def refuse(self, transport: Transport, outcome: str, now: float) -> None:
        """A first offer has come, and has its outcome already: no call was opened."""
        self.begin(transport, now)
        self._end(transport, outcome, now)

    def _end(self, transport: Transport, outcome: str, now: float) -> None:
        self.hour.advance(now)
        outcomes = self._outcomes[transport]
        outcomes[outcome if outcome in outcomes else OTHER] += 1

    def outcomes(self, transport: Transport) -> Mapping[str, int]:
        """How first offers that came so have ended, by `OUTCOMES`."""
        return self._outcomes[transport]

    # Frames and sessions

    def count_sent(self, size: int) -> None:
        """A frame of so many bytes was handed on to a WebSocket."""
        self.frames_sent += 1
        self.sent_bytes += size

    def end_session(self, reason: Reason) -> None:
        """A session has ended."""
        self.sessions_ended[reason] += 1

    # The moment

    def beat(self, lag_seconds: float, sessions: int, now: float) -> None:
        """To be called a few times a second: how late the event loop is, and how many sessions there are."""
        self.hour.advance(now)
        self.hour.see_sessions(sessions)
        self.lags.observe(lag_seconds)

    @property
    def slow_consumers(self) -> int:
        """Clients that were cut off because they did not read; `serve` counts its own in the same place."""
        return self.refusals["unsent_bytes"]

    @property
    def refusals(self) -> Mapping[str, int]:
        """By key of `limits`, since the process began."""
        return self._tally.refusals

    @property
    def errors(self) -> Mapping[str, int]:
        """Messages and offers refused, by code, since the process began."""
        return self._tally.codes

    def totals(self) -> Totals:
        """All that the last hour is told of, since the process began."""
        outcomes = zip(*(counts.values() for counts in self._outcomes.values()), strict=True)
        return Totals(
            begun=sum(self.begun.values()),
            outcomes=tuple(map(sum, outcomes)),
            messages=sum(self.messages.values()),
            refusals=sum(self.refusals.values()),
            answers=tuple(self.answers.counts),
            lags=tuple(self.lags.counts),
        )
