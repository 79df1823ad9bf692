"""Sums and means of many native histograms with compensation for what rounding loses.

Every count is summed as floats are (Kahan's sum with Neumaier's improvement); a mean whose sum
would overflow is kept up step by step instead. Source: `KahanAdd` of
model/histogram/float_histogram.go and promql/functions.go (`avg_over_time`) of Prometheus 3.
"""

from __future__ import annotations

import math
from dataclasses import replace

from collector.model.histogram_arithmetic import (
    add,
    aligned,
    joined_hint,
    with_custom_values,
    with_schema,
    with_zero_threshold,
)
from collector.model.histograms import Buckets, NativeHistogram, ResetHint, filled_buckets


class HistogramSum:
    """Takes histograms one by one; `total()` or `mean()` of them, compacted.

    Raises IncompatibleBucketsError from `take` where exponential buckets meet custom ones.
    """

    def __init__(self, first: NativeHistogram) -> None:
        self._sum = first
        self._rest = _nothing_like(first)
        self._hints = {first.reset_hint}
        self._taken = 1
        self._is_mean = False
        self.reconciled = False

    @property
    def collision(self) -> bool:
        """One histogram said that its counter was reset, another that it was not."""
        return {ResetHint.RESET, ResetHint.NOT_RESET} <= self._hints

    def take(self, histogram: NativeHistogram) -> None:
        """Add it to the sum."""
        self._note(histogram)
        self._sum, self._rest = _compensated(self._sum, self._rest, histogram)

    def take_for_mean(self, histogram: NativeHistogram) -> None:
        """Add it to a sum of which only the mean is wanted, and which may not overflow."""
        self._note(histogram)
        n = self._taken
        if not self._is_mean:
            total, rest = _compensated(self._sum, self._rest, histogram)
            if not _overflows(total):
                self._sum, self._rest = total, rest
                return
            self._is_mean = True
            self._sum, self._rest = self._sum.divided_by(n - 1), self._rest.divided_by(n - 1)
        share = (n - 1) / n
        self._sum, self._rest = _compensated(
            self._sum.times(share), self._rest.times(share), histogram.divided_by(n)
        )

    def total(self) -> NativeHistogram:
        """The sum."""
        return add(self._sum, self._rest).histogram

    def mean(self) -> NativeHistogram:
        """The sum by the number of histograms."""
        if self._is_mean or self._taken == 1:
            return self.total()
        n = self._taken
        return add(self._sum.divided_by(n), self._rest.divided_by(n)).histogram

    def _note(self, histogram: NativeHistogram) -> None:
        self._taken += 1
        self._hints.add(histogram.reset_hint)
        self.reconciled |= histogram.custom_values != self._sum.custom_values


def _nothing_like(histogram: NativeHistogram) -> NativeHistogram:
    return replace(histogram, count=0.0, sum=0.0, zero_count=0.0, positive=(), negative=())


def _compensated(
    total: NativeHistogram, rest: NativeHistogram, other: NativeHistogram
) -> tuple[NativeHistogram, NativeHistogram]:
    """(total + other, what its rounding lost beside `rest`), in one layout."""
    hint, _ = joined_hint(total.reset_hint, other.reset_hint)
    total, other = aligned(total, other)
    rest = _in_layout_of(rest, total)
    count, lost_count = _increased(other.count, total.count, rest.count)
    sum_, lost_sum = _increased(other.sum, total.sum, rest.sum)
    zero, lost_zero = _increased(other.zero_count, total.zero_count, rest.zero_count)
    positive, lost_positive = _summed(total.positive, rest.positive, other.positive)
    negative, lost_negative = _summed(total.negative, rest.negative, other.negative)
    total = replace(
        total,
        count=count,
        sum=sum_,
        zero_count=zero,
        positive=positive,
        negative=negative,
        reset_hint=hint,
    )
    rest = replace(
        rest,
        count=lost_count,
        sum=lost_sum,
        zero_count=lost_zero,
        positive=lost_positive,
        negative=lost_negative,
        reset_hint=hint,
    )
    return total, rest


def _in_layout_of(rest: NativeHistogram, total: NativeHistogram) -> NativeHistogram:
    if rest.has_custom_buckets:
        if rest.custom_values == total.custom_values:
            return rest
        return with_custom_values(rest, total.custom_values)
    if rest.zero_threshold != total.zero_threshold:
        widened = with_zero_threshold(rest, total.zero_threshold)
        rest = replace(widened, zero_threshold=total.zero_threshold)
    return with_schema(rest, total.schema)


def _increased(by: float, total: float, rest: float) -> tuple[float, float]:
    grown = total + by
    if math.isinf(grown):
        return grown, 0.0
    if abs(total) >= abs(by):
        return grown, rest + ((total - grown) + by)
    return grown, rest + ((by - grown) + total)


def _summed(total: Buckets, rest: Buckets, other: Buckets) -> tuple[Buckets, Buckets]:
    counts, lost = dict(total), dict(rest)
    for index, count in other:
        counts[index], lost[index] = _increased(count, counts.get(index, 0.0), lost.get(index, 0.0))
    return filled_buckets(counts.items()), filled_buckets(lost.items())


def _overflows(histogram: NativeHistogram) -> bool:
    numbers = [histogram.count, histogram.sum, histogram.zero_count]
    numbers += [count for _, count in (*histogram.positive, *histogram.negative)]
    return any(map(math.isinf, numbers))
