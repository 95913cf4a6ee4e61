"""The latest figures: kept as CSV in docs/figures, shown in docs/performance.md and drawn into docs/images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chart import write_chart
from benchmarks.figures import Row, as_csv, from_csv
from tests.markers import Markers, markdown_table
from tests.serverprocess import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "images" / "relay.svg"
_HEADING = ("", "server", "median", "quartiles", "to PeerJS", "quartiles", "at most")


@dataclass(frozen=True)
class Place:
    """Where the figures of one command are."""

    csv: Path
    markers: Markers
    image: str = ""
    """The chart, if there is one, as the document names it."""

    def keep(self, rows: Sequence[Row], remarks: Sequence[str]) -> None:
        """Renews them, here, in the document and in the chart."""
        self.csv.write_text(as_csv(rows, remarks), encoding="utf-8")
        renew()

    def part(self) -> str:
        """Their part of the document."""
        if not self.csv.exists():
            return "None are kept."
        rows, remarks = from_csv(self.csv.read_text(encoding="utf-8"))
        chart = [f"![Ratios to PeerJS' server, by what is measured]({self.image})"] if self.image else []
        return "\n\n".join([*remarks, table(rows), *chart])


RELAYS = Place(ROOT / "docs" / "figures" / "relay.csv", Markers("make bench"), image="images/relay.svg")
PEAKS = Place(ROOT / "docs" / "figures" / "peaks.csv", Markers("make peaks"))
STORMS = Place(ROOT / "docs" / "figures" / "storm.csv", Markers("make storm"))


def renew() -> None:
    """Writes the figures that are kept into the document and the chart."""
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    if RELAYS.csv.exists():
        rows, _ = from_csv(RELAYS.csv.read_text(encoding="utf-8"))
        write_chart(CHART, "Ratios to PeerJS' server: less is better", rows)


def renewed(document: str) -> str:
    """The document with the figures that are kept."""
    for place in (RELAYS, STORMS, PEAKS):
        document = place.markers.renewed(document, place.part())
    return document


def table(rows: Sequence[Row]) -> str:
    """One line a measure and server, in Markdown."""
    return markdown_table([_HEADING, *map(_line, rows)])


def aligned(rows: Sequence[Row]) -> str:
    """The same for a terminal."""
    lines = [_HEADING, *map(_line, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _line(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else _number(row.ratio)
    aim = "" if row.aim is None else f"{row.aim:g}{', missed' if row.is_missed else ''}"
    own, of_ratio = _span(row.low, row.high), _span(row.ratio_low, row.ratio_high)
    return (row.measure, row.server, f"{_number(row.median)} {row.unit}".strip(), own, ratio, of_ratio, aim)


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_number(low)} – {_number(high)}"


def _number(value: float) -> str:
    """Three digits, for more are noise."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":  # after the document was edited
    renew()
