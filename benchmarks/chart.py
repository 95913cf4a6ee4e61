"""Ratios as bars, as SVG, in a few lines of our own: one group a measure, one bar a server, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.figures import Row

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 200, 60, 48, 28
BAR, GAP = 13, 12
COLOURS = {"serve": "#1f6feb", "uvicorn": "#1a7f37", "textbook": "#b35900"}
OTHERS = "#777777"
SCALE = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)


def write_chart(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Draws the ratios of these rows, with their quartiles; the line at 1 is PeerJS."""
    drawn = [row for row in rows if row.ratio is not None and row.server != "PeerJS"]
    measures = list(dict.fromkeys(row.measure for row in drawn))
    if not drawn:
        return
    marks = _marks([row.ratio_low or 1 for row in drawn], [row.ratio_high or 1 for row in drawn])
    parts, y = [], TOP
    for measure in measures:
        group = [row for row in drawn if row.measure == measure]
        parts.append(f'<text x="{LEFT - 8}" y="{y + BAR * len(group) / 2 + 4:.0f}" text-anchor="end">{measure}</text>')
        for row in group:
            parts += _bar(row, y, marks)
            y += BAR
        y += GAP
    axis = [_mark(mark, y, marks) for mark in marks]
    legend = _legend(list(dict.fromkeys(row.server for row in drawn)))
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + BOTTOM}" font-family="sans-serif"',
        ' font-size="12">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{y + BOTTOM}" fill="#ffffff"/>',
        f'<text x="12" y="20" font-size="14">{title}</text>',
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*head, *legend, *axis, *parts, "</svg>"]) + "\n", encoding="utf-8")


def _marks(lows: list[float], highs: list[float]) -> list[float]:
    """The part of the scale that holds all of them, and 1."""
    low, high = min(*lows, 1), max(*highs, 1)
    first = max(index for index, mark in enumerate(SCALE) if mark <= max(low, SCALE[0]))
    last = min(index for index, mark in enumerate(SCALE) if mark >= min(high, SCALE[-1]))
    return list(SCALE[first : last + 1])


def _x(ratio: float, marks: list[float]) -> float:
    low, high = math.log(marks[0]), math.log(marks[-1])
    part = (math.log(min(max(ratio, marks[0]), marks[-1])) - low) / ((high - low) or 1)
    return LEFT + (WIDTH - LEFT - RIGHT) * part


def _bar(row: Row, y: int, marks: list[float]) -> list[str]:
    assert row.ratio is not None and row.ratio_low is not None and row.ratio_high is not None
    one, end = _x(1, marks), _x(row.ratio, marks)
    low, high, middle = _x(row.ratio_low, marks), _x(row.ratio_high, marks), y + BAR / 2
    colour = COLOURS.get(row.server, OTHERS)
    left, width = min(one, end), max(abs(end - one), 1)
    return [
        f'<rect x="{left:.1f}" y="{y + 1}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>',
        f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#000000"/>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{y + BAR - 2}" font-size="11" fill="{colour}">{row.ratio:.2f}</text>',
    ]


def _mark(mark: float, bottom: int, marks: list[float]) -> str:
    x, colour = _x(mark, marks), "#444444" if mark == 1 else "#dddddd"
    line = f'<path d="M{x:.1f} {TOP - 8}V{bottom}" stroke="{colour}"/>'
    return f'{line}<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{mark:g}</text>'


def _legend(servers: list[str]) -> list[str]:
    return [
        f'<text x="{LEFT + 110 * number}" y="36" fill="{COLOURS.get(server, OTHERS)}">■ {server}</text>'
        for number, server in enumerate(servers)
    ]
