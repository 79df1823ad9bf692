"""Lines in a terminal: eight dots a character (braille), a colour a series, axes, legend. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.text import Text

from dashboards.units import format_value
from tocsin.commands.query_rows import SeriesRows

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red", "white")
MAX_LINES = 7
"""More series than colours can't be told apart; the rest is counted."""
DOTS_X, DOTS_Y = 2, 4
MIN_WIDTH, MIN_HEIGHT = 20, 4
LARGEST_PLAIN = 1e15
"""From here on a number with a unit is longer than one with an exponent."""
_BRAILLE = 0x2800
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass(slots=True)
class _Canvas:
    """Cells of dots; a cell has the colour of the series that drew into it last."""

    width: int
    height: int
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    colours: dict[tuple[int, int], str] = field(default_factory=dict)

    def put(self, x: int, y: int, colour: str) -> None:
        """A dot at (x, y), counted from the upper left."""
        cell = (x // DOTS_X, y // DOTS_Y)
        self.dots[cell] = self.dots.get(cell, 0) | _BITS[y % DOTS_Y][x % DOTS_X]
        self.colours[cell] = colour

    def row(self, y: int) -> Text:
        """One line of cells."""
        text = Text()
        for x in range(self.width):
            dots = self.dots.get((x, y), 0)
            text.append(chr(_BRAILLE + dots) if dots else " ", self.colours.get((x, y), ""))
        return text


def plot(series: Sequence[SeriesRows], width: int = 80, height: int = 16) -> list[Text]:
    """The lines of a chart that is `width` characters wide and has `height` rows of dots."""
    shown = series[:MAX_LINES]
    known = [value for one in shown for value in one.numbers() if math.isfinite(value)]
    times = [time for one in shown for time in one.times]
    if not known:
        return [Text("no data")]
    low, high = _bounds(min(known), max(known))
    labels = _scale(low, high, max(height, MIN_HEIGHT))
    margin = max(map(len, labels)) + 1
    canvas = _Canvas(max(width - margin - 1, MIN_WIDTH), max(height, MIN_HEIGHT))
    frame = (min(times), max(times), low, high)
    for number, one in enumerate(shown):
        _draw(canvas, one, frame, COLOURS[number])
    lines = [
        Text(label.rjust(margin - 1) + " ┤").append_text(canvas.row(y))
        for y, label in enumerate(labels)
    ]
    return [*lines, *_foot(frame[0], frame[1], margin, canvas.width), *_legend(series, shown)]


def _bounds(low: float, high: float) -> tuple[float, float]:
    """Apart, so that a flat line has a place between them."""
    if low < high:
        return low, high
    room = abs(low) / 2 or 1.0
    return low - room, high + room


def _scale(low: float, high: float, height: int) -> list[str]:
    """A label for the first, the last and every fourth row."""
    last = height - 1
    return [
        _figure(high * (1 - y / last) + low * (y / last)) if y % 4 == 0 or y == last else ""
        for y in range(height)
    ]


def _figure(value: float) -> str:
    return format_value(value) if abs(value) < LARGEST_PLAIN else f"{value:.3g}"


def _draw(
    canvas: _Canvas, one: SeriesRows, frame: tuple[float, float, float, float], colour: str
) -> None:
    first, last, low, high = frame
    across, down = canvas.width * DOTS_X - 1, canvas.height * DOTS_Y - 1
    before: tuple[int, int] | None = None
    for time, value in zip(one.times, one.numbers(), strict=True):
        if not math.isfinite(value):
            before = None
            continue
        x = round((time - first) / (last - first) * across) if last > first else across // 2
        # halves, as the whole difference may be more than a float holds
        y = round((high / 2 - value / 2) / (high / 2 - low / 2) * down)
        for dot in _between(before or (x, y), (x, y)):
            canvas.put(*dot, colour)
        before = (x, y)


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Every dot on the way."""
    count = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for i in range(count + 1):
        share = i / count
        yield (
            round(start[0] + (end[0] - start[0]) * share),
            round(start[1] + (end[1] - start[1]) * share),
        )


def _foot(first: float, last: float, margin: int, width: int) -> list[Text]:
    form = "%H:%M:%S" if last - first < 86_400 else "%m-%d %H:%M"
    left, right = (f"{datetime.fromtimestamp(one, UTC):{form}}" for one in (first, last))
    gap = max(width - len(left) - len(right), 1)
    return [
        Text(" " * margin + "└" + "─" * width),
        Text(" " * (margin + 1) + left + " " * gap + right + " UTC"),
    ]


def _legend(series: Sequence[SeriesRows], shown: Sequence[SeriesRows]) -> list[Text]:
    lines = [
        Text("  ").append("━━ ", COLOURS[number]).append(one.name)
        for number, one in enumerate(shown)
    ]
    if len(shown) < len(series):
        lines.append(Text(f"  and {len(series) - len(shown)} more: narrow the query to see them"))
    return lines
