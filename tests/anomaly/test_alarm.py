"""Persistence, hysteresis, hold-off: walked tick by tick."""

from collections.abc import Sequence

from anomaly.alarm import HOLD_OFF_MS, QUIET, Alarm, step


def walk(scores: Sequence[float | None], alarm: Alarm = QUIET, start_ms: int = 0) -> list[Alarm]:
    walked = []
    for tick, score in enumerate(scores):
        alarm = step(alarm, score, start_ms + tick * 1000)
        walked.append(alarm)
    return walked


def test_two_high_ticks_are_no_alert_and_the_third_is() -> None:
    assert [alarm.is_firing for alarm in walk([0.9, 0.9, 0.1, 0.5, 0.6, 0.9])] == [False] * 5 + [
        True
    ]


def test_it_ends_after_five_low_ticks_and_remembers_its_start() -> None:
    fired = walk([0.9] * 3)[-1]
    walked = walk([0.1, 0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1], fired, 3000)
    assert [alarm.is_firing for alarm in walked] == [True] * 7 + [False]
    assert (walked[-1].started_ms, walked[-1].ended_ms) == (2000, 10_000)


def test_between_the_marks_nothing_changes() -> None:
    assert walk([0.9] * 3 + [0.45] * 50)[-1].is_firing
    assert not walk([0.45] * 50)[-1].is_firing


def test_it_does_not_start_again_within_the_hold_off() -> None:
    ended = walk([0.9] * 3 + [0.0] * 5)[-1]
    assert ended.ended_ms is not None
    during = walk([0.9] * 60, ended, ended.ended_ms + 1000)
    assert not any(alarm.is_firing for alarm in during)
    assert walk([0.9] * 3, ended, ended.ended_ms + HOLD_OFF_MS)[-1].is_firing


def test_a_tick_without_a_score_changes_nothing() -> None:
    fired = walk([0.9, None, 0.9, None, 0.9])[-1]
    assert fired.is_firing
    assert walk([None] * 20, fired)[-1] == fired
