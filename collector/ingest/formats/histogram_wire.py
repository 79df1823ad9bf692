"""Buckets of native histograms as protobuf has them: spans, and deltas or counts; both ways.

A span is `(offset, length)`: how many empty buckets come before, then how many follow one another.
Integer histograms have each bucket's difference to the one before, float histograms the counts.
Source: https://prometheus.io/docs/specs/native_histograms/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from collector.ingest.limits import MAX_BUCKETS
from collector.model.errors import InputError
from collector.model.histograms import (
    CUSTOM_BUCKETS,
    MAX_SCHEMA,
    MIN_SCHEMA,
    Buckets,
    NativeHistogram,
)

Span = tuple[int, int]

ROUNDING = 1e-12
"""How far counts of over 2**53 may be from their sum, as floats don't have them exactly."""
_ADVICE = "the sender's histogram breaks the specification of native histograms"


def read_buckets(spans: Iterable[Span], deltas: Sequence[int], counts: Sequence[float]) -> Buckets:
    """The non-empty buckets; raises InputError when spans and counts don't fit."""
    values = [float(count) for count in accumulate(deltas)] if deltas else list(counts)
    indices = _indices(list(spans), len(values))
    if any(not value >= 0 for value in values):
        raise InputError("a histogram has a bucket with a negative count", advice=_ADVICE)
    return tuple((i, value) for i, value in zip(indices, values, strict=True) if value)


def _indices(spans: Sequence[Span], count: int) -> list[int]:
    if sum(length for _, length in spans) != count or count > MAX_BUCKETS:
        raise InputError(
            f"a histogram's spans don't fit its {count} buckets (at most {MAX_BUCKETS:,})",
            advice=_ADVICE,
        )
    indices: list[int] = []
    following = 0
    for number, (offset, length) in enumerate(spans):
        if number and offset < 0:
            raise InputError("a histogram's spans overlap", advice=_ADVICE)
        following += offset
        indices += range(following, following + length)
        following += length
    return indices


def checked(histogram: NativeHistogram, *, whole: bool) -> NativeHistogram:
    """The histogram as it is; raises InputError when its parts contradict one another.

    `whole`: its counts are integers, so that they must add up (but for observations of NaN, which
    are in no bucket).
    """
    schema = histogram.schema
    if schema != CUSTOM_BUCKETS and not MIN_SCHEMA <= schema <= MAX_SCHEMA:
        raise InputError(f"a histogram has the unknown schema {schema}", advice=_ADVICE)
    if histogram.has_custom_buckets:
        _check_custom(histogram)
    elif histogram.custom_values:
        raise InputError("a histogram with a schema lists bucket bounds", advice=_ADVICE)
    if histogram.zero_count < 0 or histogram.count < 0 or not histogram.zero_threshold >= 0:
        raise InputError("a histogram has a negative count or zero threshold", advice=_ADVICE)
    if whole and not _adds_up(histogram):
        raise InputError(
            f"the buckets of a histogram don't add up to its {histogram.count:.0f} observations",
            advice=_ADVICE,
        )
    return histogram


def _adds_up(histogram: NativeHistogram) -> bool:
    buckets = (*histogram.positive, *histogram.negative)
    found = math.fsum([histogram.zero_count, *(count for _, count in buckets)])
    if found < histogram.count and math.isnan(histogram.sum):
        return True
    return math.isclose(found, histogram.count, rel_tol=ROUNDING)


def _check_custom(histogram: NativeHistogram) -> None:
    bounds = histogram.custom_values
    if any(not one < following for one, following in pairwise(bounds)):
        raise InputError("the custom bounds of a histogram don't rise", advice=_ADVICE)
    if len(bounds) > MAX_BUCKETS or any(math.isnan(one) or one == math.inf for one in bounds):
        raise InputError("a custom bound of a histogram is NaN or +Inf", advice=_ADVICE)
    outside = any(not 0 <= index <= len(bounds) for index, _ in histogram.positive)
    if outside or histogram.negative or histogram.zero_count:
        raise InputError("a histogram has counts outside its custom buckets", advice=_ADVICE)


def write_spans(buckets: Buckets) -> list[Span]:
    """The spans of these buckets, each as long as it can be."""
    spans: list[list[int]] = []
    following = 0
    for index, _ in buckets:
        if not spans or index != following:
            spans.append([index - following, 0])
        spans[-1][1] += 1
        following = index + 1
    return [(offset, length) for offset, length in spans]


def write_deltas(buckets: Buckets) -> list[int]:
    """Each bucket's difference to the one before; the counts must be whole."""
    counts = [int(count) for _, count in buckets]
    return [now - before for before, now in pairwise([0, *counts])]


def is_whole(histogram: NativeHistogram) -> bool:
    """Whether every count is a whole number that an integer histogram can have, and they add up."""
    counts = [histogram.count, histogram.zero_count]
    counts += [count for _, count in (*histogram.positive, *histogram.negative)]
    fit = all(count.is_integer() and 0 <= count < 2**63 for count in counts)
    return fit and _adds_up(histogram)
