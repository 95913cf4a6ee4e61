"""How much is measured: in full, and quickly to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers and durations of one run."""

    pairs: int = 300
    """Clients that call each other, at each server."""
    warm_ups: int = 2
    """Rounds that do not count."""
    rounds: int = 9
    offers: int = 10
    """Times that every pair calls in a round; each call is answered and hung up."""
    candidates: int = 20
    """Times that every caller sends one in a round."""
    calls: int = 3
    """Whole calls of every pair in a round."""
    per_second: int = 1_000
    seconds: float = 4.0
    """For which messages are sent at that rate."""
    connects: int = 300
    connects_abreast: int = 20
    callees: int = 40
    """Who answer offers that are posted, all at the same time."""
    posts: int = 10
    """For each of them in a round."""
    answerers: int = 10
    """Who are posted to, others in each round; each takes offers of four at the same time."""
    posts_elsewhere: int = 7
    """For each of the four, so that `known_target_burst` suffices."""
    sessions: int = 2_000
    """Idle ones, whose memory is measured."""
    memory_rounds: int = 3
    few: int = 100
    many: int = 10_000
    """Idle sessions beside those who call each other."""
    flat_rounds: int = 9
    flat_pairs: int = 100
    calm_seconds: float = 2.0
    """For what a server does after the last client has come."""
    idle_seconds: float = 20.0
    """A heartbeat's interval: in it everybody is pinged."""

    @property
    def all_rounds(self) -> int:
        """Those that count and those that do not."""
        return self.warm_ups + self.rounds


FULL = Sizes()
QUICK = Sizes(
    pairs=3,
    warm_ups=0,
    rounds=2,
    offers=1,
    candidates=2,
    calls=1,
    per_second=200,
    seconds=0.1,
    connects=4,
    connects_abreast=2,
    callees=2,
    posts=1,
    answerers=1,
    posts_elsewhere=1,
    sessions=10,
    memory_rounds=1,
    few=2,
    many=20,
    flat_rounds=1,
    flat_pairs=2,
    calm_seconds=0.1,
    idle_seconds=0.1,
)
