"""When something is: rules on the wall clock, over changes of clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from collector.model.errors import ConfigError
from collector.schedule import Schedule, between, ms_of

BERLIN = ZoneInfo("Europe/Berlin")


def local(*parts: int, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime(*parts, tzinfo=zone)


def test_a_weekly_window_stays_on_the_wall_clock() -> None:
    weekly = Schedule(local(2026, 3, 15, 4), timedelta(hours=1), "FREQ=WEEKLY;BYDAY=SU")
    found = between([weekly], ms_of(local(2026, 3, 16)), ms_of(local(2026, 4, 6)))
    assert [(one.end_ms - one.start_ms) // 60_000 for one in found] == [60, 60, 60]
    assert [one.start_ms for one in found] == [
        ms_of(local(2026, 3, day, 4, zone=BERLIN)) for day in (22, 29)
    ] + [ms_of(local(2026, 4, 5, 4))]
    assert found[1].start_ms - found[0].start_ms == (7 * 24 - 1) * 3_600_000


def test_what_lasts_at_the_edge_is_among_them() -> None:
    once = Schedule(local(2026, 5, 1, 10), timedelta(hours=2))
    at = ms_of(local(2026, 5, 1, 11))
    assert once.occurrences(at, at)
    assert once.occurrences(at - 3_600_000, at - 3_600_000)
    assert not once.occurrences(at + 3_600_000, at + 7_200_000)
    assert not once.occurrences(at - 7_200_000, at - 3_600_001)


@pytest.mark.parametrize(
    ("rrule", "part"),
    [
        ("FREQ=SECONDLY", "more often than hourly"),
        ("FREQ=DAILY;BYMINUTE=1,2,3", "more often than hourly"),
        ("every sunday", "no recurrence rule"),
        ("FREQ=WEEKLY;BYDAY=XX", "no recurrence rule"),
    ],
)
def test_rules_that_are_refused(rrule: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        Schedule(local(2026, 1, 1), timedelta(hours=1), rrule)


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends after it begins"):
        Schedule(local(2026, 1, 1), timedelta(0))
