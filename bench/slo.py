"""Ten thousand objectives on the real store: a whole tick, and the judging alone.

Each objective has 4 series of its own for its total events, one of them its errors; 2 % of them
burn. A tick is what the engine does every 15 s: count, judge on all windows, emit alerts, publish.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from bench import slo_history
from bench.figures import Figure
from collector.model.alert import Alert
from collector.model.clock import ManualClock, SystemClock
from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
from slo.burning import nothing_burns
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.indicators import INDICATORS
from slo.judgement import Criteria
from slo.ledger import Ledger
from slo.objective import Objective
from slo.self_metrics import SloMetrics
from slo.window import DAY_MS, Window

OBJECTIVES = 10_000
CODES = ("200", "404", "429", "500")
TICK_MS = 15_000
TICKS = 25
WARM_TICKS = 5


class Silent:
    """An alert sink that keeps nothing."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Forget them."""


class Traffic:
    """Services that count requests, scraped as one row."""

    def __init__(self, store: Tsdb) -> None:
        self._store = store
        labels = [
            Labels.of("http_requests_total", service=f"s{service}", code=code)
            for service in range(OBJECTIVES)
            for code in CODES
        ]
        self._refs = store.refs("services", labels)
        self._counts = np.zeros(len(labels))
        rates = np.tile([1000.0, 2.0, 1.0, 0.0], OBJECTIVES)
        rates[3 :: len(CODES) * 50] = 50.0
        self._rates = rates

    def scrape(self, at_ms: int) -> None:
        """One more tick's requests."""
        self._counts += self._rates
        self._store.append_row("services", at_ms, self._refs, self._counts.copy())


def measure() -> list[Figure]:
    """Median milliseconds over the ticks that follow the warm-up."""
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(1_700_000_000_000)
        store = Tsdb.open(Path(directory) / "store", clock)
        try:
            figures = _measure(store, clock, Path(directory) / "slo")
        finally:
            store.close()
    return [*figures, *slo_history.measure()]


def _measure(store: Tsdb, clock: ManualClock, directory: Path) -> list[Figure]:
    traffic = Traffic(store)
    objectives = [_objective(service) for service in range(OBJECTIVES)]
    metrics = SloMetrics(CollectorRegistry())
    engine = SloEngine(
        objectives, store, store, Silent(), clock, directory / "engine", SloConfig(), metrics
    )
    ledger = Ledger(objectives, store, directory / "ledger", TICK_MS)
    criteria = Criteria(objectives)
    whole, counting, judging = [], [], []
    burning = nothing_burns(OBJECTIVES)
    for _ in range(TICKS):
        clock.advance(TICK_MS)
        now_ms = clock.now_ms()
        traffic.scrape(now_ms)
        counting.append(_ms(partial(ledger.tick, now_ms)))
        counts, data = partial(ledger.window_counts, now_ms=now_ms), ledger.has_data(now_ms)
        judging.append(_ms(partial(criteria.judge, now_ms, counts, data, burning)))
        burning = criteria.judge(now_ms, counts, data, burning).burning
        whole.append(_ms(partial(engine.tick, now_ms)))
    return [
        Figure("slo_10k_tick_ms", _median(whole), "ms"),
        Figure("slo_10k_count_ms", _median(counting), "ms"),
        Figure("slo_10k_evaluate_ms", _median(judging), "ms"),
        Figure("slo_10k_first_tick_seconds", whole[0] / 1000, "s"),
    ]


def _objective(service: int) -> Objective:
    selector = f'http_requests_total{{service="s{service}"'
    return Objective(
        service=f"s{service}",
        name="availability",
        target=Fraction(999, 1000),
        window=Window(30 * DAY_MS),
        indicator=INDICATORS["ratio"](bad=f'{selector},code=~"5.."}}', total=f"{selector}}}"),
    )


def _ms(do: Callable[[], object]) -> float:
    clock = SystemClock()
    start = clock.monotonic_seconds()
    do()
    return (clock.monotonic_seconds() - start) * 1000


def _median(times: Sequence[float]) -> float:
    return statistics.median(times[WARM_TICKS:])
