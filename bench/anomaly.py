"""Scoring 10,000 watched series in one tick, and fitting one of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from pyod.models.iforest import IForest

from anomaly.detectors.isolation_forest import SAMPLES_PER_TREE, TREES
from anomaly.features import CONTEXT_TICKS, features_of
from anomaly.series_model import ModelBank, fit_series, judge_last
from anomaly.threshold import alarm_probability, scores_of
from bench.figures import Figure

SERIES = 10_000
DISTINCT = 100
"""Models that are fitted for it; each judges 100 of the series, from a slot of its own."""
TRAINED = 1_000
STEP_MS = 5_000
PEER_SERIES = 200


def measure() -> list[Figure]:
    """Features, forest, reach and tails of 10,000 series at one tick, on one core."""
    rng = np.random.default_rng(7)
    times = np.arange(TRAINED, dtype=np.int64) * STEP_MS
    history = 10 + rng.normal(size=(DISTINCT, TRAINED))
    began = time.perf_counter()
    models = [fit_series(row, times, seed, 0) for seed, row in enumerate(history)]
    fit_ms = (time.perf_counter() - began) / DISTINCT * 1000
    bank = ModelBank()
    for slot in range(SERIES):
        model = models[slot % DISTINCT]
        if model is None:
            raise ValueError("a thousand points give a model")
        bank.put(slot, model)
    slots = np.arange(SERIES, dtype=np.int64)
    context = 10 + rng.normal(size=(SERIES, CONTEXT_TICKS))
    alarm = alarm_probability(1.0, STEP_MS)

    def tick() -> None:
        judged, _ = judge_last(bank, slots, context, times[:CONTEXT_TICKS])
        scores_of(judged.probability, alarm)

    score_ms = best_ms(tick)
    peer_ms = pyod_ms(context, times)
    return [
        Figure("anomaly_10k_score_ms", score_ms, "ms", "pyod", peer_ms, peer_ms / score_ms),
        Figure("anomaly_fit_ms", fit_ms, "ms"),
    ]


def pyod_ms(context: np.ndarray, times: np.ndarray) -> float:
    """One `decision_function` call a series, as pyod is used without flattening, for 10,000."""
    last = np.array([CONTEXT_TICKS - 1], dtype=np.int64)
    rows = features_of(context[:PEER_SERIES], times[:CONTEXT_TICKS], last).rows[:, 0]
    forest = IForest(n_estimators=TREES, max_samples=SAMPLES_PER_TREE, random_state=1).fit(rows)
    spent = best_ms(lambda: [forest.decision_function(row[None, :]) for row in rows], rounds=1)
    return spent * SERIES / PEER_SERIES


def best_ms(work: Callable[[], object], rounds: int = 5) -> float:
    """The fastest of some rounds, after one to warm up."""
    work()
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        spent.append((time.perf_counter() - began) * 1000)
    return min(spent)
