"""Queries past the samples' retention: what buckets answer is what the samples answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from collector.model import Labels, ManualClock, Matcher
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.samples import MISSING, STALE, is_missing
from collector.query.engine import Engine, EngineOptions
from collector.query.interface import QueryOptions
from collector.query.values import Answer, Matrix, RawSeries, Vector
from collector.store.options import StoreOptions, TierOptions
from collector.store.tsdb import Tsdb

SECOND, MINUTE = 1000, 60_000
SPAN = 20 * MINUTE
ROWS = 480  # two hours at 15 s
OPTIONS = StoreOptions(
    head_ms=10 * MINUTE,
    block_spans_ms=(SPAN,),
    tier_span_ms=SPAN,
    out_of_order_window_ms=MINUTE,
    retention_ms=1000 * MINUTE,
)
TIERS = (
    TierOptions("1m", MINUTE, 10_000 * MINUTE),
    TierOptions("5m", 5 * MINUTE, 10_000 * MINUTE),
)
EXACT = [
    "count_over_time(x[10m])",
    "sum_over_time(x[10m])",
    "min_over_time(x[10m])",
    "max_over_time(x[10m])",
    "avg_over_time(x[10m])",
    "last_over_time(x[10m])",
    "present_over_time(x[10m])",
    "increase(x[10m])",
    "rate(x[10m])",
    "x",
    "timestamp(x)",
    'absent(x{n="4"}) or absent(x)',
    "x offset 10m",
    "sum by (kind) (rate(x[10m] offset 5m))",
    "max_over_time(x[10m] @ 3600)",
    "max_over_time(x[10m]) - min_over_time(x[10m])",
    "max_over_time(sum by (kind) (x)[20m:5m])",
]


@dataclass(frozen=True, slots=True)
class Pair:
    """The same samples: in `raw` all of them, in `tiered` the newest and buckets of the others."""

    raw: Engine
    tiered: Engine
    store: Tsdb

    def of_tiers(self, query: str, at_ms: int) -> tuple[Vector, str]:
        answer = self.tiered.instant(query, at_ms)
        assert isinstance(answer.value, Vector)
        return answer.value, " ".join(answer.infos)

    def both(self, query: str, start: int, end: int, step: int) -> tuple[Matrix, Matrix, Answer]:
        one = self.raw.range(query, start, end, step, QueryOptions(lookback_ms=2 * MINUTE))
        other = self.tiered.range(query, start, end, step, QueryOptions(lookback_ms=2 * MINUTE))
        assert isinstance(one.value, Matrix)
        assert isinstance(other.value, Matrix)
        return one.value, other.value, other

    def assert_same(self, query: str, start: int, end: int, step: int) -> Answer:
        one, other, answer = self.both(query, start, end, step)
        assert other.labels == one.labels
        assert len(one.labels)
        assert (is_missing(one.values) == is_missing(other.values)).all()
        np.testing.assert_allclose(other.values, one.values, rtol=1e-12)
        return answer


def histogram(row: int) -> NativeHistogram:
    """After `row` observations of 1."""
    return NativeHistogram(0, float(row), float(row), 2.0**-9, 0.0, ((0, float(row)),))


def filled_store(path: Path, clock: ManualClock, options: StoreOptions) -> Tsdb:
    """Counters with resets, gauges, gaps, stale markers; two scrapes a few seconds apart."""
    store = Tsdb.open(path, clock, options)
    dice = np.random.default_rng(5)
    labels = [Labels.of("x", kind=kind, n=str(n)) for kind in ("counter", "gauge") for n in "123"]
    sources = {
        "a": store.refs("a", labels),
        "b": store.refs("b", [Labels.of("x", kind="other", n=n) for n in "12"]),
        "h": store.refs("h", [one for one, _ in columns(Labels.of("h"), histogram(1))]),
        "c": store.refs("c", [Labels.of("steady_total")]),
    }
    totals = np.zeros(3)
    for row in range(1, ROWS):
        totals = np.where(dice.random(3) < 0.02, 1.0, totals + dice.integers(0, 9, 3))
        gauges = dice.normal(size=3)
        cells = np.concatenate([totals, gauges])
        cells[dice.random(6) < 0.05] = MISSING
        cells[dice.random(6) < 0.01] = STALE
        if 100 < row < 140:
            cells[1:3] = MISSING
        at = row * 15 * SECOND
        store.append_row("a", at, sources["a"], cells)
        store.append_row("b", at + 4321, sources["b"], dice.integers(0, 50, 2).astype(float))
        cells = np.array([value for _, value in columns(Labels.of("h"), histogram(row))])
        store.append_row("h", at, sources["h"], cells)
        store.append_row("c", at, sources["c"], np.array([1e6 + at / SECOND]))
        clock.advance(15 * SECOND)
        if row % 20 == 0:
            store.maintain()
    store.maintain()
    store.compact()
    return store


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    raw = filled_store(tmp_path_factory.mktemp("raw"), ManualClock(0), OPTIONS)
    home, clock = tmp_path_factory.mktemp("tiered"), ManualClock(0)
    options = replace(OPTIONS, tiers=TIERS)
    filled_store(home, clock, options).close()
    store = Tsdb.open(home, clock, replace(options, retention_ms=70 * MINUTE))
    store.maintain()
    store.compact()
    engines = [Engine(one, EngineOptions(range_cache_bytes=0)) for one in (raw, store)]
    yield Pair(engines[0], engines[1], store)
    raw.close()
    store.close()


def test_the_samples_are_gone_and_the_buckets_are_not(pair: Pair) -> None:
    samples, *tiers = pair.store.kept()
    assert samples.after_ms > 30 * MINUTE
    assert [one.after_ms for one in tiers] == [0, 0]
    assert [one.resolution_ms for one in tiers] == [MINUTE, 5 * MINUTE]


@pytest.mark.parametrize("query", EXACT)
def test_whole_buckets_say_what_the_samples_said(pair: Pair, query: str) -> None:
    answer = pair.assert_same(query, 5 * MINUTE, 35 * MINUTE, 5 * MINUTE)
    assert not [text for text in answer.infos if "approximations" in text]


@pytest.mark.parametrize("query", EXACT)
def test_a_range_that_begins_in_buckets_and_ends_in_samples_is_one(pair: Pair, query: str) -> None:
    pair.assert_same(query, 5 * MINUTE, 118 * MINUTE, MINUTE)


def test_buckets_are_read_where_samples_are_there_too_if_that_spares_most(
    tmp_path: Path,
) -> None:
    store = filled_store(tmp_path, ManualClock(0), replace(OPTIONS, tiers=TIERS))
    raw, engine = (Engine(store, EngineOptions(range_cache_bytes=0)) for _ in range(2))
    raw._querier = Samples(store)  # type: ignore[assignment]
    pair = Pair(raw, engine, store)
    told = {}
    for query in EXACT:
        pair.assert_same(query, 20 * MINUTE, 90 * MINUTE, 5 * MINUTE)
        told[query] = read_by(engine, query, 5 * MINUTE)
    assert told["rate(x[10m])"] == ["rate, from 5m buckets"]
    assert told["x"] == ['scan __name__="x", from 5m buckets']
    assert read_by(engine, "rate(x[10m])", MINUTE) == ["rate, from 1m buckets"]
    assert read_by(engine, "rate(x[90s])", MINUTE) == ["rate, from samples"]
    assert read_by(engine, "stddev_over_time(x[10m])", MINUTE)[0].endswith("from samples")
    store.delete([Matcher("=", "n", "1")], 30 * MINUTE, 31 * MINUTE)
    assert read_by(engine, "rate(x[10m])", MINUTE) == ["rate, from samples"]
    store.close()


class Samples:
    """A store that says nothing of its tiers."""

    def __init__(self, store: Tsdb) -> None:
        for name in ("select", "match", "labels_of", "changed_since"):
            setattr(self, name, getattr(store, name))


def read_by(engine: Engine, query: str, step: int) -> list[str]:
    answer = engine.range(query, 20 * MINUTE, 90 * MINUTE, step, QueryOptions(explain=True))
    assert answer.plan is not None
    return [one.text for _, one in answer.plan.lines() if ", from " in one.text]


def test_explain_names_every_resolution_that_was_read(pair: Pair) -> None:
    assert read_by(pair.tiered, "irate(x[10m])", MINUTE) == ["irate, from 1m buckets and samples"]


@pytest.mark.parametrize("seconds", [7, 60, 90, 300])
def test_a_steady_counter_has_its_rate_in_windows_that_are_not_whole_buckets(
    pair: Pair, seconds: int
) -> None:
    at = 20 * MINUTE + 13 * SECOND
    found, said = pair.of_tiers(f"increase(steady_total[{seconds}s])", at)
    assert "(1:10)" in said
    assert "samples are gone, values are approximations from 1m buckets" in said
    np.testing.assert_allclose(found.values, seconds)
    found, _ = pair.of_tiers(f"rate(steady_total[{seconds}s])", at)
    np.testing.assert_allclose(found.values, 1)
    found, _ = pair.of_tiers(f"count_over_time(steady_total[{seconds}s])", at)
    np.testing.assert_allclose(found.values, seconds / 15)


def test_the_value_within_a_bucket_is_a_real_one_from_before(pair: Pair) -> None:
    at = 20 * MINUTE + 59 * SECOND
    found, said = pair.of_tiers("timestamp(steady_total)", at)
    assert "approximations" in said
    assert found.values.tolist() == [20 * 60 + 15]
    assert pair.of_tiers("steady_total", at)[0].values.tolist() == [1e6 + 20 * 60 + 15]


@pytest.mark.parametrize("query", ["deriv(%s)", "irate(%s)", "rate(%s smoothed)"])
def test_functions_that_need_samples_take_the_first_and_last_of_each_bucket(
    pair: Pair, query: str
) -> None:
    found, said = pair.of_tiers(query % "steady_total[10m]", 20 * MINUTE + SECOND)
    assert "approximations" in said
    np.testing.assert_allclose(found.values, 1, rtol=1e-6)


def test_windows_shorter_than_a_bucket_are_widened_for_them(pair: Pair) -> None:
    found, said = pair.of_tiers("deriv(steady_total[20s])", 20 * MINUTE)
    assert "approximations" in said
    np.testing.assert_allclose(found.values, 1, rtol=1e-6)


def test_samples_that_are_there_are_not_called_approximations(pair: Pair) -> None:
    _, said = pair.of_tiers("deriv(steady_total[10m])", 110 * MINUTE + SECOND)
    assert said == ""


def test_a_window_of_the_samples_themselves_has_the_kept_ones(pair: Pair) -> None:
    answer = pair.tiered.instant("steady_total[2m]", 20 * MINUTE)
    assert isinstance(answer.value, RawSeries)
    (times, values) = answer.value.samples[0]
    assert (times / SECOND).tolist() == [1095, 1140, 1155, 1200]
    assert (values - 1e6).tolist() == [1095, 1140, 1155, 1200]
    assert "approximations" in answer.infos[0]


def test_native_histograms_are_whole_in_what_buckets_kept(pair: Pair) -> None:
    one, other, _ = pair.both("histogram_sum(h)", 5 * MINUTE, 35 * MINUTE, 5 * MINUTE)
    assert one.values.tolist() == other.values.tolist() == [[20.0 * n for n in range(1, 8)]]
    found, said = pair.of_tiers("histogram_count(rate(h[10m]))", 20 * MINUTE)
    np.testing.assert_allclose(found.values, 1 / 15)
    assert "approximations" in said
