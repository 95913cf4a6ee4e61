"""What is made of the samples of a benchmark: ratios, their spread, the file, the table and the chart."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import report
from benchmarks.chart import write_chart
from benchmarks.figures import Figures, Measure, as_csv, from_csv
from benchmarks.relay import strays
from tests.documents import read_markdown
from tests.markers import Markers

OFFER = Measure("offer", "µs", aims={"serve": 0.5})
POST = Measure("POST", "µs", base="offer", times=2)
MEMORY = Measure("memory", "KiB", aims={"serve": 16}, is_absolute=True)


def figures(**samples: dict[str, list[float]]) -> Figures:
    made = Figures((OFFER, POST, MEMORY))
    for server, measured in samples.items():
        for name, values in measured.items():
            for value in values:
                made.add(server, {name: value})
    return made


def test_a_ratio_is_that_of_the_same_round() -> None:
    """The machine was twice as slow in the second round, which says nothing about the servers."""
    rows = figures(PeerJS={"offer": [100, 200, 100]}, serve={"offer": [40, 80, 40]}).rows()
    assert [(row.server, row.ratio, row.ratio_low, row.ratio_high) for row in rows] == [
        ("PeerJS", 1, 1, 1),
        ("serve", 0.4, 0.4, 0.4),
    ]
    assert (rows[1].median, rows[1].low, rows[1].high) == (40, 40, 60)


def test_an_exchange_over_http_is_compared_with_two_offers() -> None:
    rows = figures(PeerJS={"offer": [100.0]}, serve={"POST": [300.0]}).rows()
    assert [(row.measure, row.server, row.ratio) for row in rows] == [("offer", "PeerJS", 1), ("POST", "serve", 1.5)]


@pytest.mark.parametrize(("cost", "is_missed"), [(50.0, False), (51.0, True)])
def test_an_aim_is_for_the_ratio(cost: float, is_missed: bool) -> None:
    *_, row = figures(PeerJS={"offer": [100.0]}, serve={"offer": [cost]}).rows()
    assert (row.aim, row.is_missed) == (0.5, is_missed)


@pytest.mark.parametrize(("size", "is_missed"), [(16.0, False), (17.0, True)])
def test_an_absolute_aim_is_for_the_figure_itself(size: float, is_missed: bool) -> None:
    *_, row = figures(PeerJS={"memory": [1.0]}, serve={"memory": [size]}).rows()
    assert (row.ratio, row.is_missed) == (size, is_missed)


def test_without_peerjs_nothing_is_compared() -> None:
    [row] = figures(serve={"offer": [40.0]}).rows()
    assert (row.median, row.ratio, row.is_missed) == (40, None, False)


def test_a_server_differs_from_itself_when_one_is_not_in_its_spread() -> None:
    same = figures(PeerJS={"offer": [100, 100, 100]}, again={"offer": [80, 101, 130]}).rows()
    other = figures(PeerJS={"offer": [100, 100, 100]}, again={"offer": [120, 121, 130]}).rows()
    assert strays(same) == []
    assert [row.server for row in strays(other)] == ["again"]


def test_the_file_holds_all_that_the_table_shows() -> None:
    rows = figures(PeerJS={"offer": [100, 200]}, serve={"offer": [50, 50], "memory": [12]}).rows()
    read, remarks = from_csv(as_csv(rows, ["a machine", "a version"]))
    assert (read, remarks) == (rows, ["a machine", "a version"])
    assert report.table(read) == report.table(rows)


def test_the_chart_has_a_bar_for_each_ratio(tmp_path: Path) -> None:
    rows = figures(PeerJS={"offer": [100.0]}, serve={"offer": [40.0]}, textbook={"offer": [9_000.0]}).rows()
    write_chart(tmp_path / "chart.svg", "Ratios", rows)
    drawing = ElementTree.parse(tmp_path / "chart.svg").getroot()  # noqa: S314 (our own)
    texts = {text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Ratios", "offer", "0.40", "90.00", "■ serve", "■ textbook"} <= texts
    widths = [float(bar.attrib["width"]) for bar in drawing.iter("{http://www.w3.org/2000/svg}rect")]
    assert all(width > 0 for width in widths)


def test_only_what_is_between_the_markers_is_renewed() -> None:
    markers = Markers("make something")
    document = f"before\n{markers.begin}\nold\n<!-- end of figures -->\nafter\n<!-- end of figures -->\n"
    renewed = markers.renewed(document, "new")
    assert renewed == f"before\n{markers.begin}\n\nnew\n\n<!-- end of figures -->\nafter\n<!-- end of figures -->\n"
    assert markers.renewed(renewed, "new") == renewed
    with pytest.raises(AssertionError, match="make something"):
        markers.renewed("nothing", "new")


def test_the_figures_in_the_document_are_those_that_were_kept() -> None:
    document = read_markdown("performance.md")
    assert report.renewed(document) == document, "run make bench, or python -m benchmarks.report"
