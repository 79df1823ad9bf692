"""Panels to the 24-column grid: left to right, a new line when a panel does not fit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.board import Panel, Row

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel lies: `x`, `y`, `width`, `height` in grid units."""

    x: int
    y: int
    width: int
    height: int


def place_rows(rows: Sequence[Row]) -> list[tuple[Place, list[tuple[Panel, Place]]]]:
    """For each row, the place of its title and of its panels; no two overlap."""
    placed, y = [], 0
    for row in rows:
        title = Place(0, y, COLUMNS, 1)
        panels, y = _place_panels(row.panels, y + 1)
        placed.append((title, panels))
    return placed


def _place_panels(panels: Sequence[Panel], y: int) -> tuple[list[tuple[Panel, Place]], int]:
    placed: list[tuple[Panel, Place]] = []
    x = line_height = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, line_height = 0, y + line_height, 0
        placed.append((panel, Place(x, y, panel.width, panel.height)))
        x += panel.width
        line_height = max(line_height, panel.height)
    return placed, y + line_height
