"""Nothing that is told of an objective is ever infinite or no number, whatever happened to it.

Histories are drawn at random: objectives of any target and window, counters that fall, vanish, are
born, repeat, hold NaN and infinity, are silent, or count more errors than events.
"""

from __future__ import annotations

import json
import math
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import STALE, is_sample
from collector.store.tsdb import Tsdb
from slo.api_bodies import HistoryBody, SloBody
from slo.calendar_window import CalendarWindow
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.indicators import INDICATORS
from slo.objective import Objective, Timeslices
from slo.self_metrics import SloMetrics
from slo.window import DAY_MS, Window

NOW = 1_700_000_000_000
TICK = 15_000
HISTORIES = int(os.environ.get("TOCSIN_SLO_HISTORIES", "500"))
AT_ONCE = 500
TICKS = 24
"""Objectives of one engine; each has a history of its own."""
VALUES = (0.0, 1.0, 7.0, 1e3, 2.0**53, 1e300, math.inf, -math.inf, math.nan, -5.0, STALE)
TARGETS = ("1/2", "9/10", "999/1000", "99999/100000", "1/1000000", "999999999/1000000000")
WINDOWS = (
    Window(3_600_000),
    Window(DAY_MS),
    Window(30 * DAY_MS),
    Window(400 * DAY_MS),
)
SLICES = (None, None, Timeslices(60_000), Timeslices(60_000, Fraction(1, 2), "bad"))
CODES = ("200", "500")


class Told:
    """An alert sink that keeps what was emitted last."""

    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


def drawn(random: np.random.Generator, number: int) -> Objective:
    selector = f'requests_total{{service="s{number}"'
    windows = (*WINDOWS, CalendarWindow("month", zone="Europe/Berlin"))
    return Objective(
        service=f"s{number}",
        name="drawn",
        target=Fraction(TARGETS[random.integers(len(TARGETS))]),
        window=windows[random.integers(len(windows))],
        indicator=INDICATORS["ratio"](bad=f'{selector},code="500"}}', total=f"{selector}}}"),
        budgeting=SLICES[random.integers(len(SLICES))],
    )


def served(random: np.random.Generator, counters: dict, numbers: range) -> dict[Labels, float]:
    """One scrape: each counter goes on, falls, stays, is missing, or shows anything."""
    row = {}
    for number in numbers:
        for code in CODES:
            fate = random.integers(8)
            key = Labels.of("requests_total", service=f"s{number}", code=code)
            if fate < 4:
                counters[key] = counters.get(key, 0.0) + float(random.integers(1000))
            elif fate == 4:
                counters[key] = 0.0
            elif fate == 5:
                continue
            shown = VALUES[random.integers(len(VALUES))] if fate == 6 else counters.get(key, 0.0)
            row[key] = shown
    return row


def lived(random: np.random.Generator, directory: Path, store: Tsdb, clock: ManualClock) -> object:
    """An engine that has watched AT_ONCE histories; what it told on the way is looked at."""
    numbers, counters, told = range(AT_ONCE), {}, Told()
    engine = SloEngine(
        [drawn(random, number) for number in numbers],
        store,
        store,
        told,
        clock,
        directory,
        SloConfig(),
        SloMetrics(CollectorRegistry()),
    )
    for _ in range(TICKS):
        clock.advance(int(random.choice([TICK, TICK, TICK, 6 * 60_000, 3_600_000])))
        if random.integers(8):
            row = served(random, counters, numbers)
            values = np.array(list(row.values()), np.float64)
            store.append_row("shop", clock.now_ms() - 1, store.refs("shop", list(row)), values)
        engine.tick(clock.now_ms())
    for alert in told.alerts:
        assert_finite(dict(alert.evidence))
    return engine


def assert_finite(value: object) -> None:
    """Raises ValueError for what is not finite, however deep."""
    json.dumps(value, allow_nan=False, default=str)


@pytest.mark.parametrize("seed", range(max(HISTORIES // AT_ONCE, 1)))
def test_whatever_happens_every_figure_is_finite(tmp_path: Path, seed: int) -> None:
    clock = ManualClock(NOW)
    store = Tsdb.open(tmp_path / "store", clock)
    try:
        engine = lived(np.random.default_rng(seed), tmp_path / "slo", store, clock)
        for verdict in engine.verdicts():
            assert_finite(SloBody.of(verdict, [], []).model_dump())
            assert 0 <= verdict.budget.bad <= verdict.budget.total
        for objective in engine.objectives[:: AT_ONCE // 10]:
            history = engine.history(objective.id, NOW, clock.now_ms(), 3_600_000)
            assert_finite(HistoryBody.of(history).model_dump())
        published = [Matcher("=~", "__name__", "tocsin_slo_.*")]
        for part in store.select(published, NOW - 1, clock.now_ms()):
            assert np.isfinite(part.values[is_sample(part.values)]).all()
    finally:
        store.close()
