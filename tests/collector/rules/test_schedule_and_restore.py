from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.labels import Labels
from collector.rules import schedule
from collector.rules.alerting import TrackedAlert
from collector.rules.restore import GRACE_PERIOD_MS, Remembered, restored
from collector.rules.rule import AlertingRule

A = Labels({"alertname": "A"})
MINUTE_MS = 60_000
NOW_MS = 100 * MINUTE_MS


@given(st.integers(0, 10**13), st.integers(1, 10**7), st.integers(0, 10**7))
def test_the_next_time_is_the_first_in_the_group_s_rhythm(
    now_ms: int, interval_ms: int, shift_ms: int
) -> None:
    found = schedule.next_ms(now_ms, interval_ms, shift_ms)
    assert now_ms < found <= now_ms + interval_ms
    assert (found - shift_ms) % interval_ms == 0


def test_a_group_s_place_is_its_own_and_stays() -> None:
    places = {schedule.offset_ms("f.yml", f"g{i}", 60_000) for i in range(100)}
    assert len(places) > 90
    assert all(0 <= place < 60_000 for place in places)
    assert schedule.offset_ms("f.yml", "g1", 60_000) == schedule.offset_ms("f.yml", "g1", 60_000)


def test_evaluations_that_should_have_begun_are_counted() -> None:
    assert [schedule.missed(1000, now, 500) for now in (900, 1000, 1499, 1500, 2600)] == [
        0, 0, 0, 1, 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("for_minutes", "active", "down", "expected"),
    [
        (5, 80, 82, 100),  # `for` is shorter than the grace period: it waits anew
        (20, 50, 80, 50),  # it was firing
        (20, 70, 85, 90),  # 5 min were left: the grace period
        (40, 70, 85, 85),  # 25 min are left: the outage does not count
    ],
)
def test_pending_goes_on_where_it_was(
    for_minutes: int, active: int, down: int, expected: int
) -> None:
    rule = AlertingRule("A", "x", "x", for_ms=for_minutes * MINUTE_MS)
    alerts = {A: TrackedAlert(A, active_at_ms=NOW_MS)}
    known = {A: Remembered(down * MINUTE_MS, active * MINUTE_MS)}
    assert GRACE_PERIOD_MS == 10 * MINUTE_MS
    after = restored(rule, alerts, known, NOW_MS)
    assert after[A].active_at_ms == expected * MINUTE_MS


def test_an_alert_that_nobody_remembers_stays_as_it_is() -> None:
    rule = AlertingRule("A", "x", "x", for_ms=20 * MINUTE_MS)
    alerts = {A: TrackedAlert(A, active_at_ms=NOW_MS)}
    assert restored(rule, alerts, {}, NOW_MS) == alerts
