"""`CalendarWindow`: a budget that begins anew each day, week, month, quarter or year.

Periods are counted in local wall time from an anchor, so they follow the zone through daylight
saving (days of 23 and 25 hours), leap days and months of any length. An anchor on a day that a
month lacks means the month's last day. A local midnight that a clock change skips is the first
moment after it; one that comes twice is the first of the two (PEP 495, fold 0).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.model.errors import ConfigError
from slo.window import DAY_MS, MAX_WINDOW_MS

Unit = Literal["day", "week", "month", "quarter", "year"]
NOMINAL_DAYS: dict[Unit, int] = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
"""What the burn-rate factors take a period to be, and how far the ledger remembers."""
_DAYS: dict[Unit, int] = {"day": 1, "week": 7}
_MONTHS: dict[Unit, int] = {"month": 1, "quarter": 3, "year": 12}
_FIRST_MONDAY = datetime(2001, 1, 1)  # noqa: DTZ001 # local wall time, in whatever zone
"""Where periods are counted from unless a spec says: a Monday, the first of a year."""


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """`count` units in `zone` (IANA), beginning at `anchor` (naive local time) and every period on.

    Raises ConfigError for a zone that is not known, and for a period that is too long.
    """

    unit: Unit
    count: int = 1
    zone: str = "UTC"
    anchor: datetime = _FIRST_MONDAY

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(
                f"{self.zone!r} is no time zone",
                advice="write an IANA name: Europe/Berlin, America/New_York, UTC",
            ) from error
        if self.count < 1 or self.duration_ms > MAX_WINDOW_MS:
            raise ConfigError(
                f"a calendar window of {self.count} {self.unit}s is not in 1 day to 400 days",
                advice="a month or a quarter is usual",
            )

    @property
    def duration_ms(self) -> int:
        """How long a period is taken to be where its true length does not matter."""
        return self.count * NOMINAL_DAYS[self.unit] * DAY_MS

    @property
    def begins_with_its_unit(self) -> bool:
        """Whether periods are those of the calendar: a month from its first midnight, and so on."""
        at = self.anchor
        first = {
            "day": True,
            "week": at.weekday() == 0,
            "month": at.day == 1,
            "quarter": at.day == 1 and at.month % 3 == 1,
            "year": at.day == 1 and at.month == 1,
        }
        return self.count == 1 and at.time() == time() and first[self.unit]

    @property
    def text(self) -> str:
        """`month`, `2 weeks`: as labels show it."""
        return self.unit if self.count == 1 else f"{self.count} {self.unit}s"

    @property
    def phrase(self) -> str:
        """`this month (Europe/Berlin)`: as sentences say it."""
        return f"this {self.text} ({self.zone})"

    def start_ms(self, now_ms: int) -> int:
        """When the period of `now_ms` began; events after it count."""
        return _period(self, now_ms)[0]

    def end_ms(self, now_ms: int) -> int:
        """When the next period begins."""
        return _period(self, now_ms)[1]

    def begin(self, number: int) -> int:
        """When the period `number` since the anchor begins, in ms since 1970."""
        local = self._local(number).replace(tzinfo=ZoneInfo(self.zone))
        skipped = local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None)
        if skipped != local.replace(tzinfo=None):  # the wall clock never showed this time
            local = _end_of_gap(local)
        return round(local.timestamp() * 1000)

    def _local(self, number: int) -> datetime:
        periods = number * self.count
        if self.unit in _DAYS:
            return self.anchor + timedelta(days=periods * _DAYS[self.unit])
        months = self.anchor.year * 12 + self.anchor.month - 1 + periods * _MONTHS[self.unit]
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return self.anchor.replace(year=year, month=month + 1, day=min(self.anchor.day, last))


@lru_cache(maxsize=4096)
def _period_near(window: CalendarWindow, now_minute: int) -> tuple[int, int]:
    """The period of a minute; periods begin on whole minutes unless an anchor says otherwise."""
    return _search(window, now_minute * 60_000)


def _period(window: CalendarWindow, now_ms: int) -> tuple[int, int]:
    start_ms, end_ms = _period_near(window, now_ms // 60_000)
    return (start_ms, end_ms) if now_ms < end_ms else _search(window, now_ms)


def _search(window: CalendarWindow, now_ms: int) -> tuple[int, int]:
    since_anchor_ms = now_ms - window.begin(0)
    number = since_anchor_ms // window.duration_ms
    while window.begin(number) > now_ms:
        number -= 1
    while window.begin(number + 1) <= now_ms:
        number += 1
    return window.begin(number), window.begin(number + 1)


def _end_of_gap(local: datetime) -> datetime:
    """The first moment after a time that a clock change skipped."""
    zone = local.tzinfo
    lo, hi = (round((local + timedelta(hours=h)).timestamp()) for h in (-3, 3))
    before = datetime.fromtimestamp(lo, zone).utcoffset()
    while hi - lo > 1:  # the second at which the zone's offset changes
        middle = (lo + hi) // 2
        offset = datetime.fromtimestamp(middle, zone).utcoffset()
        lo, hi = (middle, hi) if offset == before else (lo, middle)
    return datetime.fromtimestamp(hi, zone)
