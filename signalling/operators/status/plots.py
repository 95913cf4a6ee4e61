"""Small plots of the last hour, as the paths of SVG 2 (section 9). Pure; their colours are the style sheet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signalling.operators.status.words import exactly

if TYPE_CHECKING:
    from signalling.lasthour import Minute

WIDTH = 240
HEIGHT = 48
_BAR_SHARE = 0.75
"""Of the room that a minute has, so that bars are told apart."""


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity: its name, and the path that draws it."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with what it says in words, for those who do not see it."""

    title: str
    now: str
    greatest: str
    series: tuple[Series, ...]
    is_line: bool = False
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def words(self) -> str:
        """The plot in one sentence."""
        return f"{self.title} in the last hour: now {self.now}, at most {self.greatest}"


def plots(minutes: Sequence[Minute]) -> tuple[Plot, ...]:
    """What the overview shows of these minutes, the oldest first."""
    calls = [(minute.answered, minute.failed) for minute in minutes]
    answered, failed = bars([each[0] for each in calls], [each[1] for each in calls])
    lags = [minute.lag_p99_seconds for minute in minutes]
    return (
        _line("Sessions", [minute.greatest_sessions for minute in minutes]),
        Plot(
            "Calls a minute",
            f"{calls[-1][0]} answered, {calls[-1][1]} failed",
            str(max(map(sum, calls))),
            (Series("answered", answered), Series("failed", failed)),
        ),
        _bars("Messages a minute", [minute.messages for minute in minutes]),
        _bars("Refusals by limits a minute", [minute.refusals for minute in minutes]),
        Plot(
            "Event-loop lag, p99",
            exactly(lags[-1]),
            exactly(max((lag for lag in lags if lag is not None), default=None)),
            (Series("lag", line(lags)),),
            is_line=True,
        ),
    )


def _line(title: str, values: Sequence[int]) -> Plot:
    return Plot(title, str(values[-1]), str(max(values)), (Series(title.lower(), line(values)),), is_line=True)


def _bars(title: str, counts: Sequence[int]) -> Plot:
    return Plot(title, str(counts[-1]), str(max(counts)), (Series(title.lower(), *bars(counts)),))


def bars(*stacked: Sequence[int]) -> tuple[str, ...]:
    """A path for each sequence, a bar for each minute; the later ones stand on the earlier ones."""
    tops = [0] * len(stacked[0])
    greatest = max(map(sum, zip(*stacked, strict=True)), default=0) or 1
    paths = []
    for counts in stacked:
        paths.append(
            "".join(_bar(index, len(tops), tops[index], count, greatest) for index, count in enumerate(counts))
        )
        tops = [top + count for top, count in zip(tops, counts, strict=True)]
    return tuple(paths)


def line(values: Sequence[float | None]) -> str:
    """A path from minute to minute, interrupted where there is no value; a single one is a point."""
    greatest = max((value for value in values if value is not None), default=0) or 1
    path, is_drawing = "", False
    for index, value in enumerate(values):
        if value is not None:
            across, up = (index + 0.5) * WIDTH / len(values), HEIGHT * (1 - value / greatest)
            path += f"L{across:.4g} {up:.4g}" if is_drawing else f"M{across:.4g} {up:.4g}h0.1"
        is_drawing = value is not None
    return path


def _bar(index: int, minutes: int, bottom: int, count: int, greatest: int) -> str:
    if not count:
        return ""
    step = WIDTH / minutes
    ground, height = HEIGHT * (1 - bottom / greatest), HEIGHT * count / greatest
    return f"M{index * step:.4g} {ground:.4g}v{-height:.4g}h{step * _BAR_SHARE:.4g}v{height:.4g}z"
