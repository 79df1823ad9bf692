"""group, dedup, inhibit, silence, mute_times: the laws of each, on paper values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.backoff import MAX_BACKOFF_MS, backoff_ms
from alerts.config import InhibitRuleConfig, TimeIntervalSpec
from alerts.dedup import Told, decide
from alerts.group import GroupState, Timers, joined, opened, resumed, step
from alerts.inhibit import Inhibitor, build_rules
from alerts.mute_times import is_muted
from alerts.notification import Reason
from alerts.silence import Silence, can_change_in_place, checked, expired, hiding
from collector.model import Labels, Matcher
from collector.model.errors import InputError

TIMERS = Timers(wait_ms=30_000, interval_ms=300_000, repeat_ms=3_600_000)
A, B = frozenset("a"), frozenset("b")
NONE: frozenset[str] = frozenset()


def test_a_group_waits_then_is_asked_each_interval() -> None:
    state = opened(TIMERS, 0)
    asked = []
    for now_ms in range(0, 1_000_000, 10_000):
        stepped = step(state, TIMERS, now_ms)
        state = stepped.state
        if stepped.flush:
            asked.append(now_ms)
    assert asked == [30_000, 330_000, 630_000, 930_000]


def test_an_alert_that_began_long_ago_does_not_wait() -> None:
    state = joined(opened(TIMERS, 100_000), TIMERS, starts_at_ms=69_999, now_ms=100_000)
    assert step(state, TIMERS, 100_000).flush
    later = joined(opened(TIMERS, 100_000), TIMERS, starts_at_ms=70_000, now_ms=100_000)
    assert not step(later, TIMERS, 100_000).flush


@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_a_restart_keeps_the_phase_of_a_group(next_ms: int, now_ms: int) -> None:
    state = resumed(GroupState(next_ms, flushed=True), TIMERS, now_ms)
    assert state.next_flush_ms >= min(now_ms, next_ms)
    assert state.next_flush_ms < max(now_ms, next_ms) + TIMERS.interval_ms
    assert (state.next_flush_ms - next_ms) % TIMERS.interval_ms == 0


@pytest.mark.parametrize(
    ("told", "firing", "resolved", "send_resolved", "reason"),
    [
        (None, A, NONE, True, Reason.FIRST),
        (None, NONE, A, True, None),
        (Told(A, NONE, 0), A, NONE, True, None),
        (Told(A, NONE, 0), A | B, NONE, True, Reason.NEW_ALERTS),
        (Told(NONE, A, 0), A, NONE, True, Reason.FIRST),
        (Told(A, NONE, 0), NONE, A, True, Reason.ALL_RESOLVED),
        (Told(A, NONE, 0), NONE, A, False, Reason.ALL_RESOLVED),
        (Told(NONE, A, 0), NONE, A, True, None),
        (Told(A | B, NONE, 0), A, B, True, Reason.NEW_RESOLVED),
        (Told(A | B, NONE, 0), A, B, False, None),
        (Told(A, B, 0), A, B, True, None),
        (Told(A, NONE, -3_600_001), A, NONE, True, Reason.REPEAT),
        (Told(A, NONE, -3_600_000), A, NONE, True, None),
        (Told(NONE, A, -9_999_999), NONE, A, True, None),
    ],
)
def test_the_reason_is_alertmanagers(
    told: Told | None,
    firing: frozenset[str],
    resolved: frozenset[str],
    send_resolved: bool,
    reason: Reason | None,
) -> None:
    found = decide(
        told, firing, resolved, send_resolved=send_resolved, repeat_ms=TIMERS.repeat_ms, now_ms=0
    )
    assert found is reason


def inhibitor(firing: list[Labels], **rule: object) -> Inhibitor:
    return Inhibitor(build_rules([InhibitRuleConfig.model_validate(rule)]), firing)


def test_an_alert_hides_another_with_equal_labels_only() -> None:
    source = Labels({"s": "1", "host": "a"})
    hides = inhibitor([source], source_match={"s": "1"}, target_match={"t": "1"}, equal=["host"])
    assert hides.hidden_by(Labels({"t": "1", "host": "a"})) == source
    assert hides.hidden_by(Labels({"t": "1", "host": "b"})) is None
    assert hides.hidden_by(Labels({"host": "a"})) is None


def test_a_missing_label_equals_a_missing_one() -> None:
    hides = inhibitor(
        [Labels({"s": "1"})], source_match={"s": "1"}, target_match={"t": "1"}, equal=["x"]
    )
    assert hides.hidden_by(Labels({"t": "1"})) is not None


def test_no_alert_hides_itself_or_another_that_matches_both_sides() -> None:
    both, other = Labels({"s": "1", "t": "1"}), Labels({"s": "1", "t": "1", "i": "2"})
    rule = {"source_match": {"s": "1"}, "target_match": {"t": "1"}}
    assert inhibitor([both, other], **rule).hidden_by(both) is None
    assert inhibitor([both, Labels({"s": "1"})], **rule).hidden_by(both) == Labels({"s": "1"})


def silence(*matchers: Matcher, starts: int = 0, ends: int = 100) -> Silence:
    return Silence("id", matchers, starts, ends, "me", "why")


EQUALS = Matcher("=", "a", "1")


def test_a_silence_hides_from_its_start_up_to_its_end() -> None:
    one = silence(EQUALS, starts=10, ends=20)
    labels = Labels({"a": "1"})
    assert [bool(hiding([one], labels, t)) for t in (9, 10, 19, 20)] == [False, True, True, False]
    assert hiding([one], Labels({"a": "2"}), 15) == []


@pytest.mark.parametrize(
    "wrong",
    [silence(), silence(Matcher("=", "a", "")), silence(Matcher("!=", "a", "1")),
     silence(EQUALS, ends=0)],
)  # fmt: skip
def test_a_silence_that_hides_everything_or_nothing_is_refused(wrong: Silence) -> None:
    with pytest.raises(InputError):
        checked(wrong)


def test_an_edit_keeps_the_id_unless_it_rewrites_the_past() -> None:
    old = silence(EQUALS, starts=10, ends=100)
    assert can_change_in_place(old, silence(EQUALS, starts=10, ends=200), 50)
    assert not can_change_in_place(old, silence(EQUALS, starts=20, ends=200), 50)
    assert not can_change_in_place(old, silence(Matcher("=", "b", "1"), starts=10), 50)
    assert not can_change_in_place(old, silence(EQUALS, starts=10, ends=200), 150)
    assert expired(old, 50).ends_at_ms == 50


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("spec", "moment", "inside"),
    [
        ({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-03-02T09:00", True),
        ({"times": [{"start_time": "09:00", "end_time": "17:00"}]}, "2026-03-02T17:00", False),
        ({"weekdays": ["monday:friday"]}, "2026-03-01T12:00", False),
        ({"weekdays": ["Saturday", "sunday"]}, "2026-03-01T12:00", True),
        ({"days_of_month": ["-1"]}, "2026-02-28T12:00", True),
        ({"days_of_month": ["-1"]}, "2026-02-27T12:00", False),
        ({"days_of_month": ["31"]}, "2026-02-28T12:00", False),
        ({"days_of_month": ["28:31"]}, "2026-02-28T12:00", True),
        ({"months": ["december:12"]}, "2026-12-28T12:00", True),
        ({"years": ["2020:2025"]}, "2026-12-28T12:00", False),
        (
            {
                "times": [{"start_time": "00:00", "end_time": "24:00"}],
                "weekdays": ["tuesday"],
                "location": "Australia/Sydney",
            },
            "2026-03-02T13:30",
            True,
        ),
        ({}, "2026-03-02T13:30", True),
    ],
)
def test_an_interval_is_read_by_its_own_clock(
    spec: dict[str, object], moment: str, inside: bool
) -> None:
    interval = TimeIntervalSpec.model_validate(spec).interval()
    assert interval.contains(at(moment)) is inside
    named = {"x": (interval,)}
    assert bool(is_muted(at(moment), ["x"], [], named)) is inside
    assert bool(is_muted(at(moment), [], ["x"], named)) is not inside


@given(st.integers(1, 10_000), st.floats(0, 0.999))
def test_backoff_grows_to_its_limit_and_jitter_takes_half_at_most(
    attempts: int, jitter: float
) -> None:
    wait = backoff_ms(attempts, jitter)
    assert 500 <= wait <= MAX_BACKOFF_MS
    assert backoff_ms(attempts, 0.0) // 2 <= wait + 1
    assert backoff_ms(attempts + 1, 0.0) >= backoff_ms(attempts, 0.0)
