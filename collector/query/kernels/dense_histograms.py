"""numba: native histograms of one layout as arrays: resets, rates, sums and quantiles.

`data` float64[n, m, c] has for each series and time the count, the sum, the zero bucket's count,
then the buckets (negative ones from the lowest, then positive ones); `there` bool[n, m] tells where
a histogram is. The rules are those of `histogram_arithmetic`, `histogram_rate`, `histogram_sum` and
`histogram_estimates`, which work on any histograms, one by one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from collector.model.samples import Bools, Float64s, Int64s
from collector.query.kernels.compensated import add

COUNT, SUM, ZERO, FIRST_BUCKET = 0, 1, 2, 3
_RESET, _NOT_RESET = 1, 2


@njit(cache=True, nogil=True)
def resets(data: Float64s, there: Bools, hints: Int64s, out: Bools) -> None:
    """Where a counter was reset since the histogram before: by its hint, or a count that fell.

    `hints` int64[n, m] are `ResetHint`s; writes `out` bool[n, m], False where nothing is before.
    """
    for i in range(data.shape[0]):
        previous = -1
        for j in range(data.shape[1]):
            out[i, j] = False
            if not there[i, j]:
                continue
            if previous >= 0:
                fell = hints[i, j] == _RESET
                if hints[i, j] != _RESET and hints[i, j] != _NOT_RESET:
                    for c in range(data.shape[2]):
                        if c != SUM and data[i, j, c] < data[i, previous, c]:
                            fell = True
                            break
                out[i, j] = fell
            previous = j


@njit(cache=True, nogil=True)
def extrapolated(  # noqa: C901 - one pass over windows
    times: Int64s,
    data: Float64s,
    there: Bools,
    was_reset: Bools,
    lo: Int64s,
    hi: Int64s,
    starts: Int64s,
    ends: Int64s,
    divide_by_seconds: float,
    out: Float64s,
    out_there: Bools,
) -> None:
    """rate (or increase: 1 second) over windows; arguments as of `rate.extrapolated`.

    Writes `out` float64[n, t, c] and `out_there` bool[n, t].
    """
    columns, parts = data.shape[1], data.shape[2]
    kept = np.empty(columns, np.int64)
    before = np.empty(columns + 1, np.int64)
    for i in range(data.shape[0]):
        size = 0
        for j in range(columns):
            before[j] = size
            if there[i, j]:
                kept[size] = j
                size += 1
        before[columns] = size
        for s in range(lo.shape[0]):
            first, last = before[lo[s]], before[hi[s]] - 1
            out_there[i, s] = last > first
            if last <= first:
                continue
            a, b = kept[first], kept[last]
            for c in range(parts):
                out[i, s, c] = data[i, b, c] - data[i, a, c]
            for k in range(first + 1, last + 1):
                if was_reset[i, kept[k]]:
                    for c in range(parts):
                        out[i, s, c] += data[i, kept[k - 1], c]
            sampled = (times[b] - times[a]) / 1000.0
            average = sampled / (last - first)
            to_start = (times[a] - starts[s]) / 1000.0
            to_end = (ends[s] - times[b]) / 1000.0
            if to_start >= average * 1.1:
                to_start = average / 2
            if to_end >= average * 1.1:
                to_end = average / 2
            change, begin = out[i, s, COUNT], data[i, a, COUNT]
            if change > 0 and begin >= 0:
                to_start = min(to_start, sampled * (begin / change))
            factor = (sampled + to_start + to_end) / sampled / divide_by_seconds
            for c in range(parts):
                out[i, s, c] *= factor


@njit(cache=True, nogil=True)
def sums(
    data: Float64s, there: Bools, groups: Int64s, out: Float64s, rest: Float64s, members: Int64s
) -> None:
    """Compensated sums by group: `out`, `rest` float64[g, t, c] and `members` int64[g, t] of 0."""
    for i in range(data.shape[0]):
        g = groups[i]
        for s in range(data.shape[1]):
            if not there[i, s]:
                continue
            if members[g, s] == 0:
                for c in range(data.shape[2]):
                    out[g, s, c] = data[i, s, c]
            else:
                for c in range(data.shape[2]):
                    out[g, s, c], rest[g, s, c] = add(data[i, s, c], out[g, s, c], rest[g, s, c])
            members[g, s] += 1


@njit(cache=True, nogil=True)
def quantiles(
    q: Float64s,
    data: Float64s,
    there: Bools,
    lower: Float64s,
    upper: Float64s,
    negatives: int,
    is_custom: bool,
    out: Float64s,
) -> None:
    """The q[s]-quantile of each histogram, in `out` float64[n, t]; no sum may be NaN.

    `lower` and `upper` float64[b] are the bounds of all buckets in the order of values, the zero
    bucket at place `negatives`.
    """
    size = lower.shape[0]
    counts = np.empty(size, np.float64)
    for i in range(data.shape[0]):
        for s in range(data.shape[1]):
            if there[i, s]:
                has_negative, has_positive = False, False
                for b in range(size):
                    place = ZERO if b == negatives else FIRST_BUCKET + b - (b > negatives)
                    counts[b] = data[i, s, place]
                    has_negative |= b < negatives and counts[b] != 0
                    has_positive |= b > negatives and counts[b] != 0
                out[i, s] = _quantile(
                    q[s],
                    data[i, s, COUNT],
                    counts,
                    lower,
                    upper,
                    has_negative and not has_positive,
                    has_positive and not has_negative,
                    is_custom,
                )


@njit(cache=True, nogil=True)
def _quantile(  # noqa: C901 - cases by kind of bucket
    q: float,
    count: float,
    counts: Float64s,
    lower: Float64s,
    upper: Float64s,
    only_negative: bool,
    only_positive: bool,
    is_custom: bool,
) -> float:
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    if count == 0 or math.isnan(q):
        return math.nan
    forward = q < 0.5
    rank = (q if forward else 1 - q) * count
    size = counts.shape[0]
    seen, found = 0.0, -1
    for k in range(size):
        b = k if forward else size - 1 - k
        if counts[b] != 0:
            seen += counts[b]
            found = b
            if seen >= rank:
                break
    if found < 0:
        return 0.0 if rank <= 0 else math.nan
    seen = min(seen, count)
    low, high = lower[found], upper[found]
    if seen < rank:
        return float(high)
    if is_custom:
        if low == -math.inf and high > 0:
            low = 0.0
    elif low <= 0 <= high:
        if only_positive:
            low = 0.0
        elif only_negative:
            high = 0.0
    if math.isinf(low) or math.isinf(high):
        return float(low if math.isinf(high) else high)
    share = (rank - (seen - counts[found]) if forward else seen - rank) / counts[found]
    if is_custom or low <= 0 <= high:
        return float(low + (high - low) * share)
    log_low, log_high = math.log2(abs(low)), math.log2(abs(high))
    if low > 0:
        return float(2.0 ** (log_low + (log_high - log_low) * share))
    return float(-(2.0 ** (log_high + (log_low - log_high) * (1 - share))))
