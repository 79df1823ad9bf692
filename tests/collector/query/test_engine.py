import importlib
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.clock import ManualClock
from collector.model.errors import EvaluationError, InputError, LimitError, UnavailableError
from collector.model.labels import Labels
from collector.model.samples import MISSING, STALE, is_missing
from collector.query.engine import Engine, EngineOptions
from collector.query.parser import MAX_DEPTH
from collector.query.values import Matrix, RawSeries, Scalar, Text, Vector

slow = importlib.import_module("tests.oracles.slow_promql")
MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore

Cells = list[float | None]
_COUNTS = st.lists(st.one_of(st.none(), st.integers(0, 1000).map(float)), min_size=1, max_size=40)
_GAUGES = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=40)


def _engine(*rows: Cells, gap_ms: int = 15_000) -> Engine:
    store = MemoryStore()
    for i, cells in enumerate(rows):
        kept = [(j * gap_ms, value) for j, value in enumerate(cells) if value is not None]
        store.add(Labels.of("x_total", i=str(i)), [t for t, _ in kept], [v for _, v in kept])
    return Engine(store)


def _steps(engine: Engine, query: str, end_ms: int = 600_000) -> dict[str, list[float | None]]:
    matrix = engine.range(query, 0, end_ms, 20_000).value
    assert isinstance(matrix, Matrix)
    gaps = is_missing(matrix.values)
    return {
        labels.get("i", ""): [
            None if gap else float(v) for v, gap in zip(row, missing, strict=True)
        ]
        for labels, row, missing in zip(matrix.labels, matrix.values, gaps, strict=True)
    }


def _same(ours: list[float | None] | None, expected: Sequence[float | None]) -> None:
    ours = ours if ours is not None else [None] * len(expected)
    for got, want in zip(ours, expected, strict=True):
        assert (got is None) == (want is None)
        if got is not None and want is not None:
            assert math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-6), (got, want)


@settings(deadline=None)
@given(st.lists(_COUNTS, min_size=1, max_size=3), st.sampled_from((20_000, 50_000, 130_000)))
def test_rate_and_increase_are_those_of_the_oracle(rows: list[Cells], range_ms: int) -> None:
    engine = _engine(*rows)
    for function, counter, per_second in (
        ("rate", True, True),
        ("increase", True, False),
        ("delta", False, False),
    ):
        answer = _steps(engine, f"{function}(x_total[{range_ms}ms])")
        for i, cells in enumerate(rows):
            samples = [(j * 15_000, v) for j, v in enumerate(cells) if v is not None]
            expected = [
                slow.rate(samples, end, range_ms, counter=counter, per_second=per_second)
                for end in range(0, 600_001, 20_000)
            ]
            _same(answer.get(str(i)), expected)


@settings(deadline=None)
@given(_GAUGES, st.sampled_from((10_000, 61_000, 200_000)))
def test_over_time_functions_are_those_of_the_oracle(cells: Cells, range_ms: int) -> None:
    engine = _engine(cells)
    samples = [(j * 15_000, v) for j, v in enumerate(cells) if v is not None]
    for name in ("sum", "avg", "min", "max", "count", "stddev", "stdvar", "last", "first"):
        answer = _steps(engine, f"{name}_over_time(x_total[{range_ms}ms])")
        expected = [
            slow.over_time(name, samples, end, range_ms) for end in range(0, 600_001, 20_000)
        ]
        _same(answer.get("0"), expected)


@settings(deadline=None)
@given(st.lists(_GAUGES, min_size=1, max_size=4))
def test_aggregations_are_those_of_numpy(rows: list[Cells]) -> None:
    engine = _engine(*rows)
    plain = _steps(engine, "x_total")
    for name, reduce in (("sum", np.sum), ("avg", np.mean), ("max", np.max), ("count", np.size)):
        answer = _steps(engine, f"{name}(x_total)").get("")
        expected = []
        for step in range(31):
            cells = [row[step] for row in plain.values() if row[step] is not None]
            expected.append(float(reduce(cells)) if cells else None)
        _same(answer, expected)


