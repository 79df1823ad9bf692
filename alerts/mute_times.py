"""Weekly, monthly and yearly hours in which a route is muted, or the only ones in which it speaks.

Pure: time comes in as milliseconds. Semantics and syntax of Alertmanager's timeinterval package:
`start:end` ranges are inclusive except for times of day, negative days count from the month's end.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.model.errors import InputError

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = tuple(name.lower() for name in calendar.month_name)
DAY_MINUTES = 24 * 60
_CLOCK = re.compile(r"(\d{2}):(\d{2})")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """All lines that are not empty must hold; `minutes` are [start, end) within a day."""

    minutes: tuple[Range, ...] = ()
    weekdays: tuple[Range, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    location: str = "UTC"

    def contains(self, now_ms: int) -> bool:
        """Whether the moment lies inside, by the clock of `location`."""
        now = datetime(1970, 1, 1, tzinfo=zone("UTC")) + timedelta(milliseconds=now_ms)
        local = now.astimezone(zone(self.location))
        minute = local.hour * 60 + local.minute
        return (
            any(start <= minute < end for start, end in self.minutes or ((0, DAY_MINUTES),))
            and _within(self.weekdays, local.isoweekday() % 7)
            and _day_within(self.days_of_month, local)
            and _within(self.months, local.month)
            and _within(self.years, local.year)
        )


def is_muted(
    now_ms: int,
    mute: Iterable[str],
    active: Iterable[str],
    intervals: Mapping[str, tuple[TimeInterval, ...]],
) -> str:
    """Why a route is silent now (the interval's name, or `not active`), or ""."""
    for name in mute:
        if any(interval.contains(now_ms) for interval in intervals[name]):
            return name
    names = tuple(active)
    inside = any(interval.contains(now_ms) for name in names for interval in intervals[name])
    return "not active" if names and not inside else ""


def muting(
    now_ms: int,
    mute: Collection[str],
    active: Collection[str],
    intervals: Mapping[str, tuple[TimeInterval, ...]],
) -> tuple[str, ...]:
    """The names of all intervals for which a route is silent now: `mutedBy` of the API."""
    holds = {
        name: any(interval.contains(now_ms) for interval in intervals[name])
        for name in (*mute, *active)
    }
    inactive = () if any(holds[name] for name in active) else active
    return tuple(dict.fromkeys((*(name for name in mute if holds[name]), *inactive)))


def parse_time_interval(
    times: Iterable[tuple[str, str]],
    weekdays: Iterable[str],
    days_of_month: Iterable[str],
    months: Iterable[str],
    years: Iterable[str],
    location: str,
) -> TimeInterval:
    """Alertmanager's texts to an interval; raises InputError for one that is none."""
    zone(location)
    return TimeInterval(
        minutes=tuple(_time_range(start, end) for start, end in times),
        weekdays=tuple(_range(text, _named(WEEKDAYS), 0, 6) for text in weekdays),
        days_of_month=tuple(_days(text) for text in days_of_month),
        months=tuple(_range(text, _named(MONTHS), 1, 12) for text in months),
        years=tuple(_range(text, _number, 1, 9999) for text in years),
        location=location,
    )


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """A time zone of the IANA database; raises InputError for an unknown name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"unknown time zone {name!r}", advice="like Europe/Berlin") from error


def _within(ranges: tuple[Range, ...], value: int) -> bool:
    return not ranges or any(low <= value <= high for low, high in ranges)


def _day_within(ranges: tuple[Range, ...], local: datetime) -> bool:
    if not ranges:
        return True
    last = calendar.monthrange(local.year, local.month)[1]
    for low, high in ranges:
        begin, end = (day if day > 0 else last + 1 + day for day in (low, high))
        if begin <= last and max(begin, 1) <= local.day <= min(end, last):
            return True
    return False


def _time_range(start: str, end: str) -> Range:
    begin, finish = _minutes(start), _minutes(end)
    if begin >= finish:
        raise InputError(
            f"start_time {start!r} is not before end_time {end!r}",
            advice="split a range that crosses midnight into two",
        )
    return begin, finish


def _minutes(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if match is None or int(match[2]) > 59 or minutes > DAY_MINUTES:
        raise InputError(f"not a time of day: {text!r}", advice="write it in quotes, like '09:30'")
    return minutes


def _range(text: str, read: Callable[[str], int], lowest: int, highest: int) -> Range:
    first, colon, second = text.lower().partition(":")
    low = read(first)
    high = read(second) if colon else low
    if low > high or low < lowest or high > highest:
        raise InputError(f"not a range in {lowest}..{highest}: {text!r}")
    return low, high


def _days(text: str) -> Range:
    first, colon, second = text.partition(":")
    low = _number(first)
    high = _number(second) if colon else low
    valid = all(day and -31 <= day <= 31 for day in (low, high))
    if not valid or (low < 0 < high) or ((low > 0) == (high > 0) and low > high):
        raise InputError(f"not a range of days of a month: {text!r}", advice="like 1:7 or -3:-1")
    return low, high


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"not a number: {text!r}") from error


def _named(names: tuple[str, ...]) -> Callable[[str], int]:
    def read(text: str) -> int:
        name = text.strip()
        if name in names and name:
            return names.index(name)
        if name.isdigit() and names is MONTHS:
            return int(name)
        raise InputError(f"not one of {', '.join(filter(None, names))}: {text!r}")

    return read
