"""The score's scale: 0 is ordinary, one half is the threshold, 1 is never reached."""

import numpy as np
import pytest

from anomaly.threshold import alarm_probability, scores_of


def test_the_threshold_is_one_half_whatever_the_promise() -> None:
    for false_alarms, interval_ms in ((1.0, 5_000), (10.0, 60_000), (0.1, 1_000)):
        alarm = alarm_probability(false_alarms, interval_ms)
        assert scores_of(np.array([alarm]), alarm)[0] == pytest.approx(0.5)


def test_one_false_alarm_a_week_at_one_minute_is_one_tick_in_ten_thousand() -> None:
    assert alarm_probability(1.0, 60_000) == pytest.approx(1 / 10_080)


def test_the_ordinary_scores_low_and_nothing_reaches_one() -> None:
    scores = scores_of(np.array([1.0, 0.5, 0.1, 1e-9, 1e-30]), alarm_probability(1.0, 5_000))
    assert scores[0] == 0
    assert scores[1] < 0.1
    assert (np.diff(scores) > 0).all()
    assert scores[-1] < 1


def test_a_promise_of_endless_alarms_is_bounded() -> None:
    assert alarm_probability(1e9, 60_000) == 0.1
