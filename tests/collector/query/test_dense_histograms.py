"""Histograms as one array give the answers that histograms one by one give."""

import importlib
from collections.abc import Sequence

import numpy as np
import pytest

from collector.model.histogram_columns import COMPONENT
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import STALE
from collector.query.dense_histograms import DenseHistograms
from collector.query.engine import Engine
from collector.query.operators.samples import read_samples
from collector.query.values import Matrix
from collector.store.interface import Slice

memory_store = importlib.import_module("tests.oracles.memory_store")
SERIES, SAMPLES, GAP_MS = 6, 40, 15_000
QUERIES = (
    "h",
    "sum(h)",
    "avg by (job) (h)",
    "rate(h[2m])",
    "increase(h[1m30s])",
    "rate(h[2m] offset 30s)",
    "sum by (job) (rate(h[2m]))",
    "avg(increase(h[5m]))",
    "histogram_quantile(0.9, rate(h[2m]))",
    "histogram_quantile(0.2, sum by (job) (rate(h[2m])))",
    "histogram_quantile(-1, h) or histogram_quantile(2, h)",
    "histogram_count(rate(h[2m]))",
    "histogram_sum(h)",
    "histogram_avg(sum(h))",
    "histogram_fraction(0, 1, sum(h))",
    "count(h)",
    "-h",
    "h * 2",
    "sum(h) - sum(h offset 1m)",
    "sum_over_time(h[1m])",
    "increase(h[3m:1m])",
    "max_over_time(histogram_count(h)[2m:30s])",
    "topk(2, histogram_count(h))",
    'label_replace(h, "x", "y", "job", ".*")',
    "resets(h[5m])",
    "last_over_time(h[1m])",
    "h and on () vector(1)",
    "timestamp(h)",
    "absent(h)",
    "limitk(2, h)",
)


class OneByOne(memory_store.MemoryStore):  # type: ignore[misc,name-defined]
    """Gives every column in a slice of its own: then histograms are put together one by one."""

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        return [
            Slice(
                [labels], part.refs[row : row + 1], part.timestamps_ms, part.values[row : row + 1]
            )
            for part in super().select(matchers, after_ms, until_ms)
            for row, labels in enumerate(part.labels)
        ]


def _histograms(random: np.random.Generator, schema: int) -> list[NativeHistogram | None]:
    """A counter with resets and gaps."""
    found: list[NativeHistogram | None] = []
    counts = np.zeros(8)
    for _ in range(SAMPLES):
        counts = random.integers(0, 3, 8).astype(float) if random.random() < 0.05 else counts
        counts = counts + random.integers(0, 5, 8) * (random.random(8) < 0.7)
        used = [(i, float(n)) for i, n in enumerate(counts) if n]
        if schema == CUSTOM_BUCKETS:
            total = sum(n for _, n in used)
            bounds = (-1.0, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
            one = NativeHistogram(
                schema, total, total * 1.5, positive=tuple(used), custom_values=bounds
            )
        else:
            positive, negative = tuple(used[:5]), tuple(used[5:])
            total = sum(n for _, n in used) + 1
            one = NativeHistogram(schema, total, total / 3, 2.0**-9, 1.0, positive, negative)
        found.append(None if random.random() < 0.1 else one)
    return found


def _stores(seed: int, schema: int) -> list[Engine]:
    engines = []
    for kind in (memory_store.MemoryStore, OneByOne):
        random = np.random.default_rng(seed)
        store = kind()
        for i in range(SERIES):
            labels = Labels.of("h", job=f"j{i % 2}", instance=str(i))
            samples = _histograms(random, schema)
            known = [(t * GAP_MS, one) for t, one in enumerate(samples) if one is not None]
            store.add_histograms(labels, [t for t, _ in known], [one for _, one in known])
            end = int(random.integers(20, SAMPLES)) * GAP_MS + 1
            store.add(labels.merged({COMPONENT: "count"}), [end], [STALE])
        engines.append(Engine(store))
    return engines


def _same(mine: Matrix, theirs: Matrix, query: str) -> None:
    assert mine.labels == theirs.labels, query
    np.testing.assert_allclose(mine.values, theirs.values, rtol=1e-12, err_msg=query)
    assert (mine.histograms is None) == (theirs.histograms is None), query
    if mine.histograms is None or theirs.histograms is None:
        return
    pairs = zip(mine.histograms.ravel(), theirs.histograms.ravel(), strict=True)
    for a, b in pairs:
        assert (a is None) == (b is None), query
        if a is not None:
            _same_histogram(a, b, query)


def _same_histogram(a: NativeHistogram, b: NativeHistogram, query: str) -> None:
    shape = (a.schema, a.zero_threshold, a.custom_values, a.reset_hint)
    assert shape == (b.schema, b.zero_threshold, b.custom_values, b.reset_hint), query
    totals = ((a.count, b.count), (a.sum, b.sum), (a.zero_count, b.zero_count))
    for one, other in totals:
        assert one == pytest.approx(other, rel=1e-12, abs=1e-12), query
    for some, others in ((a.positive, b.positive), (a.negative, b.negative)):
        indices = dict(some).keys() | dict(others).keys()
        for i in indices:
            one, other = dict(some).get(i, 0.0), dict(others).get(i, 0.0)
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12), query


@pytest.mark.parametrize("schema", [0, 3, -2, CUSTOM_BUCKETS])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_array_answers_as_its_histograms(schema: int, seed: int) -> None:
    dense, plain = _stores(seed, schema)
    for query in QUERIES:
        mine = dense.range(query, 0, SAMPLES * GAP_MS, 45_000)
        theirs = plain.range(query, 0, SAMPLES * GAP_MS, 45_000)
        assert isinstance(mine.value, Matrix)
        assert isinstance(theirs.value, Matrix)
        _same(mine.value, theirs.value, query)
        assert sorted(mine.warnings) == sorted(theirs.warnings), query
        assert sorted(mine.infos) == sorted(theirs.infos), query


def test_what_has_no_common_layout_is_put_together_one_by_one() -> None:
    store = memory_store.MemoryStore()
    for i, schema in enumerate((0, 1)):
        one = NativeHistogram(schema, 2.0, 2.0, positive=((1, 2.0),))
        store.add_histograms(Labels.of("h", i=str(i)), [0, 60_000], [one, one])
    answer = Engine(store).instant("sum(h)", 60_000).value
    assert answer.histograms[0].schema == 0
    assert answer.histograms[0].count == 4.0
    assert answer.histograms[0].reset_hint == ResetHint.UNKNOWN


def test_which_way_is_taken() -> None:
    for kind, is_dense in ((memory_store.MemoryStore, True), (OneByOne, False)):
        store = kind()
        one = NativeHistogram(0, 2.0, 2.0, positive=((1, 2.0),))
        for i in range(2):
            store.add_histograms(Labels.of("h", i=str(i)), [0, 60_000], [one, one])
        found = read_samples(store, (Matcher("=", "__name__", "h"),), -1, 60_000)
        assert [isinstance(part.cells, DenseHistograms) for part in found] == (
            [True] if is_dense else [False, False]
        )
