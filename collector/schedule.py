"""`Schedule`: when something is, once or by an RRULE in a time zone, and its occurrences. Pure.

Maintenance windows and recurring silences are such.

RFC 5545, section 3.3.10, as dateutil reads it: rules run in local wall time, so a window at 02:00
stays at 02:00 when clocks change. A time that the clock skips is the same stretch after the hour.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rruleset, rrulestr

from collector.model.errors import ConfigError

MAX_OCCURRENCES = 1000
"""Of one schedule in one look: more than any rule that is meant begins in a week."""
_FREQUENT = re.compile(r"FREQ=(SECONDLY|MINUTELY)|BYSECOND=|BYMINUTE=[^;]*,", re.IGNORECASE)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`(start_ms, end_ms]` in ms since 1970."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """From `start` (aware) for `duration`, at each time of `rrule` when there is one.

    `but_not` and `also` are RFC 5545's EXDATE and RDATE. With `by_the_clock` an end is on the wall
    clock too: whole days, however long. Raises ConfigError for a rule that can't be read.
    """

    start: datetime
    duration: timedelta
    rrule: str = ""
    but_not: tuple[datetime, ...] = ()
    also: tuple[datetime, ...] = ()
    by_the_clock: bool = False

    def __post_init__(self) -> None:
        if self.duration <= timedelta(0):
            raise ConfigError("a window ends after it begins")
        if _FREQUENT.search(self.rrule):
            raise ConfigError(
                f"{self.rrule!r} comes more often than hourly",
                advice="write one window with a longer duration",
            )
        self._rules()

    def occurrences(self, after_ms: int, until_ms: int) -> list[Occurrence]:
        """Those that begin by `until_ms` and end after `after_ms`, MAX_OCCURRENCES at most."""
        zone = self.start.tzinfo
        earliest = datetime.fromtimestamp(after_ms / 1000, zone) - self.duration - _WEEK
        latest = datetime.fromtimestamp(until_ms / 1000, zone) + timedelta(days=1)
        begins = self._rules().xafter(earliest, inc=True)
        found = []
        for begin in islice(begins, MAX_OCCURRENCES):
            if begin > latest:
                break
            found.append(self._occurrence(begin))
        return [one for one in found if one.start_ms <= until_ms and one.end_ms > after_ms]

    def _occurrence(self, begin: datetime) -> Occurrence:
        start_ms = ms_of(begin)
        end_ms = start_ms + self.duration // timedelta(milliseconds=1)
        return Occurrence(start_ms, ms_of(begin + self.duration) if self.by_the_clock else end_ms)

    def _rules(self) -> rruleset:
        rules = rruleset()
        try:
            if self.rrule:
                rule = rrulestr(self.rrule, dtstart=self.start)
                if not isinstance(rule, rrule):
                    raise ValueError("one rule at a time")
                rules.rrule(rule)
            else:
                rules.rdate(self.start)
            for one in self.also:
                rules.rdate(one)
            for one in self.but_not:
                rules.exdate(one)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.rrule!r} is no recurrence rule: {error}",
                advice="write RFC 5545's: FREQ=WEEKLY;BYDAY=SU",
            ) from error
        return rules


def ms_of(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time."""
    return round(moment.timestamp() * 1000)


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ConfigError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"{name!r} is no time zone", advice="write an IANA name: Europe/Berlin, UTC"
        ) from error


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The beginning of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def between(schedules: Sequence[Schedule], after_ms: int, until_ms: int) -> list[Occurrence]:
    """The occurrences of several schedules, each once, ascending."""
    found = {one for each in schedules for one in each.occurrences(after_ms, until_ms)}
    return sorted(found, key=lambda one: (one.start_ms, one.end_ms))
