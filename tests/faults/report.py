"""The latest figures: kept in docs/figures/faults.json, and shown as the table in docs/reliability.md."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.findings import COLUMNS, Findings, written
from tests.markers import Markers, markdown_table
from tests.serverprocess import ROOT

FIGURES = ROOT / "docs" / "figures" / "faults.json"
DOCUMENT = ROOT / "docs" / "reliability.md"
MARKERS = Markers("make faults")

_HEADINGS = (
    "scenario",
    "passed",
    "sockets held",
    "offers",
    "accounted for",
    "unaccounted",
    "faults: injected",
    "survived",
    "MB before",
    "after",
    "drain s",
    "told",
    "further",
)


@dataclass
class Result:
    """One scenario's last run."""

    date: str
    passed: bool
    figures: dict[str, int | float | str]


def keep(number: int, result: Result) -> None:
    """Renews one scenario's row. The others are read anew: another run may have renewed them meanwhile."""
    write(read() | {number: result})


def read(path: Path = FIGURES) -> dict[int, Result]:
    """The latest results by scenario; none when there is no file yet."""
    if not path.exists():
        return {}
    return {int(number): Result(**result) for number, result in json.loads(path.read_text()).items()}


def write(results: dict[int, Result]) -> None:
    """Keeps the results, and renews the table in the document."""
    FIGURES.parent.mkdir(exist_ok=True)
    kept = {str(number): asdict(result) for number, result in sorted(results.items())}
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    MARKERS.renew(DOCUMENT, table(results))


def with_table(document: str, results: dict[int, Result]) -> str:
    """The document with the table of these results between its markers."""
    return MARKERS.renewed(document, table(results))


def table(results: dict[int, Result]) -> str:
    """One row a scenario, in Markdown."""
    if not results:
        return "None are kept."
    return markdown_table([_HEADINGS, *(_row(number, result) for number, result in sorted(results.items()))])


def _row(number: int, result: Result) -> tuple[str, ...]:
    findings = Findings(result.figures)
    cells = (written(findings[name]) if name in findings else "" for name in COLUMNS)
    return (f"R{number}", "yes" if result.passed else "**no**", *cells, findings.further().replace("|", "/"))


if __name__ == "__main__":  # after the document or the figures were edited
    write(read())
