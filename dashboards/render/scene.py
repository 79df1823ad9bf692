"""A picture as values: rectangles, paths and texts with classes instead of colours.

The classes get their colours where the picture is shown (a page's style sheet, dark or light), so
one scene serves all. Coordinates are pixels, y grows downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle; `title` is told when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    css: str
    radius: float = 0
    title: str = ""
    opacity: float = 1


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or the area inside when `closed`."""

    points: Sequence[Point]
    css: str
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `x`, `y` is its baseline at the anchor."""

    x: float
    y: float
    text: str
    css: str = "chart-text"
    anchor: Anchor = "start"


Shape = Rect | Path | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes in drawing order; `title` says in words what the picture shows."""

    width: float
    height: float
    title: str
    shapes: Sequence[Shape]
    stretch: bool = False
