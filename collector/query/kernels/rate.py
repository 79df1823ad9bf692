"""numba: rate, increase, delta, irate and idelta over (series, step) windows.

Source: promql/functions.go of Prometheus 3, `extrapolatedRate` and `instantValue`, with left-open
windows. Resets are counted once per series; only windows that hold one look for it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s
from collector.query.kernels.windows import compact

_MISSING = np.int64(MISSING_BITS)
_STALE = np.int64(STALE_BITS)


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
    columns, steps = timestamps.shape[0], lo.shape[0]
    times = np.empty(columns, np.int64)
    kept = np.empty(columns, np.float64)
    before = np.empty(columns + 1, np.int64)
    resets = np.zeros(columns, np.int64)
    # all but the values of a series without gaps is the same for the next one: reckon it once
    shapes = np.zeros((steps, 3), np.float64)
    factors = np.zeros(steps, np.float64)
    for s in range(steps):
        if hi[s] - 1 > lo[s]:
            _shape(timestamps, lo[s], hi[s] - 1, starts[s], ends[s], shapes[s])
            known = shapes[s]
            factors[s] = ((known[0] + known[1] + known[2]) / known[0]) / divide_by_seconds
    own = np.empty(3, np.float64)
    for i in range(values.shape[0]):
        whole, falls = _survey(values[i], bits[i])
        if whole and not (is_counter and falls):
            _dense(
                values[i],
                lo,
                hi,
                shapes,
                factors,
                is_counter,
                divide_by_seconds,
                out[i],
                out_bits[i],
            )
            continue
        samples = compact(i, timestamps, values, bits, times, kept, before)
        for j in range(1, samples):
            resets[j] = resets[j - 1] + (is_counter and kept[j] < kept[j - 1])
        for s in range(steps):
            first, last = before[lo[s]], before[hi[s]] - 1
            if last <= first:
                out_bits[i, s] = _MISSING
                continue
            change = kept[last] - kept[first]
            if resets[last] != resets[first]:
                for j in range(first + 1, last + 1):
                    if kept[j] < kept[j - 1]:
                        change += kept[j - 1]
            _shape(times, first, last, starts[s], ends[s], own)
            to_start = own[1]
            if is_counter and change > 0 and kept[first] >= 0:
                to_start = min(to_start, own[0] * (kept[first] / change))
            factor = (own[0] + to_start + own[2]) / own[0]
            out[i, s] = change * (factor / divide_by_seconds)


@njit(cache=True, nogil=True)
def _survey(row: Float64s, bits: Int64s) -> tuple[bool, bool]:
    """Whether every cell is a sample, and whether any is less than the one before."""
    gaps, falls = bits[0] == _MISSING or bits[0] == _STALE, 0
    missing = np.int64(gaps)
    for j in range(1, row.shape[0]):
        missing += (bits[j] == _MISSING) | (bits[j] == _STALE)
        falls += row[j] < row[j - 1]
    return missing == 0, falls > 0


@njit(cache=True, nogil=True)
def _dense(
    row: Float64s,
    lo: Int64s,
    hi: Int64s,
    shapes: Float64s,
    factors: Float64s,
    is_counter: bool,
    divide_by_seconds: float,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """One series without gaps and resets."""
    for s in range(lo.shape[0]):
        first, last = lo[s], hi[s] - 1
        if last <= first:
            out_bits[s] = _MISSING
            continue
        change = row[last] - row[first]
        out[s] = change * factors[s]
        # a counter can't have begun below zero; this test without division is a little wide
        if is_counter and change > 0 and row[first] >= 0:
            sampled, to_start = shapes[s, 0], shapes[s, 1]
            if sampled * row[first] <= to_start * change * 1.000001:
                to_start = min(to_start, sampled * (row[first] / change))
                factor = (sampled + to_start + shapes[s, 2]) / sampled
                out[s] = change * (factor / divide_by_seconds)


@njit(cache=True, nogil=True)
def _shape(times: Int64s, first: int, last: int, start: int, end: int, into: Float64s) -> None:
    """Seconds between the samples first and last, and beyond them to the ends of the window."""
    sampled = (times[last] - times[first]) / 1000.0
    average = sampled / (last - first)
    threshold = average * 1.1
    to_start = (times[first] - start) / 1000.0
    to_end = (end - times[last]) / 1000.0
    into[0] = sampled
    into[1] = average / 2 if to_start >= threshold else to_start
    into[2] = average / 2 if to_end >= threshold else to_end


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
