"""A line chart as SVG, in a few lines of our own: enough to see whether something grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 60, 40, 40
COLOURS = ("#1f6feb", "#b35900")


@dataclass(frozen=True)
class Curve:
    """Values at the chart's times; its axis begins at 0, on the left for the first curve, on the right for another."""

    name: str
    values: Sequence[float]


def write_chart(path: Path, title: str, minutes: Sequence[float], curves: Sequence[Curve]) -> None:
    """Draws one or two curves over the time."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"',
        ' font-size="12">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{title}</text>',
        *_time_axis(minutes[-1]),
    ]
    for number, curve in enumerate(curves):
        parts += _curve(curve, minutes, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _time_axis(last_minute: float) -> list[str]:
    y = HEIGHT - BOTTOM
    parts = [f'<path d="M{LEFT} {TOP}V{y}H{WIDTH - RIGHT}V{TOP}" fill="none" stroke="#888888"/>']
    for part in range(6):
        x = LEFT + (WIDTH - LEFT - RIGHT) * part / 5
        parts.append(f'<text x="{x:.0f}" y="{y + 18}" text-anchor="middle">{last_minute * part / 5:.3g} min</text>')
    return parts


def _curve(curve: Curve, minutes: Sequence[float], number: int) -> list[str]:
    top = _round_up(max(curve.values))
    points = [
        (
            LEFT + (WIDTH - LEFT - RIGHT) * minute / (minutes[-1] or 1),
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top,
        )
        for minute, value in zip(minutes, curve.values, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, anchor = (LEFT - 6, "end") if number == 0 else (WIDTH - RIGHT + 6, "start")
    colour = COLOURS[number]
    scale = [
        f'<text x="{x}" y="{y + 4:.0f}" text-anchor="{anchor}" fill="{colour}">{top * part / 4:,.4g}</text>'
        for part in range(5)
        for y in [HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part / 4]
    ]
    legend_x = LEFT + 8 + 240 * number
    legend = f'<text x="{legend_x}" y="{TOP + 14}" fill="{colour}">{curve.name}</text>'
    return [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>', *scale, legend]


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    step = 1.0
    while step * 10 <= value:
        step *= 10
    return next(step * factor for factor in (1, 2, 5, 10) if step * factor >= value) if value > 0 else 1.0
