"""Who is on call, against an oracle that walks from minute to minute, over daylight saving."""

# ruff: noqa: DTZ001 - wall time has no zone: the schedule has it
from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.on_call.schedule import (
    Layer,
    Override,
    Restriction,
    Schedule,
    gaps,
    layer_shifts,
    on_call,
    shifts,
)

MINUTE_MS = 60_000
BORDERS = {
    "Europe/Berlin": (datetime(2026, 3, 29), datetime(2026, 10, 25)),
    "America/New_York": (datetime(2026, 3, 8), datetime(2026, 11, 1)),
    "Australia/Lord_Howe": (datetime(2026, 10, 4), datetime(2026, 4, 5)),
    "Asia/Kolkata": (datetime(2026, 6, 1),),
    "America/Santiago": (datetime(2026, 9, 6), datetime(2026, 4, 5)),
}
"""Days on which clocks change, by the zone; half an hour at Lord Howe, at midnight in Santiago."""


def ms(zone: ZoneInfo, local: datetime) -> int:
    return round(local.replace(tzinfo=zone).timestamp() * 1000)


def walked(schedule: Schedule, from_ms: int, until_ms: int, overrides: list[Override]) -> list[str]:
    """The person of each minute: a turn has come once the wall clock has shown its beginning."""
    turns = [-1] * len(schedule.layers)
    found = []
    starts = [ms(schedule.zone, layer.start) for layer in schedule.layers]
    begin_ms = min(from_ms, *starts) - 180 * MINUTE_MS
    # hand-overs are on whole minutes, so the walk over them misses none
    for at_ms in range(begin_ms - begin_ms % MINUTE_MS, until_ms, MINUTE_MS):
        local = datetime.fromtimestamp(at_ms / 1000, schedule.zone).replace(tzinfo=None)
        for number, layer in enumerate(schedule.layers):
            turns[number] = max(turns[number], (local - layer.start) // layer.length)
        if at_ms >= from_ms:
            found.append(person_at(schedule, turns, local, at_ms, overrides))
    return found


def person_at(
    schedule: Schedule, turns: list[int], local: datetime, at_ms: int, overrides: list[Override]
) -> str:
    standing = [one for one in overrides if one.start_ms <= at_ms < one.end_ms]
    if standing:
        return max(standing, key=lambda one: one.made_at_ms).person
    for number, layer in reversed(list(enumerate(schedule.layers))):
        if turns[number] < 0 or not allowed(layer, local):
            continue
        return layer.people[turns[number] % len(layer.people)]
    return ""


def allowed(layer: Layer, local: datetime) -> bool:
    if not layer.restrictions:
        return True
    for one in layer.restrictions:
        for days_back in (0, 1):
            day = local.replace(hour=0, minute=0) - timedelta(days=days_back)
            start = day + timedelta(minutes=one.start_minute)
            overnight = one.end_minute <= one.start_minute
            end = day + timedelta(days=int(overnight), minutes=one.end_minute)
            if day.weekday() in one.weekdays and start <= local < end:
                return True
    return False


restrictions = st.builds(
    Restriction,
    st.sampled_from([0, 90, 150, 540, 1080, 1320]),
    st.sampled_from([120, 360, 480, 1020, 1440]),
    st.frozensets(st.integers(0, 6), min_size=1),
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Schedule, int, int, list[Override]]:
    name = draw(st.sampled_from(sorted(BORDERS)))
    zone, border = ZoneInfo(name), draw(st.sampled_from(BORDERS[name]))
    layers = draw(
        st.lists(
            st.builds(
                Layer,
                st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True),
                st.integers(-5 * 48, 48).map(lambda n: border + timedelta(minutes=30 * n)),
                st.sampled_from([1, 3, 12, 24, 48, 168]).map(lambda h: timedelta(hours=h)),
                restrictions=st.lists(restrictions, max_size=2),
            ),
            min_size=1,
            max_size=3,
        )
    )
    from_ms = ms(zone, border) - draw(st.integers(0, 36 * 60)) * MINUTE_MS
    from_ms -= from_ms % MINUTE_MS
    until_ms = from_ms + draw(st.integers(1, 72 * 60)) * MINUTE_MS
    overrides = [
        Override(str(n), "s", draw(st.sampled_from("xyz")), start, start + length, made_at_ms=n)
        for n in range(draw(st.integers(0, 2)))
        for start in (from_ms + draw(st.integers(-600, 4000)) * MINUTE_MS,)
        for length in (draw(st.integers(1, 2000)) * MINUTE_MS,)
    ]
    return Schedule("s", zone, layers), from_ms, until_ms, overrides


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_shifts_are_what_a_walk_over_the_minutes_finds(
    world: tuple[Schedule, int, int, list[Override]],
) -> None:
    schedule, from_ms, until_ms, overrides = world
    wanted = walked(schedule, from_ms, until_ms, overrides)
    found = shifts(schedule, from_ms, until_ms, overrides)
    assert found[0].start_ms == from_ms
    assert found[-1].end_ms == until_ms
    assert all(a.end_ms == b.start_ms for a, b in pairwise(found))
    by_minute = [
        shift.person for shift in found for _ in range((shift.end_ms - shift.start_ms) // MINUTE_MS)
    ]
    assert by_minute == wanted
    at = [on_call(schedule, ms_, overrides)[0] for ms_ in range(from_ms, until_ms, 7 * MINUTE_MS)]
    assert at == wanted[::7]


BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Layer(("ana", "ben"), datetime(2026, 3, 23, 9), timedelta(weeks=1))


def test_a_hand_over_stays_at_nine_when_clocks_change() -> None:
    found = layer_shifts(
        WEEKLY, BERLIN, ms(BERLIN, WEEKLY.start), ms(BERLIN, datetime(2026, 4, 6, 9))
    )
    assert [(one.person, (one.end_ms - one.start_ms) // 3_600_000) for one in found] == [
        ("ana", 167),
        ("ben", 168),
    ]


def test_nobody_is_on_call_before_the_first_hand_over_nor_after_the_end() -> None:
    layer = Layer(("ana",), WEEKLY.start, WEEKLY.length, end=datetime(2026, 3, 25, 9))
    schedule = Schedule("s", BERLIN, (layer,))
    first, last = ms(BERLIN, WEEKLY.start), ms(BERLIN, datetime(2026, 3, 25, 9))
    found = shifts(schedule, first - 60_000, last + 60_000)
    assert [one.person for one in found] == ["", "ana", ""]
    assert gaps(found) == [found[0], found[2]]


def test_a_later_layer_stands_over_an_earlier_one_in_its_hours() -> None:
    night = Restriction(22 * 60, 6 * 60, frozenset((0, 1, 2, 3, 4)))
    above = Layer(("nia",), WEEKLY.start, WEEKLY.length, restrictions=(night,), name="night")
    schedule = Schedule("s", BERLIN, (WEEKLY, above))
    at = [ms(BERLIN, datetime(2026, 3, 24, hour)) for hour in (3, 12, 23)]
    assert [on_call(schedule, one) for one in at] == [
        ("nia", "night"),
        ("ana", "layer 1"),
        ("nia", "night"),
    ]
    saturday_morning = ms(BERLIN, datetime(2026, 3, 28, 5))
    assert on_call(schedule, saturday_morning)[0] == "nia"
    assert on_call(schedule, saturday_morning + 24 * 3_600_000)[0] == "ana"


def test_the_override_that_was_made_last_stands() -> None:
    schedule = Schedule("s", BERLIN, (WEEKLY,))
    at = ms(BERLIN, datetime(2026, 3, 24, 12))
    first = Override("1", "s", "cem", at, at + 1000, made_at_ms=1)
    second = Override("2", "s", "dee", at, at + 1000, made_at_ms=2)
    other = Override("3", "t", "eve", at, at + 1000, made_at_ms=3)
    assert on_call(schedule, at, (first, second, other)) == ("dee", "override")
    assert on_call(schedule, at + 1000, (first, second)) == ("ana", "layer 1")


def test_too_long_a_range_is_refused() -> None:
    with pytest.raises(ValueError, match="days"):
        shifts(Schedule("s", BERLIN, (WEEKLY,)), 0, 401 * 24 * 3_600_000)
