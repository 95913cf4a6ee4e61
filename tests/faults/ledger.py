"""What the clients know: each offer that was made and how it ended, each candidate and whether it came in order."""

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.findings import Findings, latency

LOST = "loss of the session"
"""Of an offer that the server had taken up. Only a server that is killed may end one so."""
GOODBYE = "goodbye of its caller"
NOT_TAKEN_UP = "loss before it was taken up"


@dataclass
class Ledger:
    """Kept by all clients of a scenario together. Times are seconds of one monotonic clock."""

    offers: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """answer, reject, hangup, the codes of errors, and what `forgotten` tells."""
    open: dict[str, float] = field(default_factory=dict)
    """The calls whose first offer has no outcome yet, and when they were made."""
    acknowledged: set[str] = field(default_factory=set)
    """Those of them that the server has taken up."""
    repeated: list[str] = field(default_factory=list)
    """Outcomes of calls that had one."""
    relays: int = 0
    """Numbered messages from one client to another that were sent."""
    relays_received: int = 0
    disorder: int = 0
    """Of these, how many came twice or after a later one."""
    gaps: int = 0
    """How many were missing when the next one came."""
    answer_seconds: list[float] = field(default_factory=list)
    relay_seconds: list[float] = field(default_factory=list)
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    _received: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def unaccounted(self) -> int:
        return len(self.open)

    def offered(self, call: str, now: float) -> None:
        """A first offer goes out."""
        self.offers += 1
        self.open[call] = now

    def delivered(self, call: str, now: float) -> None:
        """The callee has it."""
        if call in self.open:
            self.relay_seconds.append(now - self.open[call])

    def ack(self, call: str) -> None:
        """The server has taken up the offer: from now on it owes an outcome."""
        if call in self.open:
            self.acknowledged.add(call)

    def forgotten(self, call: str, now: float, *, at_goodbye: bool) -> None:
        """The caller's session is over, and with it the offer, if it has no outcome: to its user it has failed."""
        if call not in self.open:
            return
        if at_goodbye:
            self.ended(call, GOODBYE, now)
        else:
            self.ended(call, LOST if call in self.acknowledged else NOT_TAKEN_UP, now)

    def ended(self, call: str, outcome: str, now: float) -> None:
        """The caller has its outcome."""
        began = self.open.pop(call, None)
        self.acknowledged.discard(call)
        if began is None:
            self.repeated.append(outcome)
            return
        self.outcomes[outcome] += 1
        if outcome == "answer":
            self.answer_seconds.append(now - began)

    def next_number(self, sender: str, receiver: str) -> int:
        """Numbers what one client sends to another: 1, 2, 3, …"""
        self.relays += 1
        self._sent[sender, receiver] += 1
        return self._sent[sender, receiver]

    def received(self, sender: str, receiver: str, number: int) -> None:
        """The message of this number has come."""
        self.relays_received += 1
        last = self._received[sender, receiver]
        self.disorder += number <= last
        self.gaps += max(0, number - last - 1)
        self._received[sender, receiver] = max(last, number)

    def findings(self) -> Findings:
        """The offers as the table has them, and latencies as the clients saw them."""
        return Findings(
            {
                "offers sent": self.offers,
                "accounted for": self.outcomes.total(),
                "unaccounted": self.unaccounted,
                **{f"ended by {outcome}": count for outcome, count in self.outcomes.most_common()},
                "candidates": self.relays,
                **latency(self.relay_seconds, "offer delivered"),
                **latency(self.answer_seconds, "answered"),
            }
        )

    def assert_accounted(self) -> None:
        """Every offer has exactly one outcome."""
        assert not self.open, f"{len(self.open)} of {self.offers} offers have no outcome"
        assert not self.repeated, f"second outcomes: {Counter(self.repeated)}"
        assert self.offers == self.outcomes.total(), (self.offers, self.outcomes)

    def assert_none_broken(self) -> None:
        """No offer that the server had taken up was lost."""
        assert not self.outcomes[LOST], f"{self.outcomes[LOST]} acknowledged offers ended without an outcome"

    def assert_in_order(self) -> None:
        """Nothing came twice and nothing overtook anything; something may be missing."""
        assert not self.disorder, f"{self.disorder} of {self.relays_received} messages came twice or out of order"

    def assert_nothing_lost(self) -> None:
        """All that was sent came, in its order."""
        self.assert_in_order()
        lost = self.relays - self.relays_received
        assert not lost and not self.gaps, f"{lost} of {self.relays} messages are missing, in {self.gaps} gaps"
