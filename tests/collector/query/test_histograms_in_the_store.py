"""Native histograms through the real store: taken apart, logged, read back and asked for."""

from pathlib import Path

import numpy as np

from collector.model import Labels, ManualClock
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.query.engine import Engine
from collector.query.values import Matrix
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
STEP_MS = 15_000


def _histogram(n: int) -> NativeHistogram:
    """After n observations of about 1.5, and as many of about 3."""
    return NativeHistogram(0, 2.0 * n, 4.5 * n, 2.0**-9, 0.0, ((1, float(n)), (2, float(n))))


def _open(directory: Path, clock: ManualClock) -> Tsdb:
    return Tsdb.open(directory, clock, StoreOptions())


def test_a_quantile_of_rates_survives_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    store = _open(tmp_path, clock)
    family = columns(Labels.of("h", job="x"), _histogram(1))
    refs = store.refs("scrape", [labels for labels, _ in family])
    for i in range(41):
        at_ms = START_MS + i * STEP_MS
        clock.advance(STEP_MS if i else 0)
        cells = dict(columns(Labels.of("h", job="x"), _histogram(10 * (i + 1))))
        values = np.array([cells[labels] for labels, _ in family])
        store.append_row("scrape", at_ms, refs, values)
    store.close()
    store = _open(tmp_path, clock)
    engine = Engine(store)
    end_ms = START_MS + 40 * STEP_MS
    answer = engine.range(
        "histogram_quantile(0.5, sum(rate(h[5m])))", end_ms - 60_000, end_ms, 15_000
    )
    assert isinstance(answer.value, Matrix)
    np.testing.assert_allclose(answer.value.values, 2.0)
    total = engine.instant("histogram_count(increase(h[5m]))", end_ms).value
    assert total.values.tolist() == [400.0]
    newest = engine.instant("h", end_ms).value
    assert newest.histograms[0].equals(_histogram(410))
    store.close()
