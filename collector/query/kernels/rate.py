"""numba: rate, increase, delta, irate and idelta over (series, step) windows.

Source: promql/functions.go of Prometheus 3, `extrapolatedRate` and `instantValue`, with left-open
windows. Resets are counted once per series; only windows that hold one look for it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.query.kernels.windows import compact

_MISSING = np.int64(MISSING_BITS)


@njit(cache=True, nogil=True)
def extrapolated(
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    lo: Int64s,
    hi: Int64s,
    starts: Int64s,
    ends: Int64s,
    is_counter: bool,
    divide_by_seconds: float,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """What each window's change would be over its whole length.

    `timestamps` int64[m], `values` float64[n, m]; `lo`, `hi`, `starts`, `ends` (ms) int64[t];
    `divide_by_seconds` is the range for rate, 1 otherwise. Writes `out` float64[n, t] and its
    view `out_bits`; MISSING where a window has fewer than two samples.
    """
    columns = timestamps.shape[0]
    times = np.empty(columns, np.int64)
    kept = np.empty(columns, np.float64)
    before = np.empty(columns + 1, np.int64)
    resets = np.zeros(columns, np.int64)
    for i in range(values.shape[0]):
        samples = compact(i, timestamps, values, bits, times, kept, before)
        if is_counter:
            for j in range(1, samples):
                resets[j] = resets[j - 1] + (kept[j] < kept[j - 1])
        for s in range(lo.shape[0]):
            first, last = before[lo[s]], before[hi[s]] - 1
            if last <= first:
                out_bits[i, s] = _MISSING
                continue
            change = kept[last] - kept[first]
            if is_counter and resets[last] != resets[first]:
                for j in range(first + 1, last + 1):
                    if kept[j] < kept[j - 1]:
                        change += kept[j - 1]
            sampled = (times[last] - times[first]) / 1000.0
            average = sampled / (last - first)
            threshold = average * 1.1
            to_start = (times[first] - starts[s]) / 1000.0
            to_end = (ends[s] - times[last]) / 1000.0
            if to_start >= threshold:
                to_start = average / 2
            if is_counter and change > 0 and kept[first] >= 0:
                to_start = min(to_start, sampled * (kept[first] / change))
            if to_end >= threshold:
                to_end = average / 2
            factor = (sampled + to_start + to_end) / sampled
            out[i, s] = change * (factor / divide_by_seconds)


@njit(cache=True, nogil=True)
def last_two(
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    lo: Int64s,
    hi: Int64s,
    is_rate: bool,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """irate (`is_rate`) and idelta: the change between the last two samples of each window."""
    columns = timestamps.shape[0]
    times = np.empty(columns, np.int64)
    kept = np.empty(columns, np.float64)
    before = np.empty(columns + 1, np.int64)
    for i in range(values.shape[0]):
        compact(i, timestamps, values, bits, times, kept, before)
        for s in range(lo.shape[0]):
            last = before[hi[s]] - 1
            if last <= before[lo[s]]:
                out_bits[i, s] = _MISSING
                continue
            change = kept[last] - kept[last - 1]
            if is_rate and kept[last] < kept[last - 1]:
                change = kept[last]
            if is_rate:
                change /= (times[last] - times[last - 1]) / 1000.0
            out[i, s] = change
