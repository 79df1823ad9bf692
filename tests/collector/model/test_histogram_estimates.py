"""Quantiles, fractions, the variance and trims: properties that must hold of any histogram."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.model.histogram_estimates import fraction, has_nan_observations, quantile, variance
from collector.model.histogram_trim import trimmed_above, trimmed_below
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram

_Q = st.floats(0, 1)


@st.composite
def histograms(draw: st.DrawFn) -> NativeHistogram:
    counts = st.dictionaries(st.integers(-5, 12), st.integers(1, 50).map(float), max_size=6)
    sides = [tuple(sorted(draw(counts).items())) for _ in range(2)]
    zero = draw(st.integers(0, 5).map(float))
    count = zero + sum(n for side in sides for _, n in side)
    return NativeHistogram(draw(st.integers(-1, 3)), count, 1.0, 2.0**-30, zero, *sides)


@st.composite
def custom(draw: st.DrawFn) -> NativeHistogram:
    bounds = tuple(sorted(draw(st.sets(st.integers(-20, 50), min_size=1, max_size=6))))
    counts = draw(st.dictionaries(st.integers(0, len(bounds) - 1), st.integers(1, 50).map(float)))
    positive = tuple(sorted(counts.items()))
    values = tuple(map(float, bounds))
    total = sum(counts.values())
    return NativeHistogram(CUSTOM_BUCKETS, total, 1.0, positive=positive, custom_values=values)


@settings(deadline=None)
@given(st.one_of(histograms(), custom()), _Q, _Q)
def test_quantiles_rise(histogram: NativeHistogram, a: float, b: float) -> None:
    assume(histogram.count > 0)
    low, high = (quantile(q, histogram) for q in sorted((a, b)))
    assert low <= high or math.isclose(low, high, rel_tol=1e-9)


@settings(deadline=None)
@given(histograms(), st.floats(0.01, 0.99))
def test_the_fraction_below_a_quantile_is_its_rank(histogram: NativeHistogram, q: float) -> None:
    assume(histogram.count > 0)
    value = quantile(q, histogram)
    wide = 1e-9 * abs(value)
    below = fraction(-math.inf, value - wide, histogram)
    above = fraction(-math.inf, value + wide, histogram)
    assert below - 1e-6 <= q <= above + 1e-6


@settings(deadline=None)
@given(st.one_of(histograms(), custom()), st.floats(-100, 5000), st.floats(-100, 5000))
def test_fractions_add_up(histogram: NativeHistogram, a: float, b: float) -> None:
    assume(histogram.count > 0)
    low, high = sorted((a, b))
    edges = [-math.inf, low, high, math.inf]
    parts = [fraction(x, y, histogram) for x, y in itertools.pairwise(edges)]
    assert all(-1e-12 <= part <= 1 + 1e-12 for part in parts)
    assert sum(parts) == pytest.approx(1.0)


@settings(deadline=None)
@given(histograms(), st.floats(-3000, 3000))
def test_both_sides_of_a_cut_are_the_whole(histogram: NativeHistogram, cut: float) -> None:
    below, above = trimmed_above(histogram, cut), trimmed_below(histogram, cut)
    assert below.count + above.count == pytest.approx(histogram.count)
    if histogram.count:
        share = fraction(-math.inf, cut, histogram)
        assert below.count == pytest.approx(share * histogram.count, abs=1e-9)


@settings(deadline=None)
@given(st.one_of(histograms(), custom()))
def test_a_cut_beyond_all_buckets_keeps_all(histogram: NativeHistogram) -> None:
    assert trimmed_above(histogram, math.inf) == histogram
    assert trimmed_below(histogram, -math.inf) == histogram
    assert trimmed_above(histogram, -math.inf).count == 0


def test_quantiles_are_close_to_those_of_the_observations() -> None:
    values = np.random.default_rng(4).lognormal(0, 1, 5000)
    indices = np.ceil(np.log2(values) * 8).astype(int)
    found = tuple((int(i), float((indices == i).sum())) for i in np.unique(indices))
    histogram = NativeHistogram(3, 5000.0, float(values.sum()), positive=found)
    for q in (0.01, 0.25, 0.5, 0.9, 0.99):
        assert quantile(q, histogram) == pytest.approx(np.quantile(values, q), rel=0.05)
    assert variance(histogram) == pytest.approx(values.var(), rel=0.05)


def test_nan_observations_are_in_no_bucket() -> None:
    histogram = NativeHistogram(0, 15.0, math.nan, positive=((0, 12.0),))
    assert has_nan_observations(histogram)
    assert math.isnan(quantile(0.81, histogram))
    assert quantile(0.8, histogram) == 1.0
    assert fraction(-math.inf, math.inf, histogram) == 0.8
    assert math.isnan(variance(histogram))


def test_nothing_has_no_quantile() -> None:
    nothing = NativeHistogram(0, 0.0, 0.0)
    assert math.isnan(quantile(0.5, nothing))
    assert math.isnan(fraction(0, 1, nothing))
    assert quantile(-1, nothing) == -math.inf
    assert quantile(2, nothing) == math.inf
    assert math.isnan(variance(nothing))