def test_each_kind_of_value() -> None:
    engine = _engine([1.0, 2.0, 3.0])
    assert isinstance(engine.instant("x_total", 30_000).value, Vector)
    assert engine.instant("1 + 1", 5).value == Scalar(2.0, 5)
    assert engine.instant('"text"', 5).value == Text("text", 5)
    raw = engine.instant("x_total[20s] offset 1ms", 30_000).value
    assert isinstance(raw, RawSeries)
    assert raw.samples[0][0].tolist() == [15_000]
    matrix = engine.range("1 + 1", 0, 60_000, 30_000).value
    assert isinstance(matrix, Matrix)
    assert matrix.values.tolist() == [[2.0, 2.0, 2.0]]


def test_an_ordinary_nan_is_a_value_and_a_stale_marker_none() -> None:
    engine = _engine([1.0, math.nan, STALE, MISSING, None])
    vector = engine.instant("x_total", 15_000).value
    assert isinstance(vector, Vector)
    assert np.isnan(vector.values).all()
    assert not is_missing(vector.values).any()
    empty = engine.instant("x_total", 30_000).value
    assert isinstance(empty, Vector)
    assert len(empty.labels) == 0


def test_name_is_gone_at_once_or_at_the_end() -> None:
    store = MemoryStore()
    store.add(Labels.of("x_total", i="0"), [0, 15_000], [1.0, 2.0])
    query = 'label_replace(rate(x_total[1m]), "was", "$1", "__name__", "(.+)")'
    [plain] = Engine(store).instant(query, 15_000).value.labels  # type: ignore[union-attr]
    assert plain == Labels({"i": "0"})
    delayed = Engine(store, EngineOptions(delayed_name_removal=True))
    [kept] = delayed.instant(query, 15_000).value.labels  # type: ignore[union-attr]
    assert kept == Labels({"i": "0", "was": "x_total"})


def test_limits_are_told() -> None:
    engine = _engine([1.0] * 40)
    with pytest.raises(InputError, match="11,000 points"):
        engine.range("x_total", 0, 12_000_000, 1000)
    with pytest.raises(InputError, match="Try a positive integer"):
        engine.range("x_total", 0, 1, 0)
    small = Engine(engine._querier, EngineOptions(max_samples=10))
    with pytest.raises(LimitError, match="too many samples"):
        small.range("x_total", 0, 600_000, 15_000)
    with pytest.raises(LimitError, match="too many samples"):  # 20 GB of steps
        engine.instant("max_over_time(x_total[30d:1ms])", 0)
    late = Engine(engine._querier, EngineOptions(timeout_seconds=-1), ManualClock(0))
    with pytest.raises(UnavailableError, match="timed out"):
        late.instant("x_total", 0)


@pytest.mark.parametrize("range_", ["9" * 5000 + "s", "2^9999s", "(0 - 1s)^(1/2)", "9" * 30 + "y"])
def test_a_range_that_is_no_time_is_refused(range_: str) -> None:
    with pytest.raises(InputError, match="out of range"):
        _engine([1.0]).instant(f"rate(x_total[{range_}])", 0)


def test_the_deepest_expression_has_a_value() -> None:
    engine = _engine([1.0])
    for opening, closing in (("sum(", ")"), ("max_over_time(", "[1m:])"), ("x_total + (", ")")):
        depth = (MAX_DEPTH - 1) // (3 if "+" in opening else 1)
        query = opening * (depth - 1) + "x_total" + closing * (depth - 1)
        engine.range(query, 0, 30_000, 15_000)


def test_series_that_collide_are_an_error() -> None:
    engine = _engine([1.0], [2.0])
    with pytest.raises(EvaluationError, match="same labelset"):
        engine.instant('label_replace(x_total, "i", "", "", "")', 0)
    with pytest.raises(EvaluationError, match="many-to-many matching not allowed"):
        engine.instant("vector(1) + on() x_total", 0)


def test_what_does_not_depend_on_the_step_is_run_once() -> None:
    engine = _engine([float(i) for i in range(40)])
    asked = []
    select = engine._querier.select

    def counting(matchers, after_ms, until_ms):  # type: ignore[no-untyped-def]
        asked.append((after_ms, until_ms))
        return select(matchers, after_ms, until_ms)

    engine._querier.select = counting  # type: ignore[method-assign]
    answer = _steps(engine, "sum(x_total @ 60) + 0 * sum(x_total)")
    assert answer[""] is not None
    assert (60_000 - 300_000, 60_000) in asked
    assert len(asked) == 2
