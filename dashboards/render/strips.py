"""Rows of coloured cells over time: states as they changed, how much there was of something."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from collector.model.samples import Float64s
from dashboards.render.scene import Rect, Scene, Shape, Text
from dashboards.render.time_axis import time_axis

Tone = Literal["good", "warn", "bad", "ground"]

LEFT, RIGHT, TOP, AXIS = 140.0, 14.0, 6.0, 24.0
ROW, GAP = 20.0, 4.0
MAX_NAME_CHARS = 22
FAINTEST = 0.12
"""A cell with little is still seen to be there; nothing at all has the colour of the ground."""


@dataclass(frozen=True, slots=True)
class Span:
    """A state from `start_ms` to before `end_ms`; `text` says it in words."""

    start_ms: int
    end_ms: int
    tone: Tone
    text: str


def state_timeline(
    rows: Sequence[tuple[str, Sequence[Span]]],
    title: str,
    start_ms: int,
    end_ms: int,
    width: float = 640,
) -> Scene:
    """A line for each name, its spans coloured by tone and cut to [start_ms, end_ms]."""
    height = _height(len(rows))
    shapes: list[Shape] = []
    scale = (width - LEFT - RIGHT) / max(1, end_ms - start_ms)
    for number, (name, spans) in enumerate(rows):
        y = TOP + number * (ROW + GAP)
        shapes += [_name(name, y), Rect(LEFT, y, width - LEFT - RIGHT, ROW, "bar-ground")]
        for span in spans:
            begin, end = max(start_ms, span.start_ms), min(end_ms, span.end_ms)
            if begin < end:
                x, wide = LEFT + (begin - start_ms) * scale, (end - begin) * scale
                told = f"{name}: {span.text}"
                shapes.append(Rect(x, y, max(1.0, wide), ROW, f"bar-{span.tone}", title=told))
    shapes += time_axis(LEFT, width - RIGHT, height - AXIS, start_ms, end_ms)
    return Scene(width, height, title, shapes)


def heat_strip(
    rows: Sequence[tuple[str, Float64s]],
    title: str,
    start_ms: int,
    end_ms: int,
    width: float = 640,
    tone: Tone = "bad",
) -> Scene:
    """A line for each name, its cells the stronger the nearer the value is to 1; NaN is left out.

    Values are float64[cells] in [0, 1], evenly over [start_ms, end_ms]; outside they are cut.
    """
    height = _height(len(rows))
    shapes: list[Shape] = []
    for number, (name, values) in enumerate(rows):
        y = TOP + number * (ROW + GAP)
        shapes.append(_name(name, y))
        shapes += _cells(name, values, y, width - LEFT - RIGHT, tone)
    shapes += time_axis(LEFT, width - RIGHT, height - AXIS, start_ms, end_ms)
    return Scene(width, height, title, shapes)


def _cells(name: str, values: Float64s, y: float, width: float, tone: Tone) -> Iterator[Shape]:
    wide = width / max(1, len(values))
    for i, value in enumerate(values.tolist()):
        if math.isnan(value):
            continue
        share = min(1.0, max(0.0, value))
        css, opacity = (f"bar-{tone}", max(FAINTEST, share)) if share > 0 else ("bar-ground", 1.0)
        told = f"{name}: {share * 100:.3g} %"
        yield Rect(LEFT + i * wide, y, max(0.5, wide - 1), ROW, css, title=told, opacity=opacity)


def _name(name: str, y: float) -> Text:
    """Right of the name begins the strip; a long one loses its middle, as ends tell most."""
    if len(name) > MAX_NAME_CHARS:
        half = (MAX_NAME_CHARS - 1) // 2
        name = f"{name[: half + 1]}…{name[-half:]}"
    return Text(LEFT - 8, y + ROW - 6, name, "chart-text", "end")


def _height(rows: int) -> float:
    return TOP + max(1, rows) * (ROW + GAP) + AXIS
