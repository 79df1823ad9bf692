"""`NativeHistogram`: one sample of a native histogram.

Prometheus's native histograms (prometheus.io/docs/specs/native_histograms): schemas -4 to 8 have
exponential buckets with base 2^(2^-schema), bucket i being (base^(i-1), base^i]; schema -53 has
custom buckets, whose upper bounds are `custom_values` and then +Inf.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

CUSTOM_BUCKETS = -53
"""The schema of histograms whose bucket bounds are listed."""
MIN_SCHEMA, MAX_SCHEMA = -4, 8

Buckets = tuple[tuple[int, float], ...]
"""(index, count) of each bucket with a count, by rising index; counts are not cumulative."""


class ResetHint(IntEnum):
    """What the sample says of a counter reset before it."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


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
