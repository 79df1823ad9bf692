"""Calendars: the windows of their events, what was moved or cancelled, and what is no calendar."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from collector.model.errors import InputError
from collector.schedule import between, ms_of
from slo.icalendar import schedules_of

BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def local(*parts: int, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime(*parts, tzinfo=zone)


def shown(schedules, first: datetime, last: datetime, zone: ZoneInfo = BERLIN) -> list[str]:
    found = between(schedules, ms_of(first), ms_of(last))
    return [
        " ".join(
            datetime.fromtimestamp(at / 1000, zone).strftime("%m-%dT%H:%M")
            for at in (one.start_ms, one.end_ms)
        )
        for one in found
    ]


def calendar(*lines: str) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""))


SERIES = calendar(
    "BEGIN:VEVENT",
    "UID:patch@example.org",
    "SUMMARY:Patch",
    "DTSTART;TZID=Europe/Berlin:20260302T020000",
    "DTEND;TZID=Europe/Berlin:20260302T033000",
    "RRULE:FREQ=WEEKLY;COUNT=5",
    "EXDATE;TZID=Europe/Berlin:20260309T020000",
    "RDATE;TZID=Europe/Berlin:20260311T050000",
    "BEGIN:VALARM",
    "TRIGGER:-PT15M",
    "DURATION:PT99H",
    "END:VALARM",
    "END:VEVENT",
    "BEGIN:VEVENT",
    "UID:patch@example.org",
    "RECURRENCE-ID;TZID=Europe/Berlin:20260316T020000",
    "DTSTART:20260317T010000Z",
    "DURATION:PT30M",
    "END:VEVENT",
    "BEGIN:VEVENT",
    "UID:patch@example.org",
    "STATUS:CANCELLED",
    "RECURRENCE-ID;TZID=Europe/Berlin:20260323T020000",
    "DTSTART;TZID=Europe/Berlin:20260323T020000",
    "DTEND;TZID=Europe/Berlin:20260323T033000",
    "END:VEVENT",
)


def test_a_series_with_what_was_moved_left_out_and_cancelled() -> None:
    assert shown(schedules_of(SERIES, UTC), local(2026, 3, 1), local(2026, 4, 10)) == [
        "03-02T02:00 03-02T03:30",
        "03-11T05:00 03-11T06:30",
        "03-17T02:00 03-17T02:30",
        "03-30T02:00 03-30T03:30",
    ]


def test_whole_days_are_as_long_as_they_are() -> None:
    text = calendar(
        "BEGIN:VEVENT",
        "DTSTART;VALUE=DATE:20260329",
        "DTEND;VALUE=DATE:20260330",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "DTSTART;VALUE=DATE:20260501",
        "END:VEVENT",
    )
    schedules = schedules_of(text, BERLIN)
    assert shown(schedules, local(2026, 1, 1), local(2026, 12, 1)) == [
        "03-29T00:00 03-30T00:00",
        "05-01T00:00 05-02T00:00",
    ]
    [short, _] = between(schedules, ms_of(local(2026, 1, 1)), ms_of(local(2026, 12, 1)))
    assert short.end_ms - short.start_ms == 23 * 3_600_000


def test_folded_lines_quoted_zones_and_floating_times() -> None:
    text = calendar(
        "BEGIN:VEVENT",
        "SUMMARY:a very long",
        "  title: with; signs",
        'DTSTART;TZID="/example.org/20260101/Europe/',
        ' Berlin":20260601T100000',
        "DURATION:P1DT1H",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "DTSTART:20260701T100000",
        "DURATION:PT1H",
        "END:VEVENT",
    )
    assert shown(schedules_of(text, UTC), local(2026, 1, 1), local(2026, 12, 1)) == [
        "06-01T10:00 06-02T11:00",
        "07-01T12:00 07-01T13:00",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("<html>", "no iCalendar"),
        (calendar("BEGIN:VEVENT", "UID:u", "END:VEVENT"), "'u' can't be read"),
        (calendar("BEGIN:VEVENT", "DTSTART:20260101T000000", "END:VEVENT"), "no end"),
        (
            calendar("BEGIN:VEVENT", "DTSTART:2026", "DURATION:PT1H", "END:VEVENT"),
            "can't be read",
        ),
        (
            calendar(
                "BEGIN:VEVENT", "DTSTART;TZID=Mars:20260101T000000", "DURATION:PT1H", "END:VEVENT"
            ),
            "no time zone",
        ),
        (
            calendar("BEGIN:VEVENT", "DTSTART:20260101T000000", "DURATION:1h", "END:VEVENT"),
            "no duration",
        ),
    ],
)
def test_what_can_not_be_read_is_named(text: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        schedules_of(text, UTC)
