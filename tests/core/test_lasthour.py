"""The last sixty minutes, by the time that is passed in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalling.figures import FAILURES, LAG_BOUNDS, Figures
from signalling.lasthour import MINUTES, SECONDS, Minute
from signalling.tally import Tally

START = 6_000.0
"""The beginning of a minute, as the monotonic clock has it."""


def minutes(figures: Figures, now: float) -> tuple[Minute, ...]:
    return figures.hour.minutes(now, LAG_BOUNDS, FAILURES)


def begun(figures: Figures, now: float) -> list[int]:
    return [minute.begun for minute in minutes(figures, now)]


def test_there_are_always_sixty_and_the_last_one_runs() -> None:
    figures = Figures(Tally())
    figures.begin("http", START)
    assert begun(figures, START) == [0] * 59 + [1]


def test_what_was_counted_moves_back_by_the_minute_and_out_after_an_hour() -> None:
    figures = Figures(Tally())
    figures.begin("http", START)
    assert begun(figures, START + 59.9)[-1] == 1
    assert begun(figures, START + 60)[-2:] == [1, 0]
    assert begun(figures, START + 59 * SECONDS)[0] == 1
    assert begun(figures, START + 60 * SECONDS) == [0] * MINUTES


def test_a_long_time_in_which_nobody_looks_is_empty_minutes() -> None:
    figures = Figures(Tally())
    figures.begin("http", START)
    figures.begin("http", START + 3 * SECONDS)
    assert begun(figures, START + 5 * SECONDS)[-6:] == [1, 0, 0, 1, 0, 0]
    assert begun(figures, START + 10_000 * SECONDS) == [0] * MINUTES


@given(st.lists(st.floats(0, 7_200), max_size=40), st.floats(0, 3_600))
def test_each_minute_has_what_was_counted_in_it(times: list[float], rest: float) -> None:
    figures = Figures(Tally())
    for time in sorted(times):
        figures.begin("websocket", START + time)
    now = START + max(times, default=0) + rest
    running = now // SECONDS
    expected = [
        sum((START + time) // SECONDS == running - back for time in times) for back in range(MINUTES - 1, -1, -1)
    ]
    assert begun(figures, now) == expected
    assert figures.hour.before(now).begun == len(times) - sum(expected)


def test_a_minute_has_answers_failures_messages_refusals_sessions_and_lag() -> None:
    tally = Tally()
    figures = Figures(tally)
    figures.refuse("websocket", "peer_unavailable", START)
    figures.refuse("http", "rate_limited", START)
    figures.messages["offer"] += 3
    tally.count("posts_per_second")
    for sessions, lag_seconds in ((2, 0.0), (5, 0.02), (1, 0.0)):
        figures.beat(lag_seconds, sessions, START + 1)
    figures.beat(0.0, 1, START + SECONDS)
    passed, running = minutes(figures, START + SECONDS)[-2:]
    assert (passed.begun, passed.answered, passed.failed) == (2, 0, 1), "what a limit refuses is no failure"
    assert (passed.messages, passed.refusals, passed.greatest_sessions) == (3, 1, 5)
    assert passed.lag_p99_seconds is not None
    assert 0.01 < passed.lag_p99_seconds <= 0.025
    assert (running.begun, running.messages, running.refusals, running.greatest_sessions) == (0, 0, 0, 1)


def test_calls_per_minute_are_those_of_the_last_sixty_seconds() -> None:
    figures = Figures(Tally())
    for second in range(0, 120, 2):
        figures.begin("http", START + second)
    assert figures.hour.calls_per_minute(START + 90) == 45, "all 15 that have come, and 30 of the minute before"
    assert figures.hour.calls_per_minute(START + 120) == 30
    assert figures.hour.calls_per_minute(START + 150) == 15
    assert figures.hour.calls_per_minute(START + 300) == 0
