"""What a native histogram tells of its observations: quantiles, fractions, the variance.

Within an exponential bucket observations are taken to lie evenly on a logarithmic scale; within the
zero bucket and custom ones on a linear scale. Of a zero bucket beside buckets of one sign only,
just the half on that side counts. Source: promql/quantile.go and promql/functions.go of
Prometheus 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from collector.model.histograms import Bucket, NativeHistogram


def quantile(q: float, histogram: NativeHistogram) -> float:
    """The q-quantile; NaN for no observations, or where the rank falls among NaN observations."""
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    if histogram.count == 0 or math.isnan(q):
        return math.nan
    forward = math.isnan(histogram.sum) or q < 0.5
    rank = (q if forward else 1 - q) * histogram.count
    buckets = list(histogram.buckets())
    seen, bucket = 0.0, Bucket(0.0, 0.0, True, True, 0.0)
    for bucket in buckets if forward else reversed(buckets):
        seen += bucket.count
        if seen >= rank:
            break
    seen = min(seen, histogram.count)
    if seen < rank:
        return math.nan if math.isnan(histogram.sum) else bucket.upper
    lower, upper = _quantile_edges(histogram, bucket)
    if math.isinf(lower) or math.isinf(upper) or not bucket.count:
        return lower if math.isinf(upper) else upper
    fraction = (rank - (seen - bucket.count) if forward else seen - rank) / bucket.count
    return _point_within(histogram, lower, upper, fraction)


def has_nan_observations(histogram: NativeHistogram) -> bool:
    """Some observations are in no bucket, because they were NaN."""
    if not math.isnan(histogram.sum):
        return False
    return sum(bucket.count for bucket in histogram.buckets()) < histogram.count


def _quantile_edges(histogram: NativeHistogram, bucket: Bucket) -> tuple[float, float]:
    if not histogram.has_custom_buckets:
        return _without_empty_half(histogram, bucket)
    if bucket.lower == -math.inf and bucket.upper > 0:
        return 0.0, bucket.upper
    return bucket.lower, bucket.upper


def _without_empty_half(histogram: NativeHistogram, bucket: Bucket) -> tuple[float, float]:
    """A bucket's bounds; of a bucket around zero only the side where there are others."""
    if bucket.lower <= 0 <= bucket.upper:
        if histogram.positive and not histogram.negative:
            return 0.0, bucket.upper
        if histogram.negative and not histogram.positive:
            return bucket.lower, 0.0
    return bucket.lower, bucket.upper


def _point_within(histogram: NativeHistogram, lower: float, upper: float, fraction: float) -> float:
    if histogram.has_custom_buckets or lower <= 0 <= upper:
        return lower + (upper - lower) * fraction
    log_lower, log_upper = math.log2(abs(lower)), math.log2(abs(upper))
    if lower > 0:
        return _exp2(log_lower + (log_upper - log_lower) * fraction)
    return -_exp2(log_upper + (log_lower - log_upper) * (1 - fraction))


def _exp2(exponent: float) -> float:
    return math.inf if exponent >= 1024 else 2.0**exponent


def fraction(lower: float, upper: float, histogram: NativeHistogram) -> float:
    """The share of observations between two values; NaN for no observations."""
    if histogram.count == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    total = histogram.count
    if has_nan_observations(histogram):
        total = sum(bucket.count for bucket in histogram.buckets())
    low = min(_rank_of(lower, histogram, total), total)
    high = min(_rank_of(upper, histogram, total), total)
    return (high - low) / histogram.count


def _rank_of(value: float, histogram: NativeHistogram, total: float) -> float:
    """How many observations lie below `value`."""
    rank = 0.0
    for bucket in histogram.buckets():
        lower, upper = _without_empty_half(histogram, bucket)
        if lower >= value:
            return rank
        if upper > value:
            return _rank_within(value, histogram, bucket, rank)
        rank += bucket.count
    return total


def _rank_within(value: float, histogram: NativeHistogram, bucket: Bucket, rank: float) -> float:
    lower, upper = _without_empty_half(histogram, bucket)
    if lower == -math.inf:
        return bucket.count
    if upper == math.inf:
        return rank
    linear = histogram.has_custom_buckets or bucket.lower <= 0 <= bucket.upper
    return rank + bucket.count * share_below(value, lower, upper, linear)


def share_below(value: float, lower: float, upper: float, linear: bool) -> float:
    """The share of a bucket's observations below a value that lies within it; bounds are finite."""
    if linear:
        return (value - lower) / (upper - lower)
    log_lower, log_upper = math.log2(abs(lower)), math.log2(abs(upper))
    log_value = math.log2(abs(value))
    if value > 0:
        return (log_value - log_lower) / (log_upper - log_lower)
    return 1 - (log_value - log_upper) / (log_lower - log_upper)


def variance(histogram: NativeHistogram) -> float:
    """The population variance, each observation taken to be in the middle of its bucket."""
    if histogram.count == 0:
        return math.nan
    mean = histogram.sum / histogram.count
    terms = (
        bucket.count * (middle - mean) ** 2 if math.isfinite(middle - mean) else math.inf
        for bucket, middle in _middles(histogram)
    )
    if math.isnan(mean):
        return math.nan
    total, rest = 0.0, 0.0
    for term in terms:
        grown = total + term
        if math.isinf(grown):
            rest = 0.0
        elif abs(total) >= abs(term):
            rest += (total - grown) + term
        else:
            rest += (term - grown) + total
        total = grown
    return (total + rest) / histogram.count


def _middles(histogram: NativeHistogram) -> Iterator[tuple[Bucket, float]]:
    for bucket in histogram.buckets():
        if histogram.has_custom_buckets:
            yield bucket, (bucket.upper + bucket.lower) / 2
        elif bucket.lower <= 0 <= bucket.upper:
            yield bucket, 0.0
        else:
            size = math.sqrt(bucket.upper * bucket.lower)
            yield bucket, -size if bucket.upper < 0 else size
