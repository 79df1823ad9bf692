"""numba: `anchored` and `smoothed` windows, and the `smoothed` selector.

An anchored window starts from the newest sample at or before its start; a smoothed one has values
at both ends that lie on the straight line between the samples around them. Neither extrapolates.
Source: Prometheus proposal PROM-52 and promql/functions.go (`extendedRate`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s
from collector.query.kernels.windows import compact

_MISSING = np.int64(MISSING_BITS)
_STALE = np.int64(STALE_BITS)
RATE, CHANGES, RESETS = 0, 1, 2


@njit(cache=True, nogil=True)
def _between(
    left_ms: int, left: float, right_ms: int, right: float, at_ms: int, counter: int
) -> float:
    """The line's value; of a counter that is reset on it, `counter` -1: it was 0 before the left
    edge; 1: it goes on from the left value; 0: no counter."""
    if counter != 0 and right < left:
        if counter < 0:
            left = 0.0
        else:
            right += left
    return left + (right - left) * (at_ms - left_ms) / (right_ms - left_ms)


@njit(cache=True, nogil=True)
def extended(
    kind: int,
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    lo: Int64s,
    hi: Int64s,
    starts: Int64s,
    ends: Int64s,
    smoothed: bool,
    is_counter: bool,
    divide_by_seconds: float,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """`kind` RATE (rate, increase, delta), CHANGES or RESETS of each window.

    `[lo, hi)` reaches a lookback further than the window `(starts, ends]` to the left, and when
    `smoothed` to the right. Other arguments as of `rate.extrapolated`.
    """
    columns = timestamps.shape[0]
    times = np.empty(columns, np.int64)
    kept = np.empty(columns, np.float64)
    before = np.empty(columns + 1, np.int64)
    for i in range(values.shape[0]):
        compact(i, timestamps, values, bits, times, kept, before)
        for s in range(lo.shape[0]):
            first, last = before[lo[s]], before[hi[s]] - 1
            while first < last and times[first + 1] <= starts[s]:
                first += 1
            if smoothed:
                while last > first and times[last - 1] >= ends[s]:
                    last -= 1
            if last < first or times[last] <= starts[s] or times[first] > ends[s]:
                out_bits[i, s] = _MISSING
            elif kind != RATE:
                count = 0
                for j in range(first + 1, last + 1):
                    same = kept[j] == kept[j - 1] or (np.isnan(kept[j]) and np.isnan(kept[j - 1]))
                    count += kept[j] < kept[j - 1] if kind == RESETS else not same
                out[i, s] = float(count)
            else:
                change = _change(times, kept, first, last, starts[s], ends[s], smoothed, is_counter)
                out[i, s] = change / divide_by_seconds


@njit(cache=True, nogil=True)
def _change(
    times: Int64s,
    kept: Float64s,
    first: int,
    last: int,
    start: int,
    end: int,
    smoothed: bool,
    is_counter: bool,
) -> float:
    sign = 1 if is_counter else 0
    # with both ends on one line, a reset on it lies before the window
    right_sign = -sign if last == first + 1 and times[first] < start else sign
    left, right = kept[first], kept[last]
    if smoothed and times[first] < start and first < last:
        left = _between(times[first], kept[first], times[first + 1], kept[first + 1], start, -sign)
    if smoothed and times[last] > end and first < last:
        right = _between(times[last - 1], kept[last - 1], times[last], kept[last], end, right_sign)
    change = right - left
    if is_counter:
        begin = first + 1 if times[first] <= start else first
        stop = last - 1 if times[last] >= end else last
        previous = left
        for j in range(begin, stop + 1):
            if kept[j] < previous:
                change += previous
            previous = kept[j]
        if right < previous:
            change += previous
    return float(change)


@njit(cache=True, nogil=True)
def interpolated(
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    lo: Int64s,
    middle: Int64s,
    hi: Int64s,
    at_ms: Int64s,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """The value at each step on the line between the samples around it.

    Samples before (and at) step s are in `[lo, middle)`, those after in `[middle, hi)`. Without one
    after, the one before counts, and the other way round; a stale marker ends the series there.
    """
    for i in range(values.shape[0]):
        for s in range(lo.shape[0]):
            before, after = middle[s] - 1, middle[s]
            while before >= lo[s] and bits[i, before] == _MISSING:
                before -= 1
            while after < hi[s] and bits[i, after] == _MISSING:
                after += 1
            has_before = before >= lo[s] and bits[i, before] != _STALE
            has_after = after < hi[s] and bits[i, after] != _STALE
            if has_before and (timestamps[before] == at_ms[s] or not has_after):
                out_bits[i, s] = bits[i, before]
            elif has_before:
                out[i, s] = _between(
                    timestamps[before],
                    values[i, before],
                    timestamps[after],
                    values[i, after],
                    at_ms[s],
                    0,
                )
            else:
                out_bits[i, s] = _MISSING
