"""What breaks in a seasonal series is found and explained; quiet series stay low."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.explain import told
from anomaly.features import FEATURES, features_of
from anomaly.series_model import Judged, ModelBank, fit_series, usual_values
from anomaly.threshold import THRESHOLD, alarm_probability, scores_of

INTERVAL_MS = 60_000
DAY_TICKS = 24 * 60
TRAINED = 2 * DAY_TICKS
BROKEN_AT = TRAINED + 500


def seasonal(ticks: int, seed: int) -> np.ndarray:
    """Requests a second with a daily rhythm and noise."""
    noise = np.random.default_rng(seed).normal(size=ticks)
    return 100 + 30 * np.sin(2 * np.pi * np.arange(ticks) / DAY_TICKS) + 2 * noise


def judge(values: np.ndarray, trained: int) -> tuple[np.ndarray, Judged]:
    """Scores of every tick after the first `trained`, from which the model learned."""
    times = 1_700_000_000_000 + np.arange(len(values)) * INTERVAL_MS
    model = fit_series(values[:trained], times[:trained], seed=1, now_ms=0)
    assert model is not None
    bank = ModelBank()
    bank.put(0, model)
    later = np.arange(trained, len(values))
    rows = features_of(values[None, :], times, later).rows[0]
    judged = bank.judge(np.zeros(len(rows), dtype=np.int64), rows)
    return scores_of(judged.probability, alarm_probability(1.0, INTERVAL_MS)), judged


def broken(kind: str, seed: int) -> np.ndarray:
    values = seasonal(BROKEN_AT + 60, seed)
    if kind == "spike":
        values[BROKEN_AT : BROKEN_AT + 2] += 40
    elif kind == "drop":
        values[BROKEN_AT : BROKEN_AT + 2] -= 40
    elif kind == "shift":
        values[BROKEN_AT:] += 20
    else:
        values[BROKEN_AT:] = values[BROKEN_AT]
    return values


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("kind", "within", "features", "sign"),
    [
        ("spike", 2, {"level_1", "level_5", "change", "spread"}, 1),
        ("drop", 2, {"level_1", "level_5", "change"}, -1),
        ("shift", 15, {"level_1", "level_5", "level_15", "spread"}, 1),
        ("flatline", 40, {"still"}, 1),
    ],
)
def test_what_breaks_is_found_and_explained(
    kind: str, within: int, features: set[str], sign: int, seed: int
) -> None:
    scores, judged = judge(broken(kind, seed), TRAINED)
    at = BROKEN_AT - TRAINED
    after = scores[at : at + within]
    assert after.max() >= THRESHOLD
    loudest = at + int(after.argmax())
    first = told(judged.distances[loudest])[0]
    assert first.name in features
    assert np.sign(first.distance) == sign or first.name == "spread"


QUIET = {
    "white": lambda rng, n: 10 + rng.normal(size=n),
    "counts": lambda rng, n: rng.poisson(3, size=n).astype(float),
    "bursts": lambda rng, n: np.where(rng.random(n) < 0.02, rng.exponential(5, n), 0.0),
    "heavy": lambda rng, n: np.exp(rng.normal(size=n)),
    "walk": lambda rng, n: np.cumsum(rng.normal(size=n)),
    "steps": lambda rng, n: np.repeat(rng.normal(size=n // 12 + 1), 12)[:n],
}


@pytest.mark.parametrize("trained", [40, 400, 4000])
@pytest.mark.parametrize("name", QUIET)
def test_quiet_series_keep_the_promise_of_few_alarms(name: str, trained: int) -> None:
    """Ten series, each for as long as its model lives, at one a week: two at most are due."""
    alarms, ordinary, lives = 0, [], min(trained + trained // 4, 2016)
    for seed in range(10):
        scores, _ = judge(QUIET[name](np.random.default_rng(seed), trained + lives), trained)
        over = scores >= THRESHOLD
        alarms += int((over[1:] & ~over[:-1]).sum())
        ordinary.append(np.median(scores))
    assert alarms <= 5
    assert np.median(ordinary) < 0.35


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5e9, 1e-12])
def test_a_constant_series_is_ordinary_until_it_moves(value: float) -> None:
    values = np.full(700, value)
    values[650:] = value * 0.8 if value else 0.1
    scores, _ = judge(values, 600)
    assert scores[:50].max() < 0.1
    assert scores[50] >= THRESHOLD


@pytest.mark.parametrize("points", [0, 1, 39])
def test_too_few_points_give_no_model(points: int) -> None:
    times = np.arange(points, dtype=np.int64) * INTERVAL_MS
    assert fit_series(np.ones(points), times, seed=1, now_ms=0) is None


def test_forty_points_give_a_model() -> None:
    times = np.arange(40, dtype=np.int64) * INTERVAL_MS
    model = fit_series(np.random.default_rng(1).normal(size=40), times, seed=1, now_ms=7)
    assert model is not None
    assert model.fitted_at_ms == 7


def test_gaps_and_nonsense_in_the_history_do_not_harm() -> None:
    values = seasonal(1000, 3)
    values[100:300] = np.nan
    values[400] = np.inf
    values[401] = -np.inf
    scores, _ = judge(values, 900)
    assert np.isfinite(scores).all()
    assert np.median(scores) < 0.2


def test_an_hour_that_was_never_seen_is_not_odd_before_a_day_was() -> None:
    rng = np.random.default_rng(9)
    scores, _ = judge(10 + rng.normal(size=DAY_TICKS), DAY_TICKS // 4)
    assert (scores >= THRESHOLD).sum() <= 2


def test_a_span_longer_than_the_history_is_as_wide_as_the_one_before() -> None:
    rows = np.random.default_rng(2).normal(size=(50, len(FEATURES)))
    rows[:, FEATURES.index("level_60")] = 0.0
    _, deviation = usual_values(rows, np.ones(50))
    assert deviation[FEATURES.index("level_60")] == deviation[FEATURES.index("level_15")]
