"""The calendar feed, read back by a library that calendars use."""

from __future__ import annotations

import icalendar
from hypothesis import given
from hypothesis import strategies as st

from alerts.on_call.icalendar import MAX_LINE_BYTES, calendar
from alerts.on_call.schedule import Shift

SECOND = 1_000
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(st.lists(st.tuples(names, names, st.integers(1, 10**9)), max_size=5), names)
def test_a_calendar_is_read_back(shifts: list[tuple[str, str, int]], name: str) -> None:
    given_ = [
        (schedule, Shift(at * SECOND, (at + 60) * SECOND, person, "week"))
        for schedule, person, at in shifts
    ]
    text = calendar(name, given_, 0)
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in text.split("\r\n"))
    read = icalendar.Calendar.from_ical(text)
    events = list(read.walk("VEVENT"))
    assert [
        (round(one.start.timestamp()), round(one.end.timestamp()), str(one["SUMMARY"]))
        for one in events
    ] == [(at, at + 60, f"On call: {person} ({schedule})") for schedule, person, at in shifts]
    assert not read.errors
    assert all(not one.errors and one["UID"] and one["DTSTAMP"] for one in events)


def test_gaps_are_no_events() -> None:
    assert "VEVENT" not in calendar("x", [("s", Shift(0, 1, ""))], 0)
