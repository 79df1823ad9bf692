"""Sums of native histograms, against regrouping every bucket by its bounds."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.histogram_arithmetic import (
    IncompatibleBucketsError,
    add,
    aligned,
    subtract,
    was_reset,
    with_schema,
    with_zero_threshold,
)
from collector.model.histogram_sum import HistogramSum
from collector.model.histograms import (
    CUSTOM_BUCKETS,
    Buckets,
    NativeHistogram,
    ResetHint,
    custom_bound,
    exponential_bound,
)

_COUNTS = st.integers(1, 1000).map(float)


def _buckets(indices: st.SearchStrategy[int]) -> st.SearchStrategy[Buckets]:
    found = st.dictionaries(indices, _COUNTS, max_size=8)
    return found.map(lambda counts: tuple(sorted(counts.items())))


@st.composite
def exponential(draw: st.DrawFn) -> NativeHistogram:
    schema = draw(st.integers(-4, 8))
    threshold = draw(st.sampled_from((0.0, 2.0**-10, 0.001, 0.3)))
    lowest = math.ceil(math.log2(threshold) * 2.0**schema) + 1 if threshold else -20
    indices = st.integers(lowest, lowest + 40)
    positive, negative = draw(_buckets(indices)), draw(_buckets(indices))
    zero = draw(st.integers(0, 50).map(float))
    count = zero + sum(n for _, n in (*positive, *negative))
    total = draw(st.integers(-1000, 1000).map(float))
    return NativeHistogram(schema, count, total, threshold, zero, positive, negative)


@st.composite
def custom(draw: st.DrawFn) -> NativeHistogram:
    bounds = draw(st.sets(st.sampled_from((-5.0, 0.1, 0.5, 1.0, 2.5, 10.0)), max_size=5))
    positive = draw(_buckets(st.integers(0, len(bounds))))
    count = sum(n for _, n in positive)
    values = tuple(sorted(bounds))
    return NativeHistogram(CUSTOM_BUCKETS, count, 1.0, positive=positive, custom_values=values)


def _mass(histogram: NativeHistogram) -> float:
    return histogram.zero_count + sum(n for _, n in (*histogram.positive, *histogram.negative))


def _regrouped(histogram: NativeHistogram, schema: int, threshold: float) -> NativeHistogram:
    """Every bucket put where its upper bound belongs, one by one."""
    zero = histogram.zero_count
    sides = []
    for buckets in (histogram.positive, histogram.negative):
        counts: dict[int, float] = {}
        for index, count in buckets:
            upper = exponential_bound(histogram.schema, index)
            if upper <= threshold:
                zero += count
                continue
            place = math.floor(math.log2(upper) * 2.0**schema) - 2
            while exponential_bound(schema, place) < upper * (1 - 1e-12):
                place += 1
            counts[place] = counts.get(place, 0.0) + count
        sides.append(tuple(sorted(counts.items())))
    return replace(
        histogram,
        schema=schema,
        zero_threshold=threshold,
        zero_count=zero,
        positive=sides[0],
        negative=sides[1],
    )


@settings(deadline=None)
@given(exponential(), exponential())
def test_a_sum_is_that_of_the_buckets_regrouped(a: NativeHistogram, b: NativeHistogram) -> None:
    found = add(a, b).histogram
    schema = min(a.schema, b.schema)
    assert found.schema == schema
    mine, theirs = (_regrouped(one, schema, found.zero_threshold) for one in (a, b))
    wanted = dict(mine.positive)
    for index, count in theirs.positive:
        wanted[index] = wanted.get(index, 0.0) + count
    assert dict(found.positive) == wanted
    assert found.zero_count == mine.zero_count + theirs.zero_count
    assert found.count == a.count + b.count == _mass(found)


@settings(deadline=None)
@given(exponential(), exponential())
def test_a_zero_bucket_ends_between_buckets_with_counts(
    a: NativeHistogram, b: NativeHistogram
) -> None:
    left, right = aligned(a, b)
    threshold = left.zero_threshold
    assert threshold == right.zero_threshold >= max(a.zero_threshold, b.zero_threshold)
    for one in (with_zero_threshold(a, threshold), with_zero_threshold(b, threshold)):
        for index, _ in (*one.positive, *one.negative):
            assert exponential_bound(one.schema, index - 1) >= threshold


@settings(deadline=None)
@given(st.one_of(st.tuples(exponential(), exponential()), st.tuples(custom(), custom())))
def test_addition_commutes_and_subtraction_undoes_it(
    pair: tuple[NativeHistogram, NativeHistogram],
) -> None:
    a, b = pair
    total = add(a, b)
    assert total.histogram.equals(add(b, a).histogram)
    assert total.reconciled == (a.custom_values != b.custom_values)
    back = subtract(total.histogram, b).histogram
    assert back.equals(aligned(a, total.histogram)[0])


@settings(deadline=None)
@given(custom(), custom())
def test_custom_buckets_meet_at_the_bounds_of_both(a: NativeHistogram, b: NativeHistogram) -> None:
    found = add(a, b).histogram
    assert set(found.custom_values) == set(a.custom_values) & set(b.custom_values)
    for place, edge in enumerate((*found.custom_values, math.inf)):
        below = sum(
            count
            for one in (a, b)
            for index, count in one.positive
            if custom_bound(one.custom_values, index) <= edge
        )
        assert below == sum(count for index, count in found.positive if index <= place)


@settings(deadline=None)
@given(exponential(), custom())
def test_exponential_and_custom_buckets_do_not_mix(a: NativeHistogram, b: NativeHistogram) -> None:
    with pytest.raises(IncompatibleBucketsError):
        add(a, b)
    assert was_reset(a, replace(b, count=0.0))


@settings(deadline=None)
@given(exponential(), exponential())
def test_a_counter_that_grew_was_not_reset(a: NativeHistogram, more: NativeHistogram) -> None:
    total = add(a, more).histogram
    assert not was_reset(total, a)
    if a.count and total.count > a.count and total.schema == a.schema:
        assert was_reset(a, total)


def test_a_reset_shows_in_one_bucket_only() -> None:
    before = NativeHistogram(0, 4.0, 5.0, positive=((0, 1.0), (1, 2.0), (2, 1.0)))
    after = NativeHistogram(0, 5.0, 6.0, positive=((0, 1.0), (1, 1.0), (2, 3.0)))
    assert was_reset(after, before)
    assert not was_reset(after.with_hint(ResetHint.NOT_RESET), before)
    assert was_reset(before.with_hint(ResetHint.RESET), before)
    finer, wider = replace(before, schema=1), replace(before, zero_threshold=0.1)
    assert was_reset(finer, before)
    assert was_reset(before, wider)
    assert was_reset(wider, replace(before, zero_threshold=0.05, positive=((-3, 4.0),)))


@settings(deadline=None)
@given(exponential(), st.integers(-4, 8))
def test_a_coarser_schema_keeps_every_observation(a: NativeHistogram, schema: int) -> None:
    found = with_schema(a, schema)
    assert _mass(found) == _mass(a)
    assert found.schema == min(schema, a.schema)


@pytest.mark.parametrize(
    ("left", "right", "joined", "collides"),
    [
        (ResetHint.UNKNOWN, ResetHint.NOT_RESET, ResetHint.UNKNOWN, False),
        (ResetHint.NOT_RESET, ResetHint.NOT_RESET, ResetHint.NOT_RESET, False),
        (ResetHint.RESET, ResetHint.NOT_RESET, ResetHint.UNKNOWN, True),
        (ResetHint.GAUGE, ResetHint.RESET, ResetHint.GAUGE, False),
    ],
)
def test_hints_are_joined(
    left: ResetHint, right: ResetHint, joined: ResetHint, collides: bool
) -> None:
    empty = NativeHistogram(0, 0.0, 0.0)
    combined = add(empty.with_hint(left), empty.with_hint(right))
    assert (combined.histogram.reset_hint, combined.collision) == (joined, collides)


@settings(deadline=None)
@given(st.lists(exponential(), min_size=1, max_size=6))
def test_a_compensated_sum_is_the_exact_one(histograms: list[NativeHistogram]) -> None:
    scaled = [one.times(10.0 ** (7 * i % 30)) for i, one in enumerate(histograms)]
    total, mean = HistogramSum(scaled[0]), HistogramSum(scaled[0])
    for one in scaled[1:]:
        total.take(one)
        mean.take_for_mean(one)
    exact = sum(Fraction(one.count) for one in scaled)
    assert total.total().count == pytest.approx(float(exact), rel=1e-15)
    assert mean.mean().count == pytest.approx(float(exact / len(scaled)), rel=1e-15)
    assert math.isclose(_mass(total.total()), float(exact), rel_tol=1e-12)


def test_what_cancels_leaves_the_small_ones() -> None:
    total = HistogramSum(NativeHistogram(0, 1.0, 1.0))
    for value in (1e100, 1.0, -1e100):
        total.take(NativeHistogram(0, 1.0, value))
    assert total.total().sum == 2.0


def test_a_mean_does_not_overflow() -> None:
    huge = NativeHistogram(0, 1.7e308, 1.0, positive=((1, 1.7e308),))
    mean = HistogramSum(huge)
    mean.take_for_mean(huge)
    mean.take_for_mean(huge)
    assert mean.mean().count == pytest.approx(1.7e308)
    assert mean.mean().sum == pytest.approx(1.0)


def test_division_by_zero_leaves_no_buckets() -> None:
    one = NativeHistogram(0, 3.0, -1.0, 0.1, 1.0, ((0, 2.0),))
    found = one.divided_by(0.0)
    assert (found.count, found.sum, found.zero_count) == (math.inf, -math.inf, math.inf)
    assert found.positive == ()
    assert one.times(-1.0).reset_hint == ResetHint.GAUGE
