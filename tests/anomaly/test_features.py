"""Features against a slow, obvious version, and their behaviour at gaps and edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.features import CONTEXT_TICKS, FEATURES, features_of
from collector.model.samples import MISSING

MINUTE_MS = 60_000


def slow_features(values: list[float], timestamps_ms: list[int], at: int) -> dict[str, float]:
    """One tick's features by loops over lists."""

    def present(until: int, span: int) -> list[float]:
        window = values[max(until - span, 0) : max(until, 0)]
        return [value for value in window if np.isfinite(value)]

    def level(span: int) -> float:
        recent, past = present(at + 1, span), present(at + 1 - span, 60)
        if len(recent) * 2 < span or len(past) < 15:
            return 0.0
        return sum(recent) / len(recent) - sum(past) / len(past)

    recent = present(at + 1, 15)
    still = 0
    while still < at and np.isfinite(values[at]) and values[at - still - 1] == values[at]:
        still += 1
    here, before = values[at], values[max(at - 1, 0)]
    angle = 2 * np.pi * (timestamps_ms[at] % 86_400_000) / 86_400_000
    return {
        **{f"level_{span}": level(span) for span in (1, 5, 15, 60)},
        "change": here - before if np.isfinite(here) and np.isfinite(before) else 0.0,
        "spread": float(np.std(recent)) if len(recent) >= 3 else 0.0,
        "still": float(min(still, 15)),
        "hour_sin": np.sin(angle),
        "hour_cos": np.cos(angle),
    }


cell = st.one_of(
    st.floats(-1000, 1000).map(lambda value: round(value, 3)),
    st.sampled_from([0.0, 1.0, MISSING, float("nan"), float("inf")]),
)


@given(st.lists(cell, min_size=1, max_size=200), st.integers(0, 199))
@settings(max_examples=300, deadline=None)
def test_features_equal_those_of_the_loop(values: list[float], at: int) -> None:
    at = min(at, len(values) - 1)
    times = [1_700_000_000_000 + i * MINUTE_MS for i in range(len(values))]
    fast = features_of(np.array([values]), np.array(times), np.array([at]))
    expected = slow_features(values, times, at)
    told = dict(zip(FEATURES, fast.rows[0, 0], strict=True))
    assert told == pytest.approx(expected, abs=1e-6)
    past = [value for value in values[max(at - 60, 0) : at] if np.isfinite(value)]
    assert fast.ready[0, 0] == (np.isfinite(values[at]) and len(past) >= 15)


def test_a_feature_never_looks_further_back_than_the_context() -> None:
    rng = np.random.default_rng(1)
    values, times = rng.normal(size=(3, 500)), np.arange(500) * MINUTE_MS
    whole = features_of(values, times, np.array([499]))
    context = features_of(
        values[:, -CONTEXT_TICKS:], times[-CONTEXT_TICKS:], np.array([CONTEXT_TICKS - 1])
    )
    assert np.allclose(whole.rows, context.rows, atol=1e-9)


def test_a_feature_never_looks_ahead() -> None:
    rng = np.random.default_rng(2)
    values, times = rng.normal(size=(1, 300)), np.arange(300) * MINUTE_MS
    until = features_of(values[:, :200], times[:200], np.array([199]))
    whole = features_of(values, times, np.array([199]))
    assert np.allclose(until.rows, whole.rows, atol=1e-9)


def test_a_large_offset_does_not_drown_a_small_spread() -> None:
    values = 1e9 + np.random.default_rng(3).normal(size=(1, 200))
    rows = features_of(values, np.arange(200) * MINUTE_MS, np.arange(100, 200)).rows[0]
    assert rows[:, FEATURES.index("spread")].mean() == pytest.approx(1.0, rel=0.15)
