"""Buckets say of whole windows what the samples say, wherever they come from, and outlive them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from collector.model import Labels, ManualClock, Matcher
from collector.model.errors import InputError
from collector.model.samples import MISSING, STALE, is_missing, is_sample
from collector.store.downsample import COMPONENTS, downsample
from collector.store.history import HistoryWriter
from collector.store.interface import Buckets
from collector.store.options import StoreOptions, TierOptions
from collector.store.tsdb import Tsdb

SPAN_MS = 10_000
BUCKET_MS = 2_000
OPTIONS = StoreOptions(
    head_ms=SPAN_MS,
    block_spans_ms=(2 * SPAN_MS,),
    tier_span_ms=2 * SPAN_MS,
    out_of_order_window_ms=SPAN_MS,
    retention_ms=8 * SPAN_MS,
    tiers=(TierOptions("2s", BUCKET_MS, 100 * SPAN_MS),),
)
X = [Matcher("=", "__name__", "x")]
CELLS = st.one_of(
    st.integers(0, 50).map(float), st.sampled_from([STALE, MISSING, np.nan, np.inf, 0.5])
)


def one_bucket(row: list[tuple[int, float]], end: int) -> dict[str, float]:
    """What a bucket keeps, said slowly."""
    cells = [(at, value) for at, value in row if not is_missing(np.array([value]))[0]]
    samples = [(at, value) for at, value in cells if is_sample(np.array([value]))[0]]
    found = {}
    if cells and cells[-1] not in samples:
        found["ended"] = 1.0
    if samples:
        values = np.array([value for _, value in samples])
        pairs = pairwise(values)
        found |= {
            "count": len(values),
            "sum": sum(values.tolist()),
            "min": np.fmin.reduce(values),
            "max": np.fmax.reduce(values),
            "first": values[0],
            "last": values[-1],
            "increase": sum(b if b < a else b - a for a, b in pairs),
            "first_ms": end - samples[0][0],
            "last_ms": end - samples[-1][0],
        }
    return found


@settings(max_examples=150, deadline=None)
@given(
    values=hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.just(7)), elements=CELLS),
    steps=st.lists(st.integers(1, 1500), min_size=7, max_size=7),
)
def test_a_bucket_keeps_what_the_slow_way_keeps(values: np.ndarray, steps: list[int]) -> None:
    times = np.cumsum(np.array(steps, np.int64))
    with np.errstate(invalid="ignore"):
        ends, found = downsample(times, values, BUCKET_MS)
        for i, row in enumerate(values.tolist()):
            for b, end in enumerate(ends.tolist()):
                inside = [
                    (at, value)
                    for at, value in zip(times.tolist(), row, strict=True)
                    if end - BUCKET_MS < at <= end
                ]
                expected = one_bucket(inside, end)
                for c, name in enumerate(COMPONENTS):
                    told = expected.get(name, MISSING)
                    np.testing.assert_equal(found[c, i, b], told)
                    assert is_missing(found[c, i, b : b + 1])[0] == (name not in expected)


def test_what_first_and_last_say_too_is_left_out_and_told_again(
    tmp_path: Path, clock: ManualClock
) -> None:
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    refs = store.refs("s", [Labels.of("x", n="up"), Labels.of("x", n="down")])
    for row in range(80):
        store.append_row("s", row * 1000, refs, np.array([row * 7.0, -float(row)]))
        clock.advance(1000)
        store.maintain()
    before = buckets(store)
    store.compact()
    assert same(buckets(store), before)
    (first, *_) = store._tiers[0].blocks.blocks
    stored = {name: {int(r) for p in first.parts(name) for r in p.refs} for name in COMPONENTS}
    assert stored["max"] == stored["min"] == stored["increase"] == {int(refs[1])}
    assert stored["last"] == set(refs.tolist())
    store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Tsdb]:
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    refs = store.refs("s", [Labels.of("x", n="1"), Labels.of("x", n="2")])
    dice = np.random.default_rng(7)
    for row in range(80):
        values = dice.integers(0, 100, 2).astype(np.float64)
        store.append_row("s", row * 1000, refs, values)
        clock.advance(1000)
        store.maintain()
    yield store
    store.close()


def buckets(store: Tsdb, until_ms: int = 80_000) -> Buckets:
    return store.buckets(X, 0, until_ms, BUCKET_MS, COMPONENTS)


def same(one: Buckets, other: Buckets) -> bool:
    return one.refs.tolist() == other.refs.tolist() and all(
        (one.values[name].view(np.int64) == other.values[name].view(np.int64)).all()
        for name in COMPONENTS
    )


def test_the_tier_says_what_the_samples_said(store: Tsdb, tmp_path: Path) -> None:
    before = buckets(store)
    store.compact()
    assert len(list((tmp_path / "tiers/2s/blocks").iterdir())) == 3
    assert same(buckets(store), before)
    assert before.values["count"].sum() == 2 * 79  # the sample at 0 is before the range


def test_the_tier_outlives_the_samples_and_a_start(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    store.compact()
    before = buckets(store, 40_000)
    clock.advance(90_000)
    store.maintain()
    store.compact()
    assert store.select(X, -1, 40_000) == []
    assert same(buckets(store, 40_000), before)
    store.close()
    again = Tsdb.open(tmp_path, clock, OPTIONS)
    assert again.label_values("n", X, 0, 2**62) == []
    found = buckets(again, 40_000)
    assert again.labels_of(found.refs) == [Labels.of("x", n="1"), Labels.of("x", n="2")]
    assert (found.values["max"] == before.values["max"]).all()
    again.close()


def test_the_tier_has_a_retention_of_its_own(store: Tsdb, clock: ManualClock) -> None:
    store.compact()
    clock.advance(110 * SPAN_MS)
    store.compact()
    assert buckets(store, 20_000).values["max"].size == 0 or not store._tiers[0].blocks.blocks


def test_what_is_imported_into_a_span_comes_into_its_tier(store: Tsdb, tmp_path: Path) -> None:
    store.compact()
    writer = HistoryWriter(tmp_path)
    writer.add([Labels.of("x", n="3")], np.zeros(1, np.int64), np.array([5_000]), np.array([1e6]))
    writer.close()
    store.compact()
    assert buckets(store).values["max"][2, 2] == 1e6


def test_a_deletion_hides_every_bucket_that_it_touches(store: Tsdb) -> None:
    store.compact()
    store.delete([Matcher("=", "n", "1")], 5_000, 6_500)
    kept = ~is_missing(buckets(store, 20_000).values["count"])
    assert kept[0].tolist() == [True, True, False, False, *[True] * 6]
    assert kept[1].all()


@pytest.mark.parametrize(("after_ms", "until_ms"), [(1, 2_000), (0, 2_001), (4_000, 2_000)])
def test_only_whole_buckets_can_be_asked_for(store: Tsdb, after_ms: int, until_ms: int) -> None:
    with pytest.raises(InputError, match="multiples"):
        store.buckets(X, after_ms, until_ms, BUCKET_MS, ["max"])
