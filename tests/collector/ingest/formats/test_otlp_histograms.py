import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
)

from collector.ingest.formats.otlp_histograms import of_explicit, of_exponential
from collector.ingest.limits import MAX_BUCKETS
from collector.model.errors import InputError
from collector.model.histograms import CUSTOM_BUCKETS, exponential_bound


def exponential(scale: int, offset: int, counts: list[int]) -> ExponentialHistogramDataPoint:
    point = ExponentialHistogramDataPoint(scale=scale, count=sum(counts), zero_count=0)
    point.positive.offset = offset
    point.positive.bucket_counts.extend(counts)
    return point


@given(st.integers(-4, 20), st.integers(-300, 300), st.lists(st.integers(0, 99), max_size=40))
def test_every_count_stays_within_the_bounds_of_its_bucket(
    scale: int, offset: int, counts: list[int]
) -> None:
    # beyond 2^1000 a bound is no float
    assume((abs(offset) + len(counts) + 1) * 2.0**-scale < 1000)
    histogram = of_exponential(exponential(scale, offset, counts))
    assert histogram is not None
    assert -4 <= histogram.schema <= min(scale, 8)
    assert sum(count for _, count in histogram.positive) == sum(counts)
    base = 2.0 ** (2.0**-scale)
    found = dict(histogram.positive)
    for i, count in enumerate(counts):
        middle = (offset + i + 0.5) * math.log2(base)
        holds = [
            index
            for index in found
            if math.log2(exponential_bound(histogram.schema, index - 1)) <= middle
            and middle <= math.log2(exponential_bound(histogram.schema, index))
        ]
        assert not count or holds


def test_all_parts_of_a_point_are_taken() -> None:
    point = exponential(3, -2, [1, 0, 2])
    point.negative.offset = 4
    point.negative.bucket_counts.extend([5])
    point.sum, point.zero_count, point.count, point.zero_threshold = -1.5, 7, 15, 0.25
    histogram = of_exponential(point)
    assert histogram is not None
    assert (histogram.schema, histogram.count, histogram.sum) == (3, 15.0, -1.5)
    assert (histogram.zero_count, histogram.zero_threshold) == (7.0, 0.25)
    assert histogram.positive == ((-1, 1.0), (1, 2.0))
    assert histogram.negative == ((5, 5.0),)


def test_explicit_bounds_are_custom_ones() -> None:
    point = HistogramDataPoint(count=6, sum=9.5, bucket_counts=[1, 0, 5], explicit_bounds=[1, 2.5])
    histogram = of_explicit(point)
    assert histogram is not None
    assert (histogram.schema, histogram.custom_values) == (CUSTOM_BUCKETS, (1.0, 2.5))
    assert histogram.positive == ((0, 1.0), (2, 5.0))


def test_no_recorded_value_is_none() -> None:
    assert of_exponential(ExponentialHistogramDataPoint(flags=1)) is None
    assert of_explicit(HistogramDataPoint(flags=1)) is None


@pytest.mark.parametrize(("counts", "bounds"), [([1, 2], [1, 2]), ([1, 2, 3], [2, 1])])
def test_bounds_that_make_no_sense_are_refused(counts: list[int], bounds: list[float]) -> None:
    with pytest.raises(InputError):
        of_explicit(HistogramDataPoint(bucket_counts=counts, explicit_bounds=bounds))


def test_a_scale_below_the_coarsest_schema_is_refused() -> None:
    with pytest.raises(InputError, match="scale -5"):
        of_exponential(exponential(-5, 0, [1]))


def test_more_buckets_than_any_histogram_may_have_are_refused() -> None:
    widest = of_exponential(exponential(0, -4, [1] * MAX_BUCKETS))
    assert widest is not None
    assert len(widest.positive) == MAX_BUCKETS
    with pytest.raises(InputError, match="10,001 buckets"):
        of_exponential(exponential(0, -4, [1] * (MAX_BUCKETS + 1)))
    negative = exponential(0, 0, [])
    negative.negative.bucket_counts.extend([0] * (MAX_BUCKETS + 1))
    with pytest.raises(InputError, match="10,001 buckets"):
        of_exponential(negative)
    bounds = list(range(MAX_BUCKETS + 1))
    counts = [1] * (MAX_BUCKETS + 2)
    with pytest.raises(InputError, match="10,002 buckets"):
        of_explicit(HistogramDataPoint(bucket_counts=counts, explicit_bounds=bounds))
