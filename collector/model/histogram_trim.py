"""Native histograms cut at a value: what PromQL's `h </ x` and `h >/ x` keep.

Buckets beyond the cut go, the one that holds it keeps its share, and where anything went, count and
sum are estimated anew from what stays (the sum from the middles of buckets). Of a bucket without a
finite bound nothing is known, so it mostly goes whole. Source: `TrimBuckets` of
model/histogram/float_histogram.go of Prometheus 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from collector.model.histogram_estimates import share_below
from collector.model.histograms import Buckets, NativeHistogram, bound

Kept = tuple[float, float]
"""(observations that stay, the value that stands for each of them)."""


def trimmed_above(histogram: NativeHistogram, cut: float) -> NativeHistogram:
    """Only the observations below `cut` (`</`)."""
    return _trimmed(histogram, cut, upper=True)


def trimmed_below(histogram: NativeHistogram, cut: float) -> NativeHistogram:
    """Only the observations above `cut` (`>/`)."""
    return _trimmed(histogram, cut, upper=False)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where to cut, and which side to keep; `linear` for custom buckets."""

    at: float
    upper: bool
    linear: bool

    def bucket(self, lower: float, upper: float, count: float) -> Kept:
        """What stays of a bucket."""
        whole = upper <= self.at if self.upper else lower >= self.at
        if whole:
            return count, _middle(lower, upper, self.linear)
        outside = lower >= self.at if self.upper else upper <= self.at
        if outside:
            return 0.0, 0.0
        if lower == -math.inf:
            return self._without_lower_bound(upper, count)
        if upper == math.inf:
            # where observations lie in it is not known: none are known to be below the cut
            return (0.0, 0.0) if self.upper else (count, self.at)
        below = count * share_below(self.at, lower, upper, self.linear)
        if self.upper:
            return below, _middle(lower, self.at, self.linear)
        return count - below, _middle(self.at, upper, self.linear)

    def _without_lower_bound(self, upper: float, count: float) -> Kept:
        if upper == math.inf:
            return 0.0, 0.0
        if self.upper:
            if self.at > 0:
                return count * self.at / upper, self.at / 2
            return (count, self.at) if upper <= 0 else (0.0, 0.0)
        if self.at >= 0:
            return count * (1 - self.at / upper), (self.at + upper) / 2
        return 0.0, 0.0

    def zero_bucket(self, lower: float, upper: float, count: float) -> Kept:
        """What stays of the zero bucket, in which observations lie evenly."""
        if self.at <= lower:
            return (0.0, 0.0) if self.upper else (count, (lower + upper) / 2)
        if self.at >= upper:
            return (count, (lower + upper) / 2) if self.upper else (0.0, 0.0)
        if self.upper:
            return count * (self.at - lower) / (upper - lower), (lower + self.at) / 2
        return count * (upper - self.at) / (upper - lower), (self.at + upper) / 2


def _middle(lower: float, upper: float, linear: bool) -> float:
    if math.isinf(lower):
        if math.isinf(upper):
            return 0.0
        return upper / 2 if upper > 0 else upper
    if math.isinf(upper):
        return lower
    if linear:
        return (lower + upper) / 2
    size = math.sqrt(abs(lower * upper))
    return size if upper > 0 else -size


def _trimmed(histogram: NativeHistogram, at: float, upper: bool) -> NativeHistogram:
    cut = _Cut(at, upper, histogram.has_custom_buckets)
    count = total = 0.0

    def stay(buckets: Buckets, edges: Callable[[int], tuple[float, float]]) -> Buckets:
        nonlocal count, total
        kept = []
        for index, number in buckets:
            here, middle = cut.bucket(*edges(index), number)
            count, total = count + here, total + middle * here
            if here:
                kept.append((index, here))
        return tuple(kept)

    positive = stay(histogram.positive, lambda i: (bound(histogram, i - 1), bound(histogram, i)))
    negative = stay(histogram.negative, lambda i: (-bound(histogram, i), -bound(histogram, i - 1)))
    zero = histogram.zero_count
    if zero > 0:
        edge = histogram.zero_threshold
        lower = 0.0 if histogram.positive and not histogram.negative else -edge
        higher = 0.0 if histogram.negative and not histogram.positive else edge
        zero, middle = cut.zero_bucket(lower, higher, histogram.zero_count)
        count, total = count + zero, total + middle * zero
    shape = (histogram.positive, histogram.negative, histogram.zero_count)
    if (positive, negative, zero) == shape:
        return histogram
    return replace(
        histogram, count=count, sum=total, zero_count=zero, positive=positive, negative=negative
    )
