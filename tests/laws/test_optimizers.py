"""Every rewrite of a plan gives the same answer with and without it."""

import importlib

import numpy as np
import pytest

from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS
from collector.query import engine as engine_module
from collector.query.engine import Engine
from collector.query.optimize import OPTIMIZERS
from collector.query.values import Matrix

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore

QUERIES = (
    "x_total @ 60",
    "rate(x_total[2m] @ end())",
    "sum by (i) (rate(x_total[2m])) / on () group_left sum(x_total @ start())",
    "max_over_time((x_total @ 100 + x_total)[5m:30s])",
    "predict_linear(x_total[2m] @ 200, 60)",
    "quantile_over_time(scalar(y), x_total[2m] @ 200)",
    "timestamp(x_total @ 100) + timestamp(timestamp(x_total @ 100))",
    "absent(nothing @ 0) * time()",
    "1 + 2 * 3",
    "minute(x_total @ 100) + on () group_left vector(time())",
    "topk(1, x_total @ 100) or y",
    "(x_total - x_total offset 1m) / x_total",
    "max_over_time(x_total[2m]) - min_over_time(x_total[2m])",
    "sum(rate(x_total[2m])) / count(rate(x_total[2m])) + sum(rate(x_total[2m]))",
    "(x_total @ 100 + x_total @ 100) * on (i) x_total",
    "max_over_time(sum(x_total)[3m:1m]) - sum(x_total)",
)


@pytest.mark.parametrize("left_out", OPTIMIZERS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("query", QUERIES)
def test_answer_is_the_same_without_it(
    left_out: object, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    times = list(range(0, 600_000, 15_000))
    for i in range(3):
        values = [float((i + 1) * n) for n in range(len(times))]
        store.add(Labels.of("x_total", i=str(i)), times, values)
    store.add(Labels.of("y"), times, [n / len(times) for n in range(len(times))])
    engine = Engine(store)
    with_it = engine.range(query, 0, 600_000, 30_000).value
    others = tuple(one for one in OPTIMIZERS if one is not left_out)
    monkeypatch.setattr(engine_module, "OPTIMIZERS", others)
    without = engine.range(query, 0, 600_000, 30_000).value
    assert isinstance(with_it, Matrix)
    assert isinstance(without, Matrix)
    assert with_it.labels == without.labels
    bits = with_it.values.view(np.int64), without.values.view(np.int64)
    assert ((bits[0] == MISSING_BITS) == (bits[1] == MISSING_BITS)).all()
    np.testing.assert_array_equal(with_it.values, without.values)
    assert len(with_it.labels)
