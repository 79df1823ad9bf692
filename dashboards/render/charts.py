"""Sparklines, budget bars and line charts as scenes: pure functions of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Float64s, Int64s
from dashboards.render.scene import Path, Point, Rect, Scene, Shape, Text
from dashboards.render.time_axis import time_axis
from dashboards.units import format_value

SERIES_CLASSES = 6
LEFT, RIGHT, TOP, BOTTOM, LEGEND = 58.0, 14.0, 10.0, 22.0, 20.0
NAME_HEIGHT = 11.0
CHAR_WIDTH, MORE_WIDTH = 6.4, 70.0


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart: `times_ms` int64[t], `values` float64[t]; NaN breaks the line."""

    name: str
    times_ms: Int64s
    values: Float64s


@dataclass(frozen=True, slots=True)
class Threshold:
    """A dashed horizontal line with its name."""

    value: float
    name: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line at a time; `title` is told when it is pointed at."""

    at_ms: int
    title: str


def sparkline(values: Float64s, title: str, width: float = 120, height: float = 28) -> Scene:
    """The course of a value from its first known point on, without axes; NaN leaves a gap."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Scene(width, height, f"{title}: no data", [], stretch=True)
    values = values[int(np.argmax(np.isfinite(values))) :]
    low, high = float(known.min()), float(known.max())
    span = (high - low) or 1.0
    xs = np.linspace(1, width - 1, len(values))
    ys = height - 2 - (values - low) / span * (height - 4)
    shapes = [Path(points, "spark") for points in _runs(xs, ys)]
    return Scene(width, height, title, shapes, stretch=True)


def budget_bar(left_ratio: float, width: float = 110, height: float = 10) -> Scene:
    """How much of a budget is left, from full to empty; overspent is all bad."""
    share = min(1.0, max(0.0, left_ratio))
    tone = "bad" if left_ratio <= 0 else "warn" if left_ratio < 0.25 else "good"
    shapes: list[Shape] = [Rect(0, 0, width, height, "bar-ground", radius=height / 2)]
    if share > 0:
        shapes.append(Rect(0, 0, max(height, width * share), height, f"bar-{tone}", height / 2))
    else:
        shapes.append(Rect(0, 0, width, height, "bar-bad", height / 2))
    return Scene(width, height, f"{left_ratio * 100:.1f} % of the budget is left", shapes)


def line_chart(
    lines: Sequence[Line],
    title: str,
    unit: str = "short",
    thresholds: Sequence[Threshold] = (),
    width: float = 640,
    height: float = 220,
    in_view: Sequence[float] = (),
    marks: Sequence[Mark] = (),
) -> Scene:
    """Lines over time with axes, a legend, thresholds and marks; `in_view` are shown anyway."""
    frame = _Frame.around(lines, thresholds, width, height, in_view)
    if frame is None:
        text = Text(width / 2, height / 2, "No data in this range yet", "chart-text", "middle")
        return Scene(width, height, f"{title}: no data", [text])
    shapes: list[Shape] = [
        *_grid(frame, unit),
        *time_axis(frame.left, frame.right, frame.bottom, frame.start_ms, frame.end_ms),
    ]
    shapes += _thresholds(thresholds, frame)
    shapes += _marks(marks, frame)
    for number, line in enumerate(lines):
        xs, ys = frame.xs(line.times_ms), frame.ys(line.values)
        css = f"line series-{number % SERIES_CLASSES + 1}"
        shapes += [Path(points, css) for points in _runs(xs, ys)]
    return Scene(width, height, title, [*shapes, *_legend(lines, frame, unit)])


