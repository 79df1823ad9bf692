"""The watch tick by tick: learning, scores as series, alerts, limits, restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from anomaly import AnomalyConfig, AnomalyMetrics, AnomalyWatch, Watch
from anomaly.api import router
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.samples import MISSING, is_stale

STEP_MS = 5_000
SERIES = Labels.of("http_errors", job="shop")
SCORE = Labels.of("tocsin_anomaly_score", job="shop", metric="http_errors", watch="errors")


class Bench:
    """A watch over a query `q`, fed value by value."""

    def __init__(self, engine: Any, rows: Any, sink: Any, directory: Path, **config: Any) -> None:
        self.engine, self.rows, self.sink = engine, rows, sink
        self.registry = CollectorRegistry()
        self.clock = ManualClock(engine.start_ms)
        watches = config.pop("watches", [Watch("errors", "q", alert=True)])
        self.watch = AnomalyWatch(
            engine=engine,
            appender=rows,
            sink=sink,
            clock=self.clock,
            directory=directory,
            config=AnomalyConfig(**config),
            watches=watches,
            metrics=AnomalyMetrics(self.registry),
        )

    def feed(self, values: Any, labels: Labels = SERIES, query: str = "q") -> None:
        series = self.engine.series.setdefault(query, {}).setdefault(labels, [])
        for value in values:
            series.append(float(value))
            now_ms = self.engine.start_ms + (len(series) - 1) * STEP_MS
            self.watch.tick(now_ms)
            self.watch.fit_due(now_ms)

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def bench(engine: Any, rows: Any, sink: Any, tmp_path: Path) -> Bench:
    return Bench(engine, rows, sink, tmp_path)


def noise(count: int, seed: int = 1) -> np.ndarray:
    return 10 + np.random.default_rng(seed).normal(size=count)


def test_it_says_how_far_it_has_learned(bench: Bench) -> None:
    bench.feed(noise(12))
    (state,) = bench.watch.states()
    assert (state.state, state.score, state.fitted_at_ms) == ("learning", None, None)
    assert state.explanation == "learning: 12 of 40 points"
    assert bench.rows.rows == []
    assert bench.count("tocsin_anomaly_series", state="learning") == 1


def test_after_forty_points_the_score_is_a_series_with_the_sources_labels(bench: Bench) -> None:
    bench.feed(noise(45))
    (state,) = bench.watch.states()
    assert state.state == "ready"
    source, timestamp_ms, row = bench.rows.rows[-1]
    assert source == "tocsin/anomaly"
    assert timestamp_ms == bench.engine.start_ms + 44 * STEP_MS
    assert row == {SCORE: state.score}
    assert 0 <= row[SCORE] < 0.5
    assert bench.rows.metadata["tocsin_anomaly_score"].type == "gauge"


def test_a_young_model_is_fitted_again_soon_and_an_old_one_seldom(bench: Bench) -> None:
    bench.feed(noise(400))
    assert 3 <= bench.count("tocsin_anomaly_fits_total", result="fitted") <= 8


def test_a_fault_fires_with_its_evidence_and_resolves(bench: Bench) -> None:
    bench.feed(noise(400))
    assert bench.sink.alerts == []
    bench.feed(40 + noise(8, 2))
    alert = bench.sink.alerts[-1]
    assert alert.name == "TocsinAnomaly"
    assert dict(alert.labels) == {
        "alertname": "TocsinAnomaly",
        "job": "shop",
        "metric": "http_errors",
        "watch": "errors",
        "severity": "ticket",
    }
    assert alert.ends_at_ms is None
    assert alert.evidence["query"] == "q"
    features = alert.evidence["features"]
    assert isinstance(features, dict)
    assert next(iter(features.values())) > 10
    assert "above" in alert.annotations["description"]
    json.dumps(alert.evidence)

    bench.sink.alerts.clear()
    bench.feed(noise(150, 3))
    ended = [alert for alert in bench.sink.alerts if alert.ends_at_ms is not None]
    assert len(ended) == 1
    assert ended[0].labels == alert.labels
    assert ended[0].starts_at_ms == alert.starts_at_ms
    assert bench.sink.alerts[-1] is ended[0]


def test_a_watch_that_is_not_to_alert_does_not(
    engine: Any, rows: Any, sink: Any, tmp_path: Path
) -> None:
    bench = Bench(engine, rows, sink, tmp_path, watches=[Watch("errors", "q")])
    bench.feed(noise(200))
    bench.feed(40 + noise(8, 2))
    assert bench.watch.states()[0].is_anomalous
    assert sink.alerts == []


def test_a_series_that_ends_while_it_fires_is_resolved_and_goes_stale(bench: Bench) -> None:
    bench.feed(noise(200))
    bench.feed(40 + noise(8, 2))
    bench.feed([MISSING])
    _, _, row = bench.rows.rows[-1]
    assert is_stale(np.array([row[SCORE]])).all()
    assert bench.watch.states()[0].state == "no data"
    bench.sink.alerts.clear()
    bench.feed([MISSING] * 130)
    assert bench.watch.states() == []
    assert bench.sink.alerts[-1].ends_at_ms is not None
    assert len([a for a in bench.sink.alerts if a.ends_at_ms is not None]) == 1


def test_a_restart_scores_at_once_from_the_models_on_disk(
    bench: Bench, engine: Any, rows: Any, sink: Any, tmp_path: Path
) -> None:
    bench.feed(noise(100))
    again = Bench(engine, rows, sink, tmp_path)
    now_ms = engine.start_ms + 99 * STEP_MS
    again.watch.tick(now_ms)
    assert [state.score for state in again.watch.states()] == [
        state.score for state in bench.watch.states()
    ]
    assert again.watch.states()[0].fitted_at_ms == bench.watch.states()[0].fitted_at_ms


def test_a_damaged_model_is_counted_and_learned_again(
    bench: Bench, engine: Any, rows: Any, sink: Any, tmp_path: Path
) -> None:
    bench.feed(noise(100))
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(b"nonsense")
    again = Bench(engine, rows, sink, tmp_path)
    now_ms = engine.start_ms + 99 * STEP_MS
    again.watch.tick(now_ms)
    assert again.count("tocsin_anomaly_model_file_failures_total") == 1
    again.watch.fit_due(now_ms)
    again.watch.tick(now_ms)
    assert again.watch.states()[0].state == "ready"


def test_series_over_the_limit_are_left_out_and_counted(
    engine: Any, rows: Any, sink: Any, tmp_path: Path
) -> None:
    bench = Bench(
        engine,
        rows,
        sink,
        tmp_path,
        max_series=3,
        watches=[Watch("one", "q"), Watch("two", "r")],
    )
    engine.series["q"] = {Labels.of("m", i=str(i)): [1.0] for i in range(2)}
    engine.series["r"] = {Labels.of("m", i=str(i)): [1.0] for i in range(5)}
    bench.watch.tick(engine.start_ms)
    assert [state.watch for state in bench.watch.states()].count("one") == 2
    assert len(bench.watch.states()) == 3
    assert bench.count("tocsin_anomaly_series_over_limit") == 4


def test_a_watch_without_an_answer_does_not_stop_the_others(bench: Bench) -> None:
    bench.feed(noise(50))
    bench.engine.is_down = True
    bench.watch.tick(bench.engine.start_ms + 50 * STEP_MS)
    assert bench.watch.fit_due(bench.engine.start_ms + 10_000 * STEP_MS) == 0
    assert bench.count("tocsin_anomaly_query_failures_total", watch="errors") >= 1


def test_a_round_fits_a_few_and_the_next_ones_fit_the_rest(
    engine: Any, rows: Any, sink: Any, tmp_path: Path
) -> None:
    bench = Bench(engine, rows, sink, tmp_path)
    engine.series["q"] = {Labels.of("m", i=f"{i}"): list(noise(50, i)) for i in range(30)}
    now_ms = engine.start_ms + 49 * STEP_MS
    bench.watch.tick(now_ms)
    assert [bench.watch.fit_due(now_ms) for _ in range(3)] == [20, 10, 0]


def test_the_same_history_gives_the_same_scores(
    engine: Any, rows: Any, sink: Any, tmp_path: Path
) -> None:
    scores = []
    for directory in ("a", "b"):
        bench = Bench(engine, rows, sink, tmp_path / directory)
        engine.series["q"] = {SERIES: list(noise(100))}
        now_ms = engine.start_ms + 99 * STEP_MS
        for _ in range(2):
            bench.watch.tick(now_ms)
            bench.watch.fit_due(now_ms)
        scores.append(bench.watch.states()[0].score)
    assert scores[0] == scores[1]
    assert scores[0] is not None


def test_the_api_gives_the_oddest_first(bench: Bench) -> None:
    quiet, loud = Labels.of("m", i="quiet"), Labels.of("m", i="loud")
    bench.engine.series["q"] = {
        quiet: list(noise(500)),
        loud: [*noise(499), 60.0],
        Labels.of("m", i="young"): [MISSING] * 490 + [1.0] * 10,
    }
    for tick in (498, 499):
        bench.watch.tick(bench.engine.start_ms + tick * STEP_MS)
        bench.watch.fit_due(bench.engine.start_ms + 498 * STEP_MS)
    app = FastAPI()
    app.include_router(router(bench.watch.states))
    with TestClient(app) as client:
        body = client.get("/api/tocsin/v1/anomalies").json()
        odd = client.get("/api/tocsin/v1/anomalies", params={"min_score": 0.5}).json()
        none = client.get("/api/tocsin/v1/anomalies", params={"watch": "other"}).json()
    assert [found["labels"]["i"] for found in body["anomalies"]] == ["loud", "quiet", "young"]
    assert body["anomalies"][0]["is_anomalous"]
    assert body["anomalies"][0]["features"]
    assert body["anomalies"][2]["explanation"] == "learning: 10 of 40 points"
    assert [found["labels"]["i"] for found in odd["anomalies"]] == ["loud"]
    assert none == {"anomalies": [], "total": 0}
