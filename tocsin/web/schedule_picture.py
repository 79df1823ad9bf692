"""A schedule as a picture: a row for the outcome, one for each layer, gaps in red. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from alerts.on_call.rota import Plan
from alerts.on_call.schedule import Shift
from alerts.on_call.wall_clock import DAY, local_of, moment_ms
from dashboards.render.scene import Path, Rect, Scene, Shape, Text

LEFT, RIGHT, TOP, ROW, GAP = 110.0, 8.0, 22.0, 30.0, 6.0
WIDTH = 1080.0
SERIES = (1, 3, 4, 5, 6)
"""Colours of people; the second one is red, as gaps are."""
CHAR_WIDTH = 8.5
MAX_NAME_CHARS = 14
EVERY_DAY_UP_TO = 16
"""With more days than this, only Mondays are named."""


def schedule_picture(plan: Plan, from_ms: int, until_ms: int, colors: Sequence[str]) -> Scene:
    """[from, until) of a schedule; `colors` are the names of people, in the order of colours."""
    rows: list[tuple[str, Sequence[Shift]]] = [("on call", plan.shifts)]
    named = zip(plan.schedule.layers, plan.layers, strict=True)
    for number, (layer, found) in reversed(list(enumerate(named, 1))):
        rows.append((layer.name or f"layer {number}", found))
    picture = _Picture(from_ms, until_ms, plan.schedule.zone, colors, TOP + len(rows) * (ROW + GAP))
    shapes = picture.days()
    for number, (name, shifts) in enumerate(rows):
        shapes += picture.row(name, shifts, TOP + number * (ROW + GAP), is_outcome=number == 0)
    title = f"{plan.schedule.name}: who is on call in each layer"
    return Scene(WIDTH, picture.height, title, shapes)


class _Picture:
    def __init__(
        self, from_ms: int, until_ms: int, zone: ZoneInfo, colors: Sequence[str], height: float
    ) -> None:
        self._from_ms, self._until_ms, self._zone = from_ms, until_ms, zone
        self._colors = list(colors)
        self.height = height

    def days(self) -> list[Shape]:
        """A line and a name for each midnight."""
        shapes: list[Shape] = []
        day = local_of(self._from_ms, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        shown = (self._until_ms - self._from_ms) / 86_400_000
        while (ms := moment_ms(day, self._zone)) < self._until_ms:
            if ms >= self._from_ms:
                x = self._x(ms)
                shapes.append(Path(((x, TOP - 4), (x, self.height)), "grid"))
                if shown <= EVERY_DAY_UP_TO or day.weekday() == 0:
                    month = f" {day:%b}" if day.day == 1 or len(shapes) == 1 else ""
                    shapes.append(Text(x + 3, 14, f"{day:%a} {day.day}{month}"))
            day += DAY
        return shapes

    def row(self, name: str, shifts: Sequence[Shift], y: float, is_outcome: bool) -> list[Shape]:
        """One row; only the outcome shows its gaps."""
        shapes: list[Shape] = [Text(0, y + 19, _short(name, MAX_NAME_CHARS))]
        for shift in shifts:
            if shift.person or is_outcome:
                shapes += self._shift(shift, y, 1 if is_outcome else 0.55)
        return shapes

    def _shift(self, shift: Shift, y: float, opacity: float) -> list[Shape]:
        left, right = self._x(shift.start_ms), self._x(shift.end_ms)
        who = shift.person or "nobody"
        by = f" ({shift.source})" if shift.source else ""
        title = f"{who}{by}, {self._time(shift.start_ms)} to {self._time(shift.end_ms)}"
        css = f"key series-{self._color(shift.person)}" if shift.person else "gap"
        shapes: list[Shape] = [
            Rect(left + 0.5, y, max(right - left - 1, 1), ROW, css, 3, title, opacity)
        ]
        room = int((right - left - 10) / CHAR_WIDTH)
        if room >= min(3, len(who)):
            css = "shift-text" if shift.person else "gap-text"
            shapes.append(Text(left + 6, y + 19, _short(who, room), css))
        return shapes

    def _color(self, person: str) -> int:
        at = self._colors.index(person) if person in self._colors else 0
        return SERIES[at % len(SERIES)]

    def _x(self, ms: int) -> float:
        share = (ms - self._from_ms) / (self._until_ms - self._from_ms)
        return LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT)

    def _time(self, ms: int) -> str:
        at: datetime = local_of(ms, self._zone)
        return f"{at:%a} {at.day} {at:%b %H:%M}"


def _short(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: max(chars - 1, 1)] + "…"
