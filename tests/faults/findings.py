"""What a scenario found: figures by name, in their order."""

Figure = int | float | str

COLUMNS = (
    "sockets held",
    "offers sent",
    "accounted for",
    "unaccounted",
    "faults injected",
    "survived",
    "memory before MB",
    "memory after MB",
    "drain seconds",
    "told",
)
"""The figures that have a column of their own in the table; others stand under "further"."""


class Findings(dict[str, Figure]):
    """The figures of one run. A scenario sets those of `COLUMNS` that it has, and any others that say something."""

    def __str__(self) -> str:
        return ", ".join(f"{name} {written(figure)}" for name, figure in self.items())

    def further(self) -> str:
        """Those that have no column."""
        return ", ".join(f"{name} {written(figure)}" for name, figure in self.items() if name not in COLUMNS)


def written(figure: Figure) -> str:
    """As people read it: thousands apart, and no more digits than mean something."""
    if isinstance(figure, str):
        return figure
    if isinstance(figure, int) or abs(figure) >= 1_000:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}".rstrip("0").rstrip(".")


def assert_all_accounted(found: Findings) -> None:
    """Offers were made, and each ended in exactly one way."""
    assert found["accounted for"] == found["offers sent"] != 0, found
    assert found["unaccounted"] == 0, found


def percentile(figures: list[float], share: float) -> float:
    """The figure below which this share of them lies; 0 when there are none."""
    ordered = sorted(figures)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def latency(seconds: list[float], of: str) -> Findings:
    """Their median and 99th percentile, in milliseconds."""
    return Findings(
        {
            f"{of} p50 ms": round(percentile(seconds, 0.5) * 1000, 1),
            f"{of} p99 ms": round(percentile(seconds, 0.99) * 1000, 1),
        }
    )
