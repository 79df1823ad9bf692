"""`NativeHistogram`: one sample of a native histogram, its buckets and their bounds.

Prometheus's native histograms (prometheus.io/docs/specs/native_histograms): schemas -4 to 8 have
exponential buckets with base 2^(2^-schema), bucket i being (base^(i-1), base^i]; schema -53 has
custom buckets, whose upper bounds are `custom_values` and then +Inf. Sums and differences are in
`histogram_arithmetic`, quantiles and the like in `histogram_estimates`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

CUSTOM_BUCKETS = -53
"""The schema of histograms whose bucket bounds are listed."""
MIN_SCHEMA, MAX_SCHEMA = -4, 8

Buckets = tuple[tuple[int, float], ...]
"""(index, count) of each bucket with a count, by rising index; counts are not cumulative."""

_LARGEST_FLOAT = 1.7976931348623157e308


class ResetHint(IntEnum):
    """What the sample says of a counter reset before it."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket: its bounds, whether they belong to it, and how many observations it has."""

    lower: float
    upper: float
    lower_inclusive: bool
    upper_inclusive: bool
    count: float


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """Counts of observations by bucket; float counts, as PromQL computes with."""

    schema: int
    count: float
    sum: float
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    positive: Buckets = ()
    negative: Buckets = ()
    custom_values: tuple[float, ...] = ()
    reset_hint: ResetHint = ResetHint.UNKNOWN

    @property
    def has_custom_buckets(self) -> bool:
        """Bounds are listed, not computed."""
        return self.schema == CUSTOM_BUCKETS

    def with_hint(self, hint: ResetHint) -> NativeHistogram:
        """The same counts under another reset hint."""
        return self if hint == self.reset_hint else replace(self, reset_hint=hint)

    def times(self, factor: float) -> NativeHistogram:
        """Every count multiplied; a negative factor makes a gauge of it."""
        return self._mapped([factor * count for count in self._counts()], factor < 0)

    def divided_by(self, divisor: float) -> NativeHistogram:
        """Every count divided, with Go's x / 0; division by zero leaves no buckets."""
        mapped = self._mapped([_quotient(count, divisor) for count in self._counts()], divisor < 0)
        return mapped if divisor else replace(mapped, positive=(), negative=())

    def buckets(self) -> Iterator[Bucket]:
        """Every bucket that has a count, from the lowest to the highest."""
        for index, count in reversed(self.negative):
            lower, upper = -bound(self, index), -bound(self, index - 1)
            if upper > -self.zero_threshold:
                upper = -self.zero_threshold
            yield Bucket(lower, upper, True, False, count)
        if self.zero_count:
            edge = self.zero_threshold
            yield Bucket(-edge, edge, True, True, self.zero_count)
        custom = self.has_custom_buckets
        for index, count in self.positive:
            lower = bound(self, index - 1)
            if not custom and lower < self.zero_threshold:
                lower = self.zero_threshold
            yield Bucket(lower, bound(self, index), custom and index == 0, True, count)

    def equals(self, other: NativeHistogram) -> bool:
        """The same observations: NaN equals NaN, and the reset hint does not count."""
        return (
            self.schema == other.schema
            and self.custom_values == other.custom_values
            and self.zero_threshold == other.zero_threshold
            and all(map(_same, self._totals(), other._totals()))
            and _same_buckets(self.positive, other.positive)
            and _same_buckets(self.negative, other.negative)
        )

    def _totals(self) -> tuple[float, float, float]:
        return self.count, self.sum, self.zero_count

    def _counts(self) -> list[float]:
        counts = list(self._totals())
        counts += [count for _, count in self.positive]
        return counts + [count for _, count in self.negative]

    def _mapped(self, counts: list[float], turned: bool) -> NativeHistogram:
        """The histogram with these in the order of `_counts`."""
        middle = 3 + len(self.positive)
        return replace(
            self,
            count=counts[0],
            sum=counts[1],
            zero_count=counts[2],
            positive=_refilled(self.positive, counts[3:middle]),
            negative=_refilled(self.negative, counts[middle:]),
            reset_hint=ResetHint.GAUGE if turned else self.reset_hint,
        )


def bound(histogram: NativeHistogram, index: int) -> float:
    """The upper bound of a positive bucket; of negative ones it is the lower bound, turned."""
    if histogram.has_custom_buckets:
        return custom_bound(histogram.custom_values, index)
    return exponential_bound(histogram.schema, index)


def custom_bound(custom_values: tuple[float, ...], index: int) -> float:
    """The upper bound of a custom bucket; -Inf before the first."""
    if index < 0:
        return -math.inf
    return custom_values[index] if index < len(custom_values) else math.inf


def exponential_bound(schema: int, index: int) -> float:
    """base^index for the schema's base; the last bucket before +Inf ends at the largest float."""
    if schema < 0:
        exponent, fraction = (index << -schema) + 1, 0.5
    else:
        exponent = (index >> schema) + 1
        fraction = _FRACTIONS[schema][index & ((1 << schema) - 1)]
    if exponent == 1025 and fraction == 0.5:
        return _LARGEST_FLOAT
    return math.inf if exponent > 1024 else math.ldexp(fraction, exponent)


def _fractions() -> tuple[tuple[float, ...], ...]:
    """Bounds in [0.5, 1) by schema, to the last bit as Prometheus's table has them.

    Each schema has the bounds of the one before and, after each, that times the schema's base; so
    the bits that are lost are the same too. (The first step was made with one bit less of sqrt(2).)
    """
    found: list[tuple[float, ...]] = [(0.5,), (0.5, math.nextafter(math.sqrt(0.5), 0))]
    for schema in range(2, MAX_SCHEMA + 1):
        base = 2.0 ** (1 / (1 << schema))
        found.append(tuple(one for low in found[-1] for one in (low, low * base)))
    return tuple(found)


_FRACTIONS = _fractions()


def filled_buckets(counts: Iterable[tuple[int, float]]) -> Buckets:
    """Buckets in order, without the empty ones."""
    return tuple(sorted((index, count) for index, count in counts if count))


def _refilled(buckets: Buckets, counts: list[float]) -> Buckets:
    pairs = zip(buckets, counts, strict=True)
    return tuple((index, count) for (index, _), count in pairs if count)


def _quotient(value: float, divisor: float) -> float:
    if divisor:
        return value / divisor
    if not value or math.isnan(value) or math.isnan(divisor):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1.0, divisor)


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _same_buckets(some: Buckets, others: Buckets) -> bool:
    return len(some) == len(others) and all(
        i == j and _same(a, b) for (i, a), (j, b) in zip(some, others, strict=True)
    )