@dataclass(frozen=True, slots=True)
class _Frame:
    left: float
    right: float
    top: float
    bottom: float
    start_ms: int
    end_ms: int
    low: float
    high: float

    @classmethod
    def around(
        cls,
        lines: Sequence[Line],
        thresholds: Sequence[Threshold],
        width: float,
        height: float,
        in_view: Sequence[float],
    ) -> _Frame | None:
        values = [line.values[np.isfinite(line.values)] for line in lines]
        times = [line.times_ms for line in lines if len(line.times_ms)]
        if not any(len(part) for part in values):
            return None
        known = np.concatenate([*values, in_view])
        low, high = float(known.min()), float(known.max())
        near = [t.value for t in thresholds if low - (high - low) <= t.value <= high * 1.6]
        low, high = _nice(min([low, *near]), max([high, *near]))
        start_ms = min(int(part[0]) for part in times)
        end_ms = max(int(part[-1]) for part in times)
        bottom = height - BOTTOM - LEGEND
        end_ms = max(end_ms, start_ms + 1)
        return cls(LEFT, width - RIGHT, TOP, bottom, start_ms, end_ms, low, high)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def ys(self, values: Float64s) -> Float64s:
        share = (values - self.low) / (self.high - self.low)
        return np.asarray(self.bottom - share * (self.bottom - self.top))

    def xs(self, times_ms: Int64s) -> Float64s:
        share = (times_ms - self.start_ms) / (self.end_ms - self.start_ms)
        return np.asarray(self.left + share * (self.right - self.left))


def _nice(low: float, high: float) -> tuple[float, float]:
    """Bounds that are whole multiples of a round step."""
    if high <= low:
        high, low = (high * 1.1, high * 0.9) if high > 0 else (low + 1, low)
    step = _step((high - low) / 4)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))


def _grid(frame: _Frame, unit: str) -> Iterator[Shape]:
    step = _step((frame.high - frame.low) / 4)
    for i in range(round((frame.high - frame.low) / step) + 1):
        value = frame.low + i * step
        y = frame.y(value)
        yield Path([(frame.left, y), (frame.right, y)], "grid")
        shown = 0.0 if abs(value) < step * 1e-6 else value
        yield Text(frame.left - 6, y + 4, format_value(shown, unit), "chart-text", "end")


def _thresholds(thresholds: Sequence[Threshold], frame: _Frame) -> Iterator[Shape]:
    """Dashed lines from the top down; a name that would lie on the one above it is left out."""
    free_from = float("-inf")
    for threshold in sorted(thresholds, key=lambda one: one.value, reverse=True):
        if not frame.low <= threshold.value <= frame.high:
            continue
        y = frame.y(threshold.value)
        yield Path([(frame.left, y), (frame.right, y)], "threshold")
        if y - NAME_HEIGHT >= free_from:
            yield Text(frame.right, y - 3, threshold.name, "threshold-text", "end")
            free_from = y


def _marks(marks: Sequence[Mark], frame: _Frame) -> Iterator[Shape]:
    """A thin line each, broad enough to be pointed at; those outside of the axis are left out."""
    height = frame.bottom - frame.top
    for mark in marks:
        if frame.start_ms <= mark.at_ms <= frame.end_ms:
            x = float(frame.xs(np.array([mark.at_ms], np.int64))[0])
            yield Path([(x, frame.top), (x, frame.bottom)], "mark")
            yield Rect(x - 4, frame.top, 8, height, "mark-ground", title=mark.title)


def _legend(lines: Sequence[Line], frame: _Frame, unit: str) -> Iterator[Shape]:
    """Each line's name and newest value; how many more there are when the place is used up."""
    x, y = frame.left, frame.bottom + BOTTOM + 12
    for number, line in enumerate(lines):
        known = line.values[np.isfinite(line.values)]
        last = format_value(float(known[-1]), unit) if len(known) else "–"
        text = f"{line.name} {last}"
        left = len(lines) - number
        room = frame.right - (MORE_WIDTH if left > 1 else 0)
        if x + 24 + CHAR_WIDTH * len(text) > room and number:
            yield Text(x, y + 1, f"and {left} more")
            return
        yield Rect(x, y - 8, 10, 10, f"key series-{number % SERIES_CLASSES + 1}", radius=2)
        yield Text(x + 15, y + 1, text)
        x += 30 + CHAR_WIDTH * len(text)


def _runs(xs: Float64s, ys: Float64s) -> Iterator[list[Point]]:
    """Unbroken stretches of points; a lone point becomes a short dash."""
    run: list[Point] = []
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if math.isfinite(y):
            run.append((x, y))
            continue
        if run:
            yield _dash(run)
        run = []
    if run:
        yield _dash(run)


def _dash(run: list[Point]) -> list[Point]:
    return run if len(run) > 1 else [(run[0][0] - 1.5, run[0][1]), (run[0][0] + 1.5, run[0][1])]
