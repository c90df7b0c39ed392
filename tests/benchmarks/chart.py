"""Charts as SVG: lines over two axes, with a grid, a legend and nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

_WIDTH: Final = 760
_HEIGHT: Final = 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 84, 52
_COLOURS: Final = ("#1f5fa8", "#c2410c", "#2f7d4f", "#7c3aad")
_STEPS: Final = (1, 2, 2.5, 5, 10)
_TICKS: Final = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """From where to where an axis goes; where it is drawn."""

    low: float
    high: float
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1."""
        if self.logarithmic:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values between both ends."""
        if self.logarithmic:
            return [10.0**n for n in range(round(log10(self.low)), round(log10(self.high)) + 1)]
        step = _step(self.high)
        return [number * step for number in range(round(self.high / step) + 1)]


@dataclass(frozen=True)
class Chart:
    """Series of points under one title; the vertical axis begins at 0."""

    title: str
    across: str
    up: str
    series: Mapping[str, Sequence[Point]]
    logarithmic: bool = False
    """The horizontal axis, of which all values are above 0 then."""

    def svg(self) -> str:
        """The picture; ValueError where there is no point to draw."""
        return "\n".join(_picture(self)) + "\n"


def _step(high: float) -> float:
    """The distance of ticks, so that there are a few of them."""
    power = 10.0 ** floor(log10(high / _TICKS))
    return next(step * power for step in _STEPS if step * power * _TICKS >= high)


def _axis(values: Sequence[float], logarithmic: bool = False) -> Axis:
    if logarithmic:
        low = floor(log10(min(values)))
        return Axis(10.0**low, 10.0 ** max(ceil(log10(max(values))), low + 1), True)
    step = _step(max(*values, 1e-9))
    return Axis(0.0, ceil(max(values) / step - 1e-9) * step)


def _picture(chart: Chart) -> Iterator[str]:
    points = [point for line in chart.series.values() for point in line]
    if not points:
        raise ValueError(f"nothing to draw: {chart.title}")
    across = _axis([x for x, _ in points], chart.logarithmic)
    up = _axis([y for _, y in points])

    def x(value: float) -> float:
        return _LEFT + across.share(value) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - up.share(value) * (_HEIGHT - _TOP - _BOTTOM)

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#333" role="img" aria-label="{escape(chart.title)}">'
    )
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    yield _text(_LEFT, 22, chart.title, "start", 'font-size="15" font-weight="bold"')
    yield from _grid(across, up, x, y)
    yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, chart.across)
    yield _text(_LEFT, _TOP - 10, chart.up, "start")
    yield from _lines(chart, x, y)
    yield "</svg>"


def _grid(across: Axis, up: Axis, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    for value in up.ticks():
        at = y(value)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        yield _text(_LEFT - 8, at + 4, _number(value), "end")
    for value in across.ticks():
        at = x(value)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="#eee"/>'
        yield _text(at, _HEIGHT - _BOTTOM + 18, _number(value))


def _lines(chart: Chart, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    for place, (name, points) in enumerate(chart.series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        drawn = " ".join(f"{x(across):.1f},{y(up):.1f}" for across, up in points)
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>'
        if len(points) <= 2 * _TICKS:
            yield from (f'<circle cx="{x(a):.1f}" cy="{y(u):.1f}" r="3" fill="{colour}"/>' for a, u in points)
        at = _LEFT + 210 * place
        yield f'<rect x="{at}" y="36" width="12" height="12" fill="{colour}"/>'
        yield _text(at + 18, 46, name, "start")


def _text(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'.replace(
        " >", ">"
    )


def _number(value: float) -> str:
    return f"{value:,.10g}"
