"""What was measured: samples by measure and server, and what they are in comparison. Pure."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from io import StringIO

BASE = "PeerJS"
"""The server that the others are compared with."""
ORDER = (BASE, "serve", "uvicorn", "textbook")
"""Of the servers in a table; others come after them."""


@dataclass(frozen=True)
class Measure:
    """One thing that is measured, and what it is compared with."""

    name: str
    unit: str
    base: str = ""
    """The measure of PeerJS that is meant; this one when it is empty."""
    times: float = 1.0
    """So many of these."""
    aims: Mapping[str, float] = field(default_factory=dict)
    """By server, what the ratio should not be over."""
    is_absolute: bool = False
    """Whether it is the figure itself that should not."""
    is_compared: bool = True
    """Whether a ratio to PeerJS says anything."""


MEASURES = (
    Measure("offer relayed", "µs", aims={"serve": 0.5, "uvicorn": 0.8}),
    Measure("answer relayed", "µs"),
    Measure("candidate relayed", "µs", aims={"serve": 1.0, "uvicorn": 1.9}),
    Measure("hangup relayed", "µs"),
    Measure("a call", "µs"),
    Measure("a message at the rate", "µs", aims={"serve": 0.9, "uvicorn": 1.1}),
    Measure("latency at the rate, p50", "µs"),
    Measure("latency at the rate, p99", "µs"),
    Measure("connect, hello, close", "µs", aims={"serve": 1.0, "uvicorn": 1.0}),
    Measure("connect, hello, bye", "µs"),
    Measure("POST, kept alive", "µs", base="offer relayed", times=2, aims={"serve": 4.0, "uvicorn": 2.5}),
    Measure("POST, new connection", "µs", base="offer relayed", times=2),
    Measure("POST, posted on", "µs", base="offer relayed", times=2),
    Measure("memory of an idle session", "KiB", is_absolute=True, aims={"serve": 16.0, "uvicorn": 28.0}),
    Measure("many idle sessions", "ms/s"),
    Measure(
        "relay, many idle to few", "times", is_absolute=True, is_compared=False, aims={"serve": 1.1, "uvicorn": 1.1}
    ),
)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """That of these values."""
        listed = list(values)
        if len(listed) == 1:
            return cls(listed[0], listed[0], listed[0])
        low, median, high = statistics.quantiles(listed, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Row:
    """One measure at one server."""

    measure: str
    server: str
    unit: str
    rounds: int
    median: float
    low: float
    high: float
    ratio: float | None
    """To PeerJS, of each round; None where there is nothing to compare."""
    ratio_low: float | None
    ratio_high: float | None
    aim: float | None
    is_missed: bool


class Figures:
    """Samples, in the order of the rounds."""

    def __init__(self, measures: Sequence[Measure] = MEASURES) -> None:
        self._measures = measures
        self._samples: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, server: str, costs: Mapping[str, float]) -> None:
        """What one round has shown of this server."""
        for measure, cost in costs.items():
            self._samples[measure, server].append(cost)

    def rows(self) -> list[Row]:
        """By measure, then by server."""
        measured = sorted(self._samples, key=lambda sample: _rank(sample[1]))
        return [
            self._row(measure, server)
            for measure in self._measures
            for name, server in measured
            if name == measure.name
        ]

    def ratios(self, measure: Measure, server: str) -> list[float]:
        """Round by round; none where there is nothing to compare."""
        bases = self._samples.get((measure.base or measure.name, BASE), [])
        values = self._samples[measure.name, server]
        if not (measure.is_compared and len(bases) == len(values) and all(bases)):
            return []
        return [value / base / measure.times for value, base in zip(values, bases, strict=True)]

    def _row(self, measure: Measure, server: str) -> Row:
        values = self._samples[measure.name, server]
        spread, ratios = Spread.of(values), self.ratios(measure, server)
        ratio, aim = Spread.of(ratios) if ratios else None, measure.aims.get(server)
        judged = spread if measure.is_absolute else ratio
        return Row(
            measure=measure.name,
            server=server,
            unit=measure.unit,
            rounds=len(values),
            median=spread.median,
            low=spread.low,
            high=spread.high,
            ratio=ratio.median if ratio else None,
            ratio_low=ratio.low if ratio else None,
            ratio_high=ratio.high if ratio else None,
            aim=aim,
            is_missed=aim is not None and judged is not None and judged.median > aim,
        )


def _rank(server: str) -> int:
    return ORDER.index(server) if server in ORDER else len(ORDER)


_COLUMNS = [column.name for column in fields(Row)]
_TEXTS = ("measure", "server", "unit")
_WORDS = {"True": True, "False": False}


def as_csv(rows: Iterable[Row], remarks: Iterable[str]) -> str:
    """Remarks, each a line after `#`, then the rows."""
    out = StringIO()
    out.writelines(f"# {remark}\n" for remark in remarks)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        cells = [getattr(row, name) for name in _COLUMNS]
        writer.writerow(f"{cell:.5g}" if isinstance(cell, float) else cell for cell in cells)
    return out.getvalue()


def from_csv(text: str) -> tuple[list[Row], list[str]]:
    """The rows and the remarks."""
    lines = text.splitlines()
    remarks = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [Row(**{name: _value(name, cell) for name, cell in row.items()}) for row in reader], remarks  # type: ignore[arg-type]


def _value(name: str, cell: str) -> str | int | float | None:
    if name in _TEXTS:
        return cell
    if cell in _WORDS:
        return _WORDS[cell]
    if name == "rounds":
        return int(cell)
    return float(cell) if cell else None
