"""A thousand objectives that begin with 30 days of history, and what memory each then takes.

Four counters an objective, a sample a minute, in blocks: 173 million samples. Memory is what the
process grew by while the ledger filled every row of 30 days, divided by the objectives: the ledger
itself and what the reading left behind when the process gave back, as it does, what it had free.
The store's cache of decoded samples, 128 MiB that all readers share, is full before it begins.
"""

from __future__ import annotations

import gc
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench.figures import Figure
from collector.model.clock import ManualClock, SystemClock
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s
from collector.store.history import HistoryWriter
from collector.store.tsdb import Tsdb
from slo.indicators import INDICATORS
from slo.ledger import Ledger
from slo.objective import Objective
from slo.window import DAY_MS, Window
from tocsin.memory import give_back

OBJECTIVES = 1_000
DAYS = 30
EVERY_MS = 60_000
END_MS = 1_700_000_000_000 // DAY_MS * DAY_MS
CODES = ("200", "404", "429", "500")
RATES = (4000.0, 8.0, 4.0, 2.0)
CACHE_STEP_HOURS = 6
PATCH = 200
"""Services whose samples are made at once."""


def measure() -> list[Figure]:
    """Seconds of the first count, and kilobytes an objective."""
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(END_MS)
        path = Path(directory) / "store"
        Tsdb.open(path, clock).close()
        expected, newest = _write(path)
        store = Tsdb.open(path, clock)
        try:
            return _measure(store, Path(directory) / "ledger", expected, newest)
        finally:
            store.close()


def _measure(store: Tsdb, directory: Path, expected: float, newest: Float64s) -> list[Figure]:
    objectives = [_objective(service) for service in range(OBJECTIVES)]
    _fill_cache(store)
    gc.collect()
    give_back()
    before = _anonymous_bytes()
    labels = [_series(service, code) for service in range(OBJECTIVES) for code in CODES]
    now_ms = END_MS + EVERY_MS
    store.append_row("live", now_ms, store.refs("live", labels), np.tile(newest, OBJECTIVES))
    ledger = Ledger(objectives, store, directory, 15_000)
    timer = SystemClock()
    start = timer.monotonic_seconds()
    ledger.tick(now_ms)
    seconds = timer.monotonic_seconds() - start
    if ledger.totals[1].sum() != expected:
        raise AssertionError("the ledger did not count every event")
    gc.collect()
    give_back()
    used = _anonymous_bytes() - before
    return [
        Figure("slo_backfill_30d_of_1k_seconds", seconds, "s", at_most=60),
        Figure("slo_kb_an_objective", used / OBJECTIVES / 1000, "kB", at_most=100),
    ]


def _fill_cache(store: Tsdb) -> None:
    """Read until the cache of decoded samples is full, as queries do."""
    name = Matcher("=", METRIC_NAME, "http_requests_total")
    for hour in range(0, DAYS * 24, CACHE_STEP_HOURS):
        end_ms = END_MS - hour * 3_600_000
        store.select([name], end_ms - CACHE_STEP_HOURS * 3_600_000, end_ms)


def _write(path: Path) -> tuple[float, Float64s]:
    """Poisson traffic; gives all events after the first samples, and each code's last count."""
    random = np.random.default_rng(1)
    writer = HistoryWriter(path)
    times = np.arange(END_MS - DAYS * DAY_MS + EVERY_MS, END_MS + 1, EVERY_MS)
    events, newest = 0.0, np.zeros(len(CODES))
    for place, (code, rate) in enumerate(zip(CODES, RATES, strict=True)):
        counted = np.cumsum(random.poisson(rate, len(times))).astype(np.float64)
        events += (counted[-1] - counted[0]) * OBJECTIVES
        newest[place] = counted[-1]
        for first in range(0, OBJECTIVES, PATCH):
            labels = [_series(service, code) for service in range(first, first + PATCH)]
            series = np.repeat(np.arange(PATCH), len(times))
            writer.add(labels, series, np.tile(times, PATCH), np.tile(counted, PATCH))
    writer.close()
    return events, newest


def _series(service: int, code: str) -> Labels:
    return Labels.of("http_requests_total", service=f"s{service}", code=code)


def _objective(service: int) -> Objective:
    selector = f'http_requests_total{{service="s{service}"'
    return Objective(
        service=f"s{service}",
        name="availability",
        target=Fraction(999, 1000),
        window=Window(DAYS * DAY_MS),
        indicator=INDICATORS["ratio"](bad=f'{selector},code=~"5.."}}', total=f"{selector}}}"),
    )


def _anonymous_bytes() -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line[:8] == "RssAnon:") * 1024
