"""The watch over the real store and engine: its score is a series that PromQL finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from anomaly import AnomalyConfig, AnomalyMetrics, AnomalyWatch, Watch
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.query.values import Vector
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

STEP_MS = 5_000
START_MS = 1_700_000_000_000
SOURCE = Labels.of("tocsin_slo_sli_ratio", slo="checkout", window="5m")


def test_the_score_of_a_dip_is_found_by_promql(tmp_path: Path, sink: Any) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path / "metrics", clock, StoreOptions(), CollectorRegistry())
    engine = Engine(store, clock=clock)
    watch = AnomalyWatch(
        engine=engine,
        appender=store,
        sink=sink,
        clock=clock,
        directory=tmp_path / "anomaly",
        config=AnomalyConfig(),
        watches=[Watch("sli", 'tocsin_slo_sli_ratio{window="5m"}')],
        metrics=AnomalyMetrics(CollectorRegistry()),
    )
    refs = store.refs("slo", [SOURCE])
    noise = np.random.default_rng(1).normal(0, 1e-4, size=604)
    for tick, value in enumerate([*(0.999 + noise[:600]), 0.93, 0.9, 0.88, 0.87]):
        clock.advance(STEP_MS)
        store.append_row("slo", clock.now_ms(), refs, np.array([value]))
        if tick > 590:
            watch.tick(clock.now_ms())
            watch.fit_due(clock.now_ms())
    answer = engine.instant("tocsin_anomaly_score > 0.5", clock.now_ms()).value
    assert isinstance(answer, Vector)
    assert [dict(labels) for labels in answer.labels] == [
        {
            "__name__": "tocsin_anomaly_score",
            "metric": "tocsin_slo_sli_ratio",
            "slo": "checkout",
            "watch": "sli",
            "window": "5m",
        }
    ]
    assert watch.states()[0].is_anomalous
    store.close()
