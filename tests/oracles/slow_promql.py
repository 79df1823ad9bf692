"""PromQL's functions over one window, written as the documentation says them; slow and obvious."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Sample = tuple[int, float]


def in_window(samples: Sequence[Sample], end_ms: int, range_ms: int) -> list[Sample]:
    """The samples in `(end - range, end]`."""
    return [one for one in samples if end_ms - range_ms < one[0] <= end_ms]


def rate(
    samples: Sequence[Sample], end_ms: int, range_ms: int, *, counter: bool, per_second: bool
) -> float | None:
    """rate, increase (`counter`) and delta of the samples in a window."""
    window = in_window(samples, end_ms, range_ms)
    if len(window) < 2:
        return None
    (first_ms, first), (last_ms, last) = window[0], window[-1]
    change = last - first
    for (_, before), (_, after) in pairwise(window):
        change += before if counter and after < before else 0
    sampled = (last_ms - first_ms) / 1000
    gap = sampled / (len(window) - 1)
    to_start = (first_ms - (end_ms - range_ms)) / 1000
    to_end = (end_ms - last_ms) / 1000
    to_start = gap / 2 if to_start >= gap * 1.1 else to_start
    to_end = gap / 2 if to_end >= gap * 1.1 else to_end
    if counter and change > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / change))
    factor = (sampled + to_start + to_end) / sampled
    return change * (factor / (range_ms / 1000 if per_second else 1))


def over_time(name: str, samples: Sequence[Sample], end_ms: int, range_ms: int) -> float | None:
    """`{name}_over_time` of finite samples."""
    values = [value for _, value in in_window(samples, end_ms, range_ms)]
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
    return {
        "sum": math.fsum(values),
        "avg": mean,
        "min": min(values),
        "max": max(values),
        "count": float(len(values)),
        "stdvar": variance,
        "stddev": math.sqrt(variance),
        "last": values[-1],
        "first": values[0],
        "present": 1.0,
    }[name]
