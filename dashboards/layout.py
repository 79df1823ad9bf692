"""Panels to the 24-column grid, and the numbers that links know them by. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.board import Panel, Row

COLUMNS = 24
MAX_PANEL_ID = 1_000_000
"""Room enough that titles of one board seldom meet, and short in a link (`?viewPanel=…`)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel lies: `x`, `y`, `width`, `height` in grid units."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row's title, and its panels, each with its number and its place."""

    row: Row
    number: int
    place: Place
    panels: Sequence[tuple[Panel, int, Place]]


def place_rows(rows: Sequence[Row]) -> list[PlacedRow]:
    """Left to right, on a further line when a panel does not fit; no two overlap.

    A panel's number follows from the titles of its row and itself, so that links to it hold while
    panels come and go around it.
    """
    placed: list[PlacedRow] = []
    taken: set[int] = set()
    y = 0
    for row in rows:
        number = _number(row.title, taken)
        numbers = [_number(f"{row.title}/{panel.title}", taken) for panel in row.panels]
        places, below = _place_panels(row.panels, y + 1)
        panels = list(zip(row.panels, numbers, places, strict=True))
        placed.append(PlacedRow(row, number, Place(0, y, COLUMNS, 1), panels))
        y = below
    return placed


def _number(title: str, taken: set[int]) -> int:
    number = zlib.crc32(title.encode()) % MAX_PANEL_ID + 1
    while number in taken:
        number = number % MAX_PANEL_ID + 1
    taken.add(number)
    return number


def _place_panels(panels: Sequence[Panel], y: int) -> tuple[list[Place], int]:
    placed: list[Place] = []
    x = line_height = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, line_height = 0, y + line_height, 0
        placed.append(Place(x, y, panel.width, panel.height))
        x += panel.width
        line_height = max(line_height, panel.height)
    return placed, y + line_height
