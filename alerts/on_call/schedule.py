"""Who is on call at a moment: layers, rotations, restrictions, overrides, time zones. Pure.

A layer's people take turns of whole hours, days or weeks of wall time, from its first hand-over on:
a hand-over at 09:00 stays at 09:00 when clocks change. A later layer stands over an earlier one
wherever it has somebody; an override stands over all layers, the one made last over the others.
Where nobody is on call there is a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.on_call.wall_clock import DAY, both_ms, changes_ms, local_of, moment_ms

MAX_RANGE_MS = 400 * 24 * 3_600_000
"""Shifts are laid out for this long at most: a year and a month."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Restriction:
    """Hours of some weekdays (0 is Monday), in minutes of the day; an end at or before the start is
    on the next day.
    """

    start_minute: int = 0
    end_minute: int = 24 * 60
    weekdays: frozenset[int] = frozenset(range(7))

    def contains(self, local: datetime) -> bool:
        """Whether a wall time lies in it; the start does, the end does not."""
        minute, weekday = local.hour * 60 + local.minute, local.weekday()
        if self.start_minute < self.end_minute:
            return self.start_minute <= minute < self.end_minute and weekday in self.weekdays
        began_today = minute >= self.start_minute and weekday in self.weekdays
        return began_today or (minute < self.end_minute and (weekday - 1) % 7 in self.weekdays)


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take turns of `length` from `start` (naive local time) until `end`, if there is
    one; with restrictions, only within one of them.
    """

    people: Sequence[str]
    start: datetime
    length: timedelta
    end: datetime | None = None
    restrictions: Sequence[Restriction] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers in one time zone, the later above the earlier."""

    name: str
    zone: ZoneInfo
    layers: Sequence[Layer]


@dataclass(frozen=True, slots=True)
class Override:
    """Someone stands in for whoever it is; times are [start, end) in milliseconds since 1970."""

    id: str
    schedule: str
    person: str
    start_ms: int
    end_ms: int
    author: str = ""
    made_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch [start, end) with one person, or nobody (""): a gap. `source` says by what."""

    start_ms: int
    end_ms: int
    person: str
    source: str = ""


Who = tuple[str, str]
"""A person and by what they are on call: `override`, or the layer's name."""


def on_call(schedule: Schedule, at_ms: int, overrides: Iterable[Override] = ()) -> Who:
    """Who is on call at a moment, and why; ("", "") when nobody is."""
    standing = [
        one
        for one in overrides
        if one.schedule == schedule.name and one.start_ms <= at_ms < one.end_ms
    ]
    if standing:
        last = max(standing, key=lambda one: (one.made_at_ms, one.id))
        return last.person, "override"
    for number in reversed(range(len(schedule.layers))):
        layer = schedule.layers[number]
        person = on_layer(layer, schedule.zone, at_ms)
        if person:
            return person, layer.name or f"layer {number + 1}"
    return "", ""


def on_layer(layer: Layer, zone: ZoneInfo, at_ms: int) -> str:
    """Who has the turn of one layer at a moment, or ""."""
    if at_ms < moment_ms(layer.start, zone) or not layer.people:
        return ""
    if layer.end is not None and at_ms >= moment_ms(layer.end, zone):
        return ""
    local = local_of(at_ms, zone)
    if layer.restrictions and not any(one.contains(local) for one in layer.restrictions):
        return ""
    return layer.people[turn(layer, zone, at_ms) % len(layer.people)]


def turn(layer: Layer, zone: ZoneInfo, at_ms: int) -> int:
    """The number of the turn at a moment, 0 for the first."""
    number = (local_of(at_ms, zone) - layer.start) // layer.length
    while _turn_ms(layer, zone, number) > at_ms:
        number -= 1
    while _turn_ms(layer, zone, number + 1) <= at_ms:
        number += 1
    return number


def shifts(
    schedule: Schedule, from_ms: int, until_ms: int, overrides: Iterable[Override] = ()
) -> list[Shift]:
    """What [from, until) is made of, gaps included; neighbours of one person are one shift.

    Raises ValueError for more than MAX_RANGE_MS.
    """
    mine = [one for one in overrides if one.schedule == schedule.name]
    edges = {ms for one in mine for ms in (one.start_ms, one.end_ms)}
    for layer in schedule.layers:
        edges |= _edges(layer, schedule.zone, from_ms, until_ms)
    return _laid_out(edges, from_ms, until_ms, lambda ms: on_call(schedule, ms, mine))


def layer_shifts(layer: Layer, zone: ZoneInfo, from_ms: int, until_ms: int) -> list[Shift]:
    """The same for one layer alone."""
    edges = _edges(layer, zone, from_ms, until_ms)
    return _laid_out(edges, from_ms, until_ms, lambda ms: (on_layer(layer, zone, ms), layer.name))


def gaps(found: Iterable[Shift]) -> list[Shift]:
    """The stretches in which nobody is on call."""
    return [shift for shift in found if not shift.person]


def _turn_ms(layer: Layer, zone: ZoneInfo, number: int) -> int:
    return moment_ms(layer.start + number * layer.length, zone)


def _laid_out(
    edges: Iterable[int], from_ms: int, until_ms: int, who: Callable[[int], Who]
) -> list[Shift]:
    if until_ms - from_ms > MAX_RANGE_MS:
        raise ValueError(f"over {MAX_RANGE_MS // (24 * HOUR_MS)} days")
    starts = sorted({from_ms, *(ms for ms in edges if from_ms < ms < until_ms)})
    found: list[Shift] = []
    for start_ms, end_ms in zip(starts, [*starts[1:], until_ms], strict=True):
        person, source = who(start_ms)
        last = found[-1] if found else None
        if last is not None and (last.person, last.source) == (person, source):
            found[-1] = Shift(last.start_ms, end_ms, person, source)
        else:
            found.append(Shift(start_ms, end_ms, person, source))
    return [shift for shift in found if shift.start_ms < shift.end_ms]


def _edges(layer: Layer, zone: ZoneInfo, from_ms: int, until_ms: int) -> set[int]:
    """Every moment at which the layer's answer may change."""
    found = {moment_ms(layer.start, zone)}
    if layer.end is not None:
        found.add(moment_ms(layer.end, zone))
    if layer.people and from_ms < until_ms:
        first, last = (turn(layer, zone, ms) for ms in (from_ms, until_ms))
        found.update(_turn_ms(layer, zone, number) for number in range(first, last + 1))
    return found | _restriction_edges(layer, zone, from_ms, until_ms)


def _restriction_edges(layer: Layer, zone: ZoneInfo, from_ms: int, until_ms: int) -> set[int]:
    if not layer.restrictions:
        return set()
    minutes = {m for one in layer.restrictions for m in (0, one.start_minute, one.end_minute)}
    found = set(changes_ms(from_ms, until_ms, zone))
    day = local_of(from_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    end = local_of(until_ms, zone) + DAY
    while day <= end:
        for minute in minutes:
            found.update(both_ms(day + timedelta(minutes=minute), zone))
        day += DAY
    return found
