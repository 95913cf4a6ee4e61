from __future__ import annotations

from signalling.operators.status.plots import HEIGHT, bars, line, plots
from tests.status.desk import minute


def test_bars_stand_on_each_other_and_the_greatest_fills_the_height() -> None:
    lower, upper = bars([1, 0], [1, 1])
    assert lower == f"M0 {HEIGHT}v-24h90v24z"
    assert upper == "M0 24v-24h90v24zM120 48v-24h90v24z"


def test_nothing_is_drawn_of_nothing() -> None:
    assert bars([0, 0]) == ("",)
    assert line([None, None]) == ""


def test_a_line_is_interrupted_where_nobody_looked() -> None:
    assert line([1.0, 2.0, None, 0.0]) == "M30 24h0.1L90 0M210 48h0.1"


def test_an_hour_is_told_in_words_too() -> None:
    hour = plots(
        [minute(), minute(answered=3, failed=1, messages=7, refusals=2, greatest_sessions=9, lag_p99_seconds=0.003)]
    )
    assert [plot.words for plot in hour] == [
        "Sessions in the last hour: now 9, at most 9",
        "Calls a minute in the last hour: now 3 answered, 1 failed, at most 4",
        "Messages a minute in the last hour: now 7, at most 7",
        "Refusals by limits a minute in the last hour: now 2, at most 2",
        "Event-loop lag, p99 in the last hour: now 3 ms, at most 3 ms",
    ]


def test_an_hour_in_which_nobody_measured_has_no_lag() -> None:
    assert plots([minute()])[-1].words == "Event-loop lag, p99 in the last hour: now –, at most –"
