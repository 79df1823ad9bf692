"""Answers out of the cache are those of the samples, bit for bit, whatever was written between."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.labels import Labels
from collector.model.samples import STALE
from collector.query.engine import Engine, EngineOptions
from collector.query.values import Matrix

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore

QUERIES = (
    "x_total",
    "sum by (i) (rate(x_total[1m]))",
    "x_total offset 2m",
    "x_total offset -1m",
    "x_total @ 300",
    "x_total @ end() + on (i) x_total",
    "rate(x_total[1m] @ start())",
    "max_over_time(rate(x_total[1m])[3m:20s])",
    "sum_over_time(x_total[2m] offset 30s) / count_over_time(x_total[2m])",
    "(x_total - x_total offset 1m) / x_total",
    "topk(1, x_total)",
    "limitk(1, x_total)",
    "count_values('v', x_total % 3)",
    "absent(x_total{i='2'})",
    "x_total and on (i) (x_total > 20)",
    "vector(time()) * scalar(sum(x_total))",
    "predict_linear(x_total[2m], 60)",
    "sum(max_over_time(x_total[1m] @ 200)) + x_total",
    "rate(x_total[1m] smoothed)",
    "x_total{i='0'} or x_total offset 3m",
)
# a write: series, time in seconds, value (None: the stale marker)
_WRITES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 900), st.one_of(st.none(), st.integers(0, 50))),
    max_size=12,
)
# a look: which query, first step and number of steps, in steps
_LOOKS = st.lists(
    st.tuples(st.integers(0, len(QUERIES) - 1), st.integers(0, 20), st.integers(1, 25)),
    min_size=1,
    max_size=5,
)
STEP_MS = 20_000


def _range(engine: Engine, query: str, first: int, steps: int, phase_ms: int = 0) -> Matrix:
    start_ms = first * STEP_MS + phase_ms
    matrix = engine.range(query, start_ms, start_ms + (steps - 1) * STEP_MS, STEP_MS).value
    assert isinstance(matrix, Matrix)
    return matrix


def _check(cached: Matrix, plain: Matrix) -> None:
    assert list(cached.labels) == list(plain.labels)
    np.testing.assert_array_equal(cached.timestamps_ms, plain.timestamps_ms)
    np.testing.assert_array_equal(cached.values.view(np.int64), plain.values.view(np.int64))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(_WRITES, _LOOKS), min_size=2, max_size=6))
def test_answers_are_those_without_it(
    story: list[tuple[list[tuple[int, int, int | None]], list[tuple[int, int, int]]]],
) -> None:
    store = MemoryStore()
    with_cache = Engine(store)
    without = Engine(store, EngineOptions(range_cache_bytes=0))
    for writes, looks in story:
        for series, second, value in writes:
            labels = Labels.of("x_total", i=str(series))
            store.add(labels, [second * 1000], [STALE if value is None else float(value)])
        for query, first, steps in looks:
            text = QUERIES[query]
            _check(_range(with_cache, text, first, steps), _range(without, text, first, steps))


def _steps_by_source(registry: CollectorRegistry) -> tuple[float, float]:
    name = "tocsin_query_range_cache_steps_total"
    found = [registry.get_sample_value(name, {"source": one}) for one in ("cache", "store")]
    return found[0] or 0.0, found[1] or 0.0


def _growing_store(until: int = 100) -> MemoryStore:
    store = MemoryStore()
    for i in range(until):
        store.add(Labels.of("x_total", i="0"), [i * 15_000], [float(i)])
    return store


def test_a_refresh_computes_its_new_steps_only() -> None:
    store, registry = _growing_store(), CollectorRegistry()
    engine = Engine(store, registry=registry)
    _range(engine, "rate(x_total[1m])", 10, 60)
    assert _steps_by_source(registry) == (0, 60)
    store.add(Labels.of("x_total", i="0"), [100 * 15_000], [100.0])
    _range(engine, "rate(x_total[1m])", 12, 60)
    assert _steps_by_source(registry) == (58, 62)


def test_a_late_sample_takes_away_the_steps_after_it() -> None:
    store, registry = _growing_store(), CollectorRegistry()
    engine = Engine(store, registry=registry)
    _range(engine, "rate(x_total[1m])", 10, 60)
    store.add(Labels.of("x_total", i="0"), [400_001], [3.0])
    _range(engine, "rate(x_total[1m])", 10, 60)
    kept = (400_000 - 10 * STEP_MS) // STEP_MS + 1
    assert _steps_by_source(registry) == (kept, 60 + 60 - kept)


@pytest.mark.parametrize("query", ["limitk(1, x_total)", "rate(y[1m])", "info(x_total)"])
def test_what_depends_on_more_than_samples_or_says_something_is_computed_anew(query: str) -> None:
    store, registry = _growing_store(), CollectorRegistry()
    store.add(Labels.of("y"), [0, 15_000, 30_000, 45_000, 60_000], [1.0, 2.0, 3.0, 4.0, 5.0])
    engine = Engine(store, registry=registry)
    for _ in range(2):
        _range(engine, query, 0, 10)
    assert _steps_by_source(registry)[0] == 0


def test_steps_at_other_times_are_others() -> None:
    engine, plain = (
        Engine(_growing_store(), options)
        for options in (EngineOptions(), EngineOptions(range_cache_bytes=0))
    )
    for phase_ms in (0, 1, 19_999):
        _check(
            _range(engine, "rate(x_total[1m])", 3, 20, phase_ms),
            _range(plain, "rate(x_total[1m])", 3, 20, phase_ms),
        )


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:
    store, registry = _growing_store(), CollectorRegistry()
    engine = Engine(store, EngineOptions(range_cache_bytes=4_000), registry=registry)
    for n in range(20):
        _range(engine, f"x_total + {n}", 0, 40)
        held = registry.get_sample_value("tocsin_query_range_cache_bytes")
        assert held is not None
        assert 0 < held <= 4_000
    before = _steps_by_source(registry)[0]
    _range(engine, "x_total + 0", 0, 40)
    assert _steps_by_source(registry)[0] == before
    _range(engine, "x_total + 19", 0, 40)
    assert _steps_by_source(registry)[0] == before + 40


def test_an_answer_too_large_for_the_room_is_not_kept() -> None:
    store, registry = _growing_store(), CollectorRegistry()
    engine = Engine(store, EngineOptions(range_cache_bytes=4_000), registry=registry)
    for _ in range(2):
        _range(engine, "x_total", 0, 74)
        _range(engine, "x_total", 0, 75 * 3)
    assert registry.get_sample_value("tocsin_query_range_cache_bytes") == 0.0
