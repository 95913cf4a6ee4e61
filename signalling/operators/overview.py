"""The overview of a running process: what there is, what was counted, what the system says. On the event loop only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from signalling.figures import ANSWER_BOUNDS, FAILURES, LAG_BOUNDS, OUTCOMES
from signalling.histogram import quantile
from signalling.lasthour import difference
from signalling.operators import process
from signalling.operators.survey import Here, Overview, Process

if TYPE_CHECKING:
    from signalling.figures import Figures
    from signalling.runtime import Runtime


def overview(runtime: Runtime) -> Overview:
    """What there is to be seen now."""
    seen = process.look(runtime.uptime_seconds)
    return glance(runtime.switchboard.figures, here(runtime), seen, runtime.clock())


def here(runtime: Runtime) -> Here:
    """How many of everything there are now."""
    census = runtime.census()
    away = len(runtime.switchboard.presence.away)
    return Here(
        connections=census["connections"],
        connected=census["peers"] - away,
        away=away,
        waiting=census["exchanges"],
        tables=census["tables"],
        open_calls=census["calls"],
        draining=runtime.draining,
    )


def glance(figures: Figures, here: Here, process: Process, now: float) -> Overview:
    """What these figures say of the last hour, beside what there is; `now` is monotonic seconds."""
    before, totals = figures.hour.before(now), figures.totals()
    outcomes = difference(totals.outcomes, before.outcomes)
    answers = difference(totals.answers, before.answers)
    lags = difference(totals.lags, before.lags)
    return Overview(
        here=here,
        process=process,
        calls_per_minute=figures.hour.calls_per_minute(now),
        calls_last_hour=totals.begun - before.begun,
        outcomes_last_hour=_most_frequent(dict(zip(OUTCOMES, outcomes, strict=True))),
        success_share=_success_share(outcomes),
        answer_p50_seconds=quantile(ANSWER_BOUNDS, answers, 0.5),
        answer_p99_seconds=quantile(ANSWER_BOUNDS, answers, 0.99),
        lag_p50_seconds=quantile(LAG_BOUNDS, lags, 0.5),
        lag_p99_seconds=quantile(LAG_BOUNDS, lags, 0.99),
        refusals=_most_frequent(figures.refusals),
        errors=_most_frequent(figures.errors),
        minutes=figures.hour.minutes(now, LAG_BOUNDS, FAILURES),
    )


def _most_frequent(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    there_were = ((str(name), count) for name, count in counts.items() if count)
    return tuple(sorted(there_were, key=lambda entry: -entry[1]))


def _success_share(outcomes: Sequence[int]) -> float | None:
    answered, failed = outcomes[0], sum(outcomes[index] for index in FAILURES)
    return answered / (answered + failed) if answered + failed else None
