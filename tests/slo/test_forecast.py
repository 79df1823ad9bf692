"""The forecast of a budget's end: before it comes, seldom wrong, never for a quiet service."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.calendar_window import CalendarWindow
from slo.forecast import HOUR_MS, forecast
from slo.window import DAY_MS, Window

ALLOWED = 0.001
MONTH = Window(30 * DAY_MS)
BEGIN = 1_699_920_000_000 // (7 * DAY_MS) * 7 * DAY_MS
AHEAD_MS = 3 * DAY_MS
SEEDS = int(os.environ.get("TOCSIN_FORECAST_SEEDS", "1"))


class Service:
    """Events an hour: `rate` a second over a day and a week, bad by `ratio` of an hour's number."""

    def __init__(self, days: int, rate: float, ratio, seed: int = 1, season: float = 0.9) -> None:
        rng = np.random.default_rng(seed)
        hours = np.arange(days * 24)
        day = 1 + season * np.sin(hours / 24 * 2 * math.pi)
        week = np.where(hours // 24 % 7 >= 5, 1 - season / 2, 1.0)
        total = rng.poisson(rate * 3600 * day * week)
        share = np.array([ratio(hour) for hour in hours])
        bad = rng.binomial(total, np.clip(share, 0, 1))
        self.total = np.concatenate([[0], np.cumsum(total)]).astype(float)
        self.bad = np.concatenate([[0], np.cumsum(bad)]).astype(float)

    def cumulative(self, times):
        at = np.clip((times - BEGIN) / HOUR_MS, 0, len(self.bad) - 1)
        whole = np.floor(at).astype(int)
        return self.bad[whole], self.total[whole]

    def at(self, hour: int, window=MONTH, ahead_ms: int = AHEAD_MS):
        now_ms = BEGIN + hour * HOUR_MS
        return forecast(window, ALLOWED, self.cumulative, BEGIN, now_ms, ahead_ms)

    def left(self, hour: int, days: int = 30) -> float:
        before = max(0, hour - days * 24)
        bad = self.bad[hour] - self.bad[before]
        total = self.total[hour] - self.total[before]
        return 1 - bad / (ALLOWED * total) if total else 1.0

    def gone(self, first: int) -> int | None:
        hours = range(first, len(self.bad))
        return next((hour for hour in hours if self.left(hour) <= 0), None)


def steady(ratio: float):
    return lambda _: ratio


def nightly(hour: int) -> float:
    return 0.004 if hour % 24 in (2, 3) else 0.0003


def weekend(hour: int) -> float:
    return 0.0018 if hour // 24 % 7 >= 5 else 0.0002


def weekly_batch(hour: int) -> float:
    return 0.02 if hour % 168 in (40, 41) else 0.0002


def short_incidents(hour: int) -> float:
    return 0.03 if hour % 240 == 100 else 0.0003


QUIET = [steady(0.0), steady(0.0005), nightly, weekend, weekly_batch, short_incidents]


@pytest.mark.parametrize("rate", [0.02, 1.0, 100.0])
@pytest.mark.parametrize("ratio", QUIET)
def test_a_service_that_keeps_its_objective_is_never_told_that_its_budget_runs_out(
    ratio, rate: float
) -> None:
    for seed in range(SEEDS):
        service = Service(90, rate, ratio, seed)
        wrong = [
            (hour / 24, service.left(hour))
            for hour in range(30 * 24, 90 * 24)
            if (found := service.at(hour)) and found.late_ms is not None
        ]
        assert wrong == [], (len(wrong), wrong[:5])


@pytest.mark.parametrize("rate", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("burn", [1.5, 2.0, 3.0, 5.0])
def test_a_slow_burn_is_told_before_the_budget_is_gone(burn: float, rate: float) -> None:
    service = Service(90, rate, lambda hour: ALLOWED * (burn if hour > 40 * 24 else 0.2))
    gone = service.gone(40 * 24)
    assert gone is not None
    told = next(h for h in range(40 * 24, gone) if (f := service.at(h)) and f.late_ms is not None)
    assert gone - told >= min(12, (gone - 40 * 24) / 4), (gone, told)


def test_the_interval_holds_the_end_about_as_often_as_it_says() -> None:
    held, told = 0, 0
    for seed in range(40):
        burn = 1.3 + seed % 5
        service = Service(90, 0.3, lambda hour, b=burn: ALLOWED * (b if hour > 960 else 0.2), seed)
        gone = service.gone(960)
        hour = max(1000, gone - 40)
        found = service.at(hour, ahead_ms=6 * DAY_MS)
        if found and found.late_ms is not None and found.early_ms is not None:
            told += 1
            end_ms = BEGIN + gone * HOUR_MS
            held += found.early_ms - HOUR_MS <= end_ms <= found.late_ms + HOUR_MS
    assert told >= 20
    assert held / told >= 0.75, (held, told)


def test_a_burn_that_is_over_is_no_forecast() -> None:
    service = Service(60, 10, lambda hour: 0.006 if 1000 <= hour < 1060 else 0.0001)
    during, after = service.at(1059), service.at(1063)
    assert during is not None
    assert during.late_ms is not None
    assert after is not None
    assert after.late_ms is None


def test_a_calendar_period_is_asked_up_to_its_end() -> None:
    service = Service(40, 10, steady(0.003))
    month = CalendarWindow("month", 1, "UTC")
    now_ms = BEGIN + 30 * 24 * HOUR_MS
    end_ms = month.end_ms(now_ms)
    found = forecast(month, ALLOWED, service.cumulative, BEGIN, now_ms, 60 * DAY_MS)
    assert found is not None
    for one in (found.early_ms, found.likely_ms, found.late_ms):
        assert one is None or now_ms <= one <= end_ms


counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5000)), min_size=26, max_size=400)


@settings(max_examples=80, deadline=None)
@given(counts, st.floats(1e-5, 0.5), st.integers(1, 30))
def test_any_history_gives_an_ordered_interval_or_none(history, allowed: float, days: int) -> None:
    bad = np.concatenate([[0], np.cumsum([b for b, _ in history])]).astype(float)
    total = np.concatenate([[0], np.cumsum([b + ok for b, ok in history])]).astype(float)

    def cumulative(times):
        at = np.clip((times - BEGIN) // HOUR_MS, 0, len(bad) - 1)
        return bad[at], total[at]

    now_ms = BEGIN + len(history) * HOUR_MS
    found = forecast(Window(days * DAY_MS), allowed, cumulative, BEGIN, now_ms, AHEAD_MS)
    if found is not None:
        last = now_ms + AHEAD_MS
        early, likely, late = (
            last + 1 if one is None else one
            for one in (found.early_ms, found.likely_ms, found.late_ms)
        )
        assert now_ms <= early <= likely <= late
    fewer = forecast(Window(days * DAY_MS), allowed, cumulative, now_ms - 1, now_ms, AHEAD_MS)
    assert fewer is None
