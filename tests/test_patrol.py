"""Who is looked at, and how rarely the others are."""

from roundtable.patrol import Patrol

SECOND = 1.0
TICK = 0.25


class Sentry:
    """A connection that counts how often it is asked when it is due, and when it was looked at."""

    def __init__(self, due: float) -> None:
        self._due = due
        self.asked = 0
        self.looked_at: list[float] = []

    @property
    def due(self) -> float:
        self.asked += 1
        return self._due

    @due.setter
    def due(self, due: float) -> None:
        self._due = due

    def check_timeouts(self) -> None:
        """Is not called here."""


class Post:
    """Sentries, and a clock that ticks."""

    def __init__(self, *sentries: Sentry) -> None:
        self.sentries = list(sentries)
        self.patrol = Patrol(lambda: self.sentries, lambda sentry: sentry in self.sentries, SECOND)
        self.now = 10.0

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            for each in self.patrol.due(self.now):
                assert isinstance(each, Sentry)
                each.looked_at.append(self.now)
            self.now += TICK


def test_one_that_is_due_at_each_tick_is_looked_at_at_each() -> None:
    sentry = Sentry(due=0)
    Post(sentry).wait(2 * SECOND)
    assert sentry.looked_at == [10 + TICK * tick for tick in range(8)]


def test_one_is_looked_at_at_the_first_tick_when_it_is_due() -> None:
    sentry = Sentry(due=11.6)
    Post(sentry).wait(1.9)
    assert sentry.looked_at == [11.75]


def test_one_that_is_due_later_is_asked_once_a_second() -> None:
    sentry = Sentry(due=1_000)
    Post(sentry).wait(100 * SECOND)
    assert (sentry.looked_at, sentry.asked) == ([], 100)


def test_a_new_one_is_found_within_a_second() -> None:
    post = Post()
    post.wait(0.5)
    post.sentries.append(Sentry(due=0))
    post.wait(SECOND)
    assert post.sentries[0].looked_at[0] <= 10.5 + SECOND


def test_who_put_it_off_meanwhile_is_left_alone() -> None:
    sentry = Sentry(due=10.5)
    post = Post(sentry)
    post.wait(TICK)
    sentry.due = 50
    post.wait(SECOND)
    assert sentry.looked_at == []


def test_one_that_an_earlier_one_has_put_off_is_left_alone() -> None:
    first, second = Sentry(due=0), Sentry(due=0)
    due = Post(first, second).patrol.due(10)
    assert next(due) is first
    second.due = 50
    assert list(due) == []


def test_one_that_has_gone_is_not_looked_at() -> None:
    gone = Sentry(due=10.5)
    post = Post(gone)
    post.wait(TICK)
    post.sentries.clear()
    post.wait(SECOND)
    assert gone.looked_at == []
