"""Curves over a common axis as an SVG that needs nothing but a browser."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 64, 48
_STEPS: Final = 6


class Curve(NamedTuple):
    """Points in the order of their first coordinate, drawn as one line."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


def plot(title: str, curves: Sequence[Curve], units: tuple[str, str], bar: float) -> str:
    """The SVG. `units`: of the horizontal and the vertical axis, both from 0 on; `bar`: a value not to be exceeded."""
    wide = max(x for curve in curves for x, _ in curve.points)
    across = _step(wide)
    upward = _step(max(bar, *(y for curve in curves for _, y in curve.points)) * 1.05)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            'font-size="12" fill="#333">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
            f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
            *_drawn(curves, units, bar, (across, upward)),
            "</svg>",
            "",
        ]
    )


def _drawn(curves: Sequence[Curve], units: tuple[str, str], bar: float, steps: tuple[float, float]) -> Iterator[str]:
    right, foot = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / (steps[0] * _STEPS) * (right - _LEFT),
            foot - y / (steps[1] * _STEPS) * (foot - _TOP),
        )

    for number in range(_STEPS + 1):
        x, y = place(steps[0] * number, steps[1] * number)
        yield f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{steps[1] * number:g}</text>'
        yield f'<text x="{x:.1f}" y="{foot + 18}" text-anchor="middle">{steps[0] * number:g}</text>'
    yield f'<text x="{right}" y="{foot + 36}" text-anchor="end">{escape(units[0])}</text>'
    yield f'<text x="{_LEFT - 8}" y="{_TOP - 14}" text-anchor="end">{escape(units[1])}</text>'
    y = place(0, bar)[1]
    yield f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#b91c1c" stroke-dasharray="6 4"/>'
    for number, curve in enumerate(curves):
        points = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in curve.points)
        yield f'<polyline points="{points}" fill="none" stroke="{curve.colour}" stroke-width="1.5"/>'
        x = _LEFT + 150 * number
        yield f'<text x="{x}" y="46" fill="{curve.colour}">{escape(curve.name)}</text>'


def _step(greatest: float) -> float:
    """A round step of which `_STEPS` reach a value."""
    least = greatest / _STEPS
    unit = 10.0 ** math.floor(math.log10(least))
    return next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= least)
