"""Peaks are measured. How much is left of one, is not asserted."""

from benchmarks import peaks
from benchmarks.rounds import lineup


async def test_memory_is_read_before_each_peak_in_it_and_after() -> None:
    ours = {"serve": lineup({})["serve"]}
    figures = await peaks.measure(ours, number=2, clients=20, gone_seconds=0.1)
    rows = {row.measure: row for row in figures.rows()}
    assert list(rows) == [peaks.BEFORE, peaks.DURING, peaks.AFTER]
    assert [row.rounds for row in rows.values()] == [1, 2, 2]
    assert all(20 < row.median < 500 for row in rows.values()), "megabytes of a Python with Django"
