"""Ninety days of one objective replayed from blocks: four counters at 15 s, judged each 15 s.

The budget's 30 days before the stretch are read too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bench.figures import Figure
from collector.model.clock import ManualClock, SystemClock
from collector.model.labels import Labels
from collector.store.history import HistoryWriter
from collector.store.tsdb import Tsdb
from slo.backtest import Source, backtest
from slo.specs import objectives_of
from slo.window import DAY_MS

END_MS = 1_700_000_000_000 // DAY_MS * DAY_MS
DAYS, BUDGET_DAYS = 90, 30
TICK_MS = 15_000
CODES = ("200", "404", "429", "500")
RATES = (1000.0, 2.0, 1.0, 0.5)
SPEC = """
version: tocsin/v1
service: shop
objective: 99.9%
bad: http_requests_total{code=~"5.."}
total: http_requests_total
"""


def measure() -> list[Figure]:
    """Seconds that `tocsin slo backtest` takes once its store is open."""
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(END_MS)
        path = Path(directory) / "store"
        Tsdb.open(path, clock).close()
        _write(path)
        store = Tsdb.open(path, clock)
        try:
            return [Figure("slo_backtest_90d_seconds", _seconds(store), "s")]
        finally:
            store.close()


def _seconds(store: Tsdb) -> float:
    timer = SystemClock()
    start = timer.monotonic_seconds()
    source = Source(store, store.counter_totals, None)
    objectives = objectives_of(SPEC, "bench")
    found = list(backtest(objectives, source, END_MS - DAYS * DAY_MS, END_MS - 1, TICK_MS))
    seconds = timer.monotonic_seconds() - start
    if not found[0].sent:
        raise AssertionError("history with an outage a week pages for none")
    return seconds


def _write(path: Path) -> None:
    """Poisson traffic, and fifty minutes of 20 % errors each week."""
    random = np.random.default_rng(1)
    writer = HistoryWriter(path)
    counted = np.zeros(len(CODES))
    for day in range(-DAYS - BUDGET_DAYS, 0):
        times = END_MS + day * DAY_MS + np.arange(0, DAY_MS, TICK_MS)
        events = random.poisson(RATES, (len(times), len(CODES))).astype(np.float64)
        if day % 7 == 0:
            events[1000:1200, -1] += random.poisson(200, 200)
        values = counted + np.cumsum(events, axis=0)
        counted = values[-1]
        for column, code in enumerate(CODES):
            labels = Labels.of("http_requests_total", job="shop", code=code)
            writer.add([labels], np.zeros(len(times), np.int64), times, values[:, column])
    writer.close()
