"""Sums and differences of native histograms, and whether a counter was reset between two.

Two histograms meet at what they have in common: the coarser schema, the wider zero bucket, and of
custom buckets the bounds that both have. Exponential and custom buckets do not mix. Source:
model/histogram/float_histogram.go of Prometheus 3.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from collector.model.errors import EvaluationError
from collector.model.histograms import (
    Buckets,
    NativeHistogram,
    ResetHint,
    custom_bound,
    exponential_bound,
    filled_buckets,
)


class IncompatibleBucketsError(EvaluationError):
    """Exponential buckets were to meet custom ones."""


@dataclass(frozen=True, slots=True)
class Combined:
    """A sum or difference, and what there is to say of it.

    `collision`: one side says that a counter was reset and the other that it was not;
    `reconciled`: custom bounds differed.
    """

    histogram: NativeHistogram
    collision: bool = False
    reconciled: bool = False


def add(left: NativeHistogram, right: NativeHistogram) -> Combined:
    """left + right. Raises IncompatibleBucketsError."""
    return _combined(left, right, 1.0)


def subtract(left: NativeHistogram, right: NativeHistogram) -> Combined:
    """left - right, which may have negative counts. Raises IncompatibleBucketsError."""
    return _combined(left, right, -1.0)


def _combined(left: NativeHistogram, right: NativeHistogram, sign: float) -> Combined:
    hint, collision = joined_hint(left.reset_hint, right.reset_hint)
    reconciled = left.custom_values != right.custom_values
    left, right = aligned(left, right)
    histogram = replace(
        left,
        count=left.count + sign * right.count,
        sum=left.sum + sign * right.sum,
        zero_count=left.zero_count + sign * right.zero_count,
        positive=_summed(left.positive, right.positive, sign),
        negative=_summed(left.negative, right.negative, sign),
        reset_hint=hint,
    )
    return Combined(histogram, collision, reconciled)


def _summed(left: Buckets, right: Buckets, sign: float) -> Buckets:
    counts = dict(left)
    for index, count in right:
        counts[index] = counts.get(index, 0.0) + sign * count
    return filled_buckets(counts.items())


def joined_hint(left: ResetHint, right: ResetHint) -> tuple[ResetHint, bool]:
    """The reset hint of what two histograms make together; and whether theirs contradict."""
    if left == right:
        return left, False
    if ResetHint.GAUGE in (left, right):
        return ResetHint.GAUGE, False
    return ResetHint.UNKNOWN, ResetHint.UNKNOWN not in (left, right)


# -- a common layout ------------------------------------------------------------------------------


def aligned(
    left: NativeHistogram, right: NativeHistogram
) -> tuple[NativeHistogram, NativeHistogram]:
    """Both in a layout that they share. Raises IncompatibleBucketsError."""
    if left.has_custom_buckets != right.has_custom_buckets:
        raise IncompatibleBucketsError("exponential and custom buckets can't be combined")
    if left.has_custom_buckets:
        if left.custom_values == right.custom_values:
            return left, right
        known = set(right.custom_values)
        common = tuple(value for value in left.custom_values if value in known)
        return with_custom_values(left, common), with_custom_values(right, common)
    left, right = _with_one_zero_bucket(left, right)
    schema = min(left.schema, right.schema)
    return with_schema(left, schema), with_schema(right, schema)


def with_schema(histogram: NativeHistogram, schema: int) -> NativeHistogram:
    """At a coarser exponential schema (or the same)."""
    steps = histogram.schema - schema
    if steps <= 0:
        return histogram
    return replace(
        histogram,
        schema=schema,
        positive=_coarser(histogram.positive, steps),
        negative=_coarser(histogram.negative, steps),
    )


def _coarser(buckets: Buckets, steps: int) -> Buckets:
    counts: dict[int, float] = defaultdict(float)
    for index, count in buckets:
        counts[((index - 1) >> steps) + 1] += count
    return filled_buckets(counts.items())


def with_custom_values(histogram: NativeHistogram, values: tuple[float, ...]) -> NativeHistogram:
    """With fewer custom bounds: each bucket goes into the one that holds its upper bound."""
    counts: dict[int, float] = defaultdict(float)
    place = 0
    for index, count in histogram.positive:
        upper = custom_bound(histogram.custom_values, index)
        while place < len(values) and values[place] < upper:
            place += 1
        counts[place] += count
    return replace(histogram, custom_values=values, positive=filled_buckets(counts.items()))


def _with_one_zero_bucket(
    left: NativeHistogram, right: NativeHistogram
) -> tuple[NativeHistogram, NativeHistogram]:
    while left.zero_threshold != right.zero_threshold:
        if left.zero_threshold < right.zero_threshold:
            left = with_zero_threshold(left, right.zero_threshold)
        else:
            right = with_zero_threshold(right, left.zero_threshold)
    return left, right


def with_zero_threshold(histogram: NativeHistogram, threshold: float) -> NativeHistogram:
    """With a wider zero bucket: at least `threshold`, and never ending within a full bucket."""
    if threshold <= histogram.zero_threshold:
        return histogram
    schema = histogram.schema
    while True:
        reached = threshold
        for index, count in (*histogram.positive, *histogram.negative):
            upper = exponential_bound(schema, index)
            if count and exponential_bound(schema, index - 1) < reached < upper:
                reached = upper
        if reached == threshold:
            break
        threshold = reached
    within = [
        [exponential_bound(schema, index) <= threshold for index, _ in buckets]
        for buckets in (histogram.positive, histogram.negative)
    ]
    swallowed = sum(
        n for (_, n), inside in zip(histogram.positive, within[0], strict=True) if inside
    )
    swallowed += sum(
        n for (_, n), inside in zip(histogram.negative, within[1], strict=True) if inside
    )
    return replace(
        histogram,
        zero_threshold=threshold,
        zero_count=histogram.zero_count + swallowed,
        positive=_outside(histogram.positive, within[0]),
        negative=_outside(histogram.negative, within[1]),
    )


def _outside(buckets: Buckets, within: list[bool]) -> Buckets:
    return tuple(one for one, inside in zip(buckets, within, strict=True) if not inside)


# -- counter resets -------------------------------------------------------------------------------


def was_reset(histogram: NativeHistogram, previous: NativeHistogram) -> bool:
    """Whether the counter was reset between two samples: the hint's word, or a count that fell."""
    if histogram.reset_hint == ResetHint.RESET:
        return True
    if histogram.reset_hint == ResetHint.NOT_RESET:
        return False
    if histogram.count < previous.count:
        return True
    if histogram.has_custom_buckets != previous.has_custom_buckets:
        return True
    if histogram.has_custom_buckets:
        histogram, previous = aligned(histogram, previous)
        return _any_fell(histogram.positive, previous.positive)
    if histogram.schema > previous.schema or histogram.zero_threshold < previous.zero_threshold:
        return True
    previous = with_zero_threshold(previous, histogram.zero_threshold)
    if previous.zero_threshold != histogram.zero_threshold:
        return True  # the wider zero bucket ends within a bucket that had counts
    if histogram.zero_count < previous.zero_count:
        return True
    previous = with_schema(previous, histogram.schema)
    return _any_fell(histogram.positive, previous.positive) or _any_fell(
        histogram.negative, previous.negative
    )


def _any_fell(buckets: Buckets, previous: Buckets) -> bool:
    now = dict(buckets)
    return any(now.get(index, 0.0) < count for index, count in previous)
