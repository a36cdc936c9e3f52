"""Charts as geometry: scales, ticks and paths in the coordinates of an SVG; the template draws them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 78.0, 30.0, 44.0
LABEL_GAP = 15.0


class Tick(NamedTuple):
    """``at``: its place along the axis in pixels."""

    at: float
    text: str


class Dot(NamedTuple):
    """``text``: what is told where the pointer rests."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """``colour``: which of the palette, from 1. ``style``: ``solid``, ``dashed`` or ``dotted``. ``label``: beside its
    end, at ``label_y``."""

    label: str
    colour: int
    style: str
    path: str
    dots: tuple[Dot, ...]
    label_y: float


class Bar(NamedTuple):
    """A bar from the bottom up."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Axes with titles, and lines or bars."""

    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


class Points(NamedTuple):
    """A line before it has a place. ``values``: x, y, text."""

    label: str
    colour: int
    values: Sequence[tuple[float, float, str]]
    style: str = "solid"


class Scale:
    """Values to pixels; ``log`` for orders of magnitude."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool = False) -> None:
        self._log = log
        self._low, self._high = self._mapped(low), self._mapped(high)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        """Where a value stands."""
        span = self._high - self._low or 1.0
        return round(self._start + (self._mapped(value) - self._low) / span * (self._end - self._start), 1)

    def _mapped(self, value: float) -> float:
        return math.log10(value) if self._log else value


def line_chart(points: Sequence[Points], x_title: str, y_title: str, *, doubling: bool = False) -> Chart:
    """Lines over numbers; the vertical axis has orders of magnitude. ``doubling``: the x values double each time."""
    xs = [x for line in points for x, _, _ in line.values]
    ys = [y for line in points for _, y, _ in line.values]
    marks = _decades(min(ys), max(ys))
    y = Scale(marks[0], marks[-1], HEIGHT - BOTTOM, TOP, log=True)
    if doubling:
        x_marks = sorted(set(xs))
        x = Scale(x_marks[0], x_marks[-1], LEFT, WIDTH - RIGHT, log=True)
    else:
        x_marks = round_steps(max(xs))
        x = Scale(0, x_marks[-1], LEFT, WIDTH - RIGHT)
    return Chart(
        x_title,
        y_title,
        tuple(Tick(x(mark), short(mark)) for mark in x_marks),
        tuple(Tick(y(mark), short(mark)) for mark in marks),
        lines=_apart([_line(one, x, y) for one in points]),
    )


def bar_chart(values: Sequence[tuple[str, float, str]], x_title: str, y_title: str) -> Chart:
    """Bars with a label and a text each."""
    marks = round_steps(max(value for _, value, _ in values))
    y = Scale(0, marks[-1], HEIGHT - BOTTOM, TOP)
    step = (WIDTH - RIGHT - LEFT) / len(values)
    wide = min(step * 0.82, 48.0)
    bars, ticks = [], []
    every = math.ceil(len(values) / 16)
    for index, (label, value, text) in enumerate(values):
        middle = LEFT + step * (index + 0.5)
        bars.append(Bar(round(middle - wide / 2, 1), y(value), round(wide, 1), round(y(0) - y(value), 1), text))
        if index % every == 0:
            ticks.append(Tick(round(middle, 1), label))
    return Chart(x_title, y_title, tuple(ticks), tuple(Tick(y(mark), short(mark)) for mark in marks), bars=tuple(bars))


def round_steps(highest: float) -> list[float]:
    """Four to seven round numbers from 0 to beyond the highest."""
    raw = highest / 5 or 1.0
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def short(value: float) -> str:
    """A number for an axis."""
    if value >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:g}"


def _decades(low: float, high: float) -> list[float]:
    """1, 2, 5, 10 … around two positive numbers."""
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    every = [factor * 10.0**exponent for exponent in exponents for factor in (1, 2, 5)]
    first = max(mark for mark in every if mark <= low * 1.0001)
    last = min(mark for mark in every if mark >= high * 0.9999 and mark > first)
    return [mark for mark in every if first <= mark <= last]


def _line(points: Points, x: Scale, y: Scale) -> Line:
    dots = tuple(Dot(x(a), y(b), text) for a, b, text in points.values)
    path = "M" + " L".join(f"{dot.x},{dot.y}" for dot in dots)
    return Line(points.label, points.colour, points.style, path, dots, dots[-1].y)


def _apart(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines with their labels moved so far apart that each can be read."""
    placed: list[Line] = []
    for line in sorted(lines, key=lambda line: line.label_y):
        least = placed[-1].label_y + LABEL_GAP if placed else -math.inf
        y = max(line.label_y, least)
        placed.append(replace(line, label_y=round(y, 1)))
    return tuple(placed)
