"""The latency of a native histogram is the sum of its buckets up to the threshold."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.errors import ConfigError
from collector.model.histogram_columns import COMPONENT, parts
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from slo.indicators.native_latency import at_most, native_latency


@given(st.integers(-3000, 3000), st.integers(-20_000, 20_000))
def test_the_expression_takes_the_numbers_up_to_a_limit(limit: int, number: int) -> None:
    assert bool(re.fullmatch(at_most(limit), str(number))) == (number <= limit)


def bad_of(histogram: NativeHistogram, seconds: float) -> float:
    indicator = native_latency(histogram="request_seconds", seconds=seconds)
    bad = 0.0
    for component, value in parts(histogram):
        labels = Labels.of("request_seconds", **{COMPONENT: component})
        for term in indicator.bad:
            if all(matcher.matches(labels.get(matcher.name, "")) for matcher in term.matchers):
                bad += term.coefficient * value
    return bad


@given(
    st.integers(-4, 8),
    st.dictionaries(st.integers(-60, 60), st.integers(1, 100), max_size=8),
    st.integers(-60, 60),
)
def test_at_a_bound_it_is_exact(schema: int, buckets: dict[int, int], bound: int) -> None:
    count = 3 + sum(buckets.values())
    positive = tuple(sorted((i, float(n)) for i, n in buckets.items()))
    histogram = NativeHistogram(schema, count, 1.0, 1e-9, 3.0, positive)
    seconds = 2.0 ** (bound * 2.0**-schema)
    above = sum(n for i, n in buckets.items() if i > bound)
    inside = buckets.get(bound, 0) + buckets.get(bound + 1, 0)
    assert bad_of(histogram, seconds) == pytest.approx(above, abs=1e-6 * inside + 1e-9)


@given(st.integers(0, 8), st.floats(0.001, 100))
def test_between_bounds_it_is_off_by_the_events_of_one_bucket_at_most(
    schema: int, seconds: float
) -> None:
    bucket = math.floor(math.log2(seconds) * 2**schema) + 1
    histogram = NativeHistogram(schema, 30, 1.0, positive=((bucket, 10.0), (bucket + 1, 20.0)))
    assert 20 - 1e-9 <= bad_of(histogram, seconds) <= 30 + 1e-9


def test_a_threshold_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="over zero"):
        native_latency(histogram="x", seconds=0)
