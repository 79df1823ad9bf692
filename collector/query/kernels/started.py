"""numba: rate, increase, irate and resets of counters whose start timestamps are known.

A start timestamp shows a reset that the values hide, and where the counter was zero. Source:
promql/functions.go of Prometheus 3 with start timestamps in use; the rules themselves are in
`collector.query.start_timestamps`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s
from collector.query.start_timestamps import is_start_reset, overlaps

_MISSING = np.int64(MISSING_BITS)
_STALE = np.int64(STALE_BITS)
EXTRAPOLATED, LAST_TWO, RESETS = 0, 1, 2

_is_start_reset = njit(cache=True, nogil=True)(is_start_reset)
_overlaps = njit(cache=True, nogil=True)(overlaps)


@njit(cache=True, nogil=True)
def started(
    kind: int,
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    began: Int64s,
    lo: Int64s,
    hi: Int64s,
    starts: Int64s,
    ends: Int64s,
    divide_by_seconds: float,
    out: Float64s,
    out_bits: Int64s,
    contradicts: Int64s,
) -> None:
    """`kind` EXTRAPOLATED (rate, increase), LAST_TWO (irate) or RESETS of each window.

    `began` int64[n, m]: start timestamps in ms, 0 where unknown; other arguments as of
    `rate.extrapolated`. Counts in `contradicts` int64[n] the windows whose start timestamps do.
    """
    columns = timestamps.shape[0]
    times = np.empty(columns, np.int64)
    kept = np.empty(columns, np.float64)
    since = np.empty(columns, np.int64)
    for i in range(values.shape[0]):
        for s in range(lo.shape[0]):
            count = 0
            for j in range(lo[s], hi[s]):
                cell = bits[i, j]
                if cell != _MISSING and cell != _STALE:
                    times[count], kept[count] = timestamps[j], values[i, j]
                    since[count] = began[i, j]
                    count += 1
            out_bits[i, s] = _MISSING
            if kind == EXTRAPOLATED and count:
                clash = _extrapolate(
                    times[:count],
                    kept[:count],
                    since[:count],
                    starts[s],
                    ends[s],
                    divide_by_seconds,
                    out[i],
                    s,
                )
                contradicts[i] += clash
            elif kind == LAST_TWO and count > 1:
                a, b = count - 2, count - 1
                change = kept[b] - kept[a]
                if kept[b] < kept[a] or _is_start_reset(since[a], times[a], since[b], times[b]):
                    change = kept[b]
                out[i, s] = change / ((times[b] - times[a]) / 1000.0)
            elif kind == RESETS and count:
                resets = 0
                for j in range(1, count):
                    hidden = _is_start_reset(since[j - 1], times[j - 1], since[j], times[j])
                    resets += hidden or kept[j] < kept[j - 1]
                out[i, s] = float(resets)


@njit(cache=True, nogil=True)
def _extrapolate(
    times: Int64s,
    kept: Float64s,
    since: Int64s,
    start: int,
    end: int,
    divide_by_seconds: float,
    out: Float64s,
    s: int,
) -> int:
    """Writes `out[s]` unless there is too little; 1 where start timestamps contradict."""
    last = times.shape[0] - 1
    change = kept[last] - kept[0]
    clash = 0
    for j in range(1, last + 1):
        if _overlaps(since[j - 1], times[j - 1], since[j]):
            clash = 1
        hidden = _is_start_reset(since[j - 1], times[j - 1], since[j], times[j])
        if hidden or kept[j] < kept[j - 1]:
            change += kept[j - 1]
    sampled = (times[last] - times[0]) / 1000.0
    average = sampled / last if last else 0.0
    to_start = (times[0] - start) / 1000.0
    to_end = (end - times[last]) / 1000.0
    if since[0] != 0 and start < since[0] < times[0]:
        # the counter was zero within the window: nothing to guess
        to_start = 0.0
        sampled = (times[last] - since[0]) / 1000.0
        change += kept[0]
    elif last == 0:
        return clash
    else:
        if to_start >= average * 1.1:
            to_start = average / 2
        if change > 0 and kept[0] >= 0:
            to_start = min(to_start, sampled * (kept[0] / change))
    if to_end >= average * 1.1:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled if sampled != 0 else 1.0
    out[s] = change * (factor / divide_by_seconds)
    return clash
