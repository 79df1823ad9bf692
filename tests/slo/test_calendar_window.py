"""Calendar windows against a walk through every minute's wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.errors import ConfigError
from slo.calendar_window import CalendarWindow
from slo.slices import Slices, resolutions

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/Havana",
]
FIRST, LAST = datetime(2015, 1, 1, tzinfo=UTC), datetime(2032, 12, 31, tzinfo=UTC)
moments = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None))


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def name_of_period(unit: str, local: datetime) -> tuple[int, ...]:
    """What a person would call the period of a wall-clock time."""
    match unit:
        case "day":
            return (local.toordinal(),)
        case "week":
            return tuple(local.isocalendar()[:2])
        case "month":
            return (local.year, local.month)
        case "quarter":
            return (local.year, (local.month - 1) // 3)
    return (local.year,)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ZONES), st.sampled_from(["day", "week", "month", "quarter", "year"]), moments
)
def test_a_period_is_the_stretch_in_which_the_wall_clock_shows_its_name(
    zone: str, unit: str, moment: datetime
) -> None:
    window, tz = CalendarWindow(unit, zone=zone), ZoneInfo(zone)
    now_ms = ms(moment.replace(tzinfo=UTC))
    start_ms, end_ms = window.start_ms(now_ms), window.end_ms(now_ms)
    assert start_ms <= now_ms < end_ms
    names = {
        at: name_of_period(unit, datetime.fromtimestamp(at / 1000, tz))
        for at in (start_ms - 1000, start_ms, now_ms, end_ms - 1000, end_ms)
    }
    assert names[start_ms] == names[now_ms] == names[end_ms - 1000]
    assert names[start_ms - 1000] != names[start_ms]
    assert names[end_ms] != names[end_ms - 1000]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_day_has_as_many_hours_as_its_clock_shows(day: str, hours: int) -> None:
    window = CalendarWindow("day", zone="Europe/Berlin")
    noon = ms(datetime.fromisoformat(day + "T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin")))
    assert window.end_ms(noon) - window.start_ms(noon) == hours * 3_600_000


@pytest.mark.parametrize(("year", "days"), [(2024, 29), (2026, 28), (2028, 29)])
def test_february_is_as_long_as_the_year_makes_it(year: int, days: int) -> None:
    now = ms(datetime(year, 2, 14, tzinfo=UTC))
    window = CalendarWindow("month")
    assert window.end_ms(now) - window.start_ms(now) == days * 86_400_000


def test_an_anchor_on_the_31st_falls_on_the_last_day_of_short_months() -> None:
    window = CalendarWindow("month", anchor=datetime.fromisoformat("2026-01-31T06:00"))
    now = ms(datetime(2026, 3, 1, tzinfo=UTC))
    assert window.start_ms(now) == ms(datetime(2026, 2, 28, 6, tzinfo=UTC))
    assert window.end_ms(now) == ms(datetime(2026, 3, 31, 6, tzinfo=UTC))


def test_periods_before_the_anchor_count_too() -> None:
    window = CalendarWindow("week", 2, anchor=datetime.fromisoformat("2026-01-05"))
    now = ms(datetime(2025, 12, 30, tzinfo=UTC))
    assert window.start_ms(now) == ms(datetime(2025, 12, 22, tzinfo=UTC))


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="no time zone"):
        CalendarWindow("month", zone="Mars/Olympus")


def test_a_period_over_the_ledgers_memory_is_refused() -> None:
    with pytest.raises(ConfigError, match="400 days"):
        CalendarWindow("year", 2)


@given(moments, st.sampled_from(ZONES))
def test_the_end_of_a_period_is_the_start_of_the_next(moment: datetime, zone: str) -> None:
    window = CalendarWindow("month", zone=zone)
    end_ms = window.end_ms(ms(moment.replace(tzinfo=UTC)))
    assert window.start_ms(end_ms) == end_ms
    assert window.start_ms(end_ms - 1) < end_ms
    assert timedelta(milliseconds=end_ms - window.start_ms(end_ms - 1)) <= timedelta(days=32)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(["day", "week"]), st.integers(0, 2**32))
def test_the_ledger_counts_a_period_from_its_very_first_moment(
    zone: str, unit: str, seed: int
) -> None:
    """Ticks of 10 minutes over 17 days about a change of clocks, against a sum of single events."""
    window = CalendarWindow(unit, zone=zone)
    begin = ms(datetime(2026, 3, 22, tzinfo=UTC))
    slices, random = Slices(resolutions(15_000, window.duration_ms), 1, [window]), Random(seed)
    events: list[tuple[int, int, int]] = []
    bad = total = 0
    for at in range(begin, begin + 17 * 86_400_000, 600_000):
        events.append((at, random.choice([0, 0, 1]), random.randint(0, 1000)))
        bad, total = bad + events[-1][1], total + events[-1][1] + events[-1][2]
        slices.append(at, np.array([float(bad)]), np.array([float(total)]))
    for now in [begin + 17 * 86_400_000 - 600_000, begin + 9 * 86_400_000]:
        start = window.start_ms(now)
        row = slices.at(start)
        upto = [one for one in events if one[0] <= start]
        assert row.bad[0] == sum(failed for _, failed, _ in upto) or start < begin
        assert row.total[0] == sum(failed + ok for _, failed, ok in upto) or start < begin
