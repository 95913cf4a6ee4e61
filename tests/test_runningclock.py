"""The clock by which connections' patience is measured: it stands still while the process does."""

from roundtable.runningclock import RunningClock

NOON = 43_200.0


def test_it_goes_with_its_ticks() -> None:
    clock = RunningClock(0.5, NOON)
    for tick in range(1, 5):
        clock.tick(NOON + tick * 0.5)
    assert clock.seconds == 2


def test_a_late_tick_counts_for_two_at_the_most() -> None:
    clock = RunningClock(0.5, NOON)
    clock.tick(NOON + 0.7)
    assert 0.69 < clock.seconds < 0.71
    clock.tick(NOON + 3_600)
    assert 1.69 < clock.seconds < 1.71


def test_time_has_passed_only_when_it_has_for_certain() -> None:
    """What happened was noted with the time of the tick before it."""
    clock = RunningClock(0.5, NOON)
    since = clock.seconds
    happened = NOON + 0.49
    for tick in range(1, 10):
        now = NOON + tick * 0.5
        clock.tick(now)
        if clock.has_passed(2, since):
            assert 2 <= now - happened <= 3
            return
    raise AssertionError("it never passed")
