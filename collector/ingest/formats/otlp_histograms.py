"""OTLP histogram points as native histograms: exponential ones, and explicit ones by their bounds.

An OTLP bucket i of scale s is (base^i, base^(i+1)], a native one of schema s (base^(i-1), base^i]:
the same base, one index apart. A scale over the finest schema is merged down to it.
Sources: opentelemetry/proto/metrics/v1/metrics.proto,
https://prometheus.io/docs/specs/native_histograms/
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
)

from collector.ingest.limits import MAX_BUCKETS
from collector.model.errors import InputError
from collector.model.histograms import (
    CUSTOM_BUCKETS,
    MAX_SCHEMA,
    MIN_SCHEMA,
    Buckets,
    NativeHistogram,
)

DEFAULT_ZERO_THRESHOLD = 1e-128
"""What Prometheus takes where a point names none."""
MAX_SCALE_STEPS = 64
"""A finer scale than this over MAX_SCHEMA has no meaning in a float."""
_NO_RECORDED_VALUE = 1


def of_exponential(point: ExponentialHistogramDataPoint) -> NativeHistogram | None:
    """A point as a native histogram, None for "no recorded value".

    Raises InputError for a scale below the coarsest schema and for over MAX_BUCKETS buckets.
    """
    if point.flags & _NO_RECORDED_VALUE:
        return None
    if not MIN_SCHEMA <= point.scale <= MAX_SCHEMA + MAX_SCALE_STEPS:
        raise InputError(
            f"an exponential histogram of scale {point.scale}",
            advice=f"scales from {MIN_SCHEMA} on can be stored",
        )
    steps = max(0, point.scale - MAX_SCHEMA)
    return NativeHistogram(
        schema=point.scale - steps,
        count=float(point.count),
        sum=point.sum,
        zero_threshold=point.zero_threshold or DEFAULT_ZERO_THRESHOLD,
        zero_count=float(point.zero_count),
        positive=_buckets(point.positive, steps),
        negative=_buckets(point.negative, steps),
    )


def _buckets(buckets: ExponentialHistogramDataPoint.Buckets, steps: int) -> Buckets:
    _check_width(len(buckets.bucket_counts))
    found: dict[int, float] = defaultdict(float)
    for i, count in enumerate(buckets.bucket_counts):
        if count:
            found[((buckets.offset + i) >> steps) + 1] += count
    return tuple(sorted(found.items()))


def _check_width(buckets: int) -> None:
    if buckets > MAX_BUCKETS:
        raise InputError(
            f"a histogram of {buckets:,} buckets; at most {MAX_BUCKETS:,} can be stored",
            advice="let the sender's histogram have fewer buckets (max_size)",
        )


def of_explicit(point: HistogramDataPoint) -> NativeHistogram | None:
    """A point with listed bounds as a native histogram with custom buckets; None likewise.

    Raises InputError when the bounds do not rise, do not fit the counts or are too many.
    """
    if point.flags & _NO_RECORDED_VALUE:
        return None
    bounds, counts = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    _check_width(len(counts))
    if counts and len(counts) != len(bounds) + 1:
        raise InputError(f"{len(counts)} buckets beside {len(bounds)} bounds")
    if any(not low < high for low, high in pairwise(bounds)):
        raise InputError("bounds of a histogram that do not rise")
    return NativeHistogram(
        schema=CUSTOM_BUCKETS,
        count=float(point.count),
        sum=point.sum,
        positive=tuple((i, float(count)) for i, count in enumerate(counts) if count),
        custom_values=bounds if counts else (),
    )
