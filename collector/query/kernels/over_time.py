"""numba: `*_over_time`, changes, resets and smoothing over (series, step) windows.

Source: promql/functions.go of Prometheus 3. One kernel with a code per function, so that one
compilation serves them all.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.query.kernels.compensated import add
from collector.query.kernels.windows import compact

_MISSING = np.int64(MISSING_BITS)

CODES: dict[str, int] = {
    name: code
    for code, name in enumerate(
        [
            "sum_over_time",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "count_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "present_over_time",
            "last_over_time",
            "first_over_time",
            "ts_of_first_over_time",
            "ts_of_last_over_time",
            "ts_of_min_over_time",
            "ts_of_max_over_time",
            "changes",
            "resets",
            "quantile_over_time",
            "mad_over_time",
            "double_exponential_smoothing",
        ]
    )
}
NEEDS_TWO = frozenset(("double_exponential_smoothing",))
"""Functions that say nothing of a window with a single sample."""


@njit(cache=True, nogil=True)
def over_time(
    code: int,
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    lo: Int64s,
    hi: Int64s,
    at_least: int,
    first_param: Float64s,
    second_param: Float64s,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """One function (`CODES`) of each window.

    `timestamps` int64[m], `values` float64[n, m]; `lo`, `hi` int64[t];
    parameters float64[t]. Writes `out` float64[n, t]; MISSING below `at_least` samples.
    """
    columns = timestamps.shape[0]
    times = np.empty(columns, np.int64)
    kept = np.empty(columns, np.float64)
    before = np.empty(columns + 1, np.int64)
    candidates = np.empty(columns, np.int64)
    for i in range(values.shape[0]):
        compact(i, timestamps, values, bits, times, kept, before)
        if code == 2 or code == 3:
            _sliding_extremes(code == 3, kept, before, lo, hi, candidates, out[i], out_bits[i])
            continue
        for s in range(lo.shape[0]):
            first, end = before[lo[s]], before[hi[s]]
            if end - first < at_least:
                out_bits[i, s] = _MISSING
                continue
            cells, when = kept[first:end], times[first:end]
            if code <= 9:
                out[i, s] = _simple(code, cells)
            elif code <= 13:
                out[i, s] = _time_of(code, cells, when) / 1000.0
            elif code <= 15:
                out[i, s] = _transitions(code == 15, cells)
            elif code == 16:
                out[i, s] = quantile(first_param[s], np.sort(cells), _nans(cells))
            elif code == 17:
                out[i, s] = _median_deviation(cells)
            else:
                out[i, s] = _smoothed(cells, first_param[s], second_param[s])


@njit(cache=True, nogil=True)
def _simple(code: int, cells: Float64s) -> float:
    if code == 0:
        return _sum(cells)
    if code == 1:
        return _mean(cells)
    if code == 4:
        return float(cells.shape[0])
    if code == 5:
        return math.sqrt(_variance(cells))
    if code == 6:
        return _variance(cells)
    if code == 7:
        return 1.0
    return float(cells[-1] if code == 8 else cells[0])


@njit(cache=True, nogil=True)
def _sum(cells: Float64s) -> float:
    total, rest = 0.0, 0.0
    for cell in cells:
        total, rest = add(cell, total, rest)
    return total if math.isinf(total) else total + rest


@njit(cache=True, nogil=True)
def _mean(cells: Float64s) -> float:
    total, rest = cells[0], 0.0
    incremental = False
    for j in range(1, cells.shape[0]):
        count = float(j + 1)
        if not incremental:
            new_total, new_rest = add(cells[j], total, rest)
            if not math.isinf(new_total):
                total, rest = new_total, new_rest
                continue
            incremental = True
            total, rest = total / (count - 1), rest / (count - 1)
        share = (count - 1) / count
        total, rest = add(cells[j] / count, share * total, share * rest)
    if incremental:
        return float(total + rest)
    return float(total / cells.shape[0] + rest / cells.shape[0])


@njit(cache=True, nogil=True)
def _sliding_extremes(
    largest: bool,
    kept: Float64s,
    before: Int64s,
    lo: Int64s,
    hi: Int64s,
    candidates: Int64s,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """min or max of every window of one series in one pass, NaN only where all are NaN.

    `candidates` holds, ascending, the samples that no later one of the window outdoes.
    """
    head, tail, at = 0, 0, 0
    for s in range(lo.shape[0]):
        first, end = before[lo[s]], before[hi[s]]
        at = max(at, first)
        while at < end:
            cell = kept[at]
            if not math.isnan(cell):
                while tail > head and (
                    kept[candidates[tail - 1]] <= cell
                    if largest
                    else kept[candidates[tail - 1]] >= cell
                ):
                    tail -= 1
                candidates[tail] = at
                tail += 1
            at += 1
        while head < tail and candidates[head] < first:
            head += 1
        if end <= first:
            out_bits[s] = _MISSING
        else:
            out[s] = kept[candidates[head]] if head < tail else math.nan


@njit(cache=True, nogil=True)
def _variance(cells: Float64s) -> float:
    count, mean, mean_rest, squares, squares_rest = 0.0, 0.0, 0.0, 0.0, 0.0
    for cell in cells:
        count += 1
        delta = cell - (mean + mean_rest)
        mean, mean_rest = add(delta / count, mean, mean_rest)
        squares, squares_rest = add(delta * (cell - (mean + mean_rest)), squares, squares_rest)
    return (squares + squares_rest) / count


@njit(cache=True, nogil=True)
def _time_of(code: int, cells: Float64s, when: Int64s) -> float:
    if code == 10:
        return float(when[0])
    if code == 11:
        return float(when[-1])
    best = 0
    for j in range(cells.shape[0]):
        better = cells[j] >= cells[best] if code == 13 else cells[j] <= cells[best]
        if better or math.isnan(cells[best]):
            best = j
    return float(when[best])


@njit(cache=True, nogil=True)
def _transitions(falls_only: bool, cells: Float64s) -> float:
    count = 0
    for j in range(1, cells.shape[0]):
        was, now = cells[j - 1], cells[j]
        if falls_only:
            count += now < was
        else:
            count += now != was and not (math.isnan(now) and math.isnan(was))
    return float(count)


@njit(cache=True, nogil=True)
def _nans(cells: Float64s) -> int:
    count = 0
    for cell in cells:
        count += math.isnan(cell)
    return count


@njit(cache=True, nogil=True)
def quantile(q: float, ascending: Float64s, nans: int) -> float:
    """The q-quantile, linear between ranks; `ascending` has its `nans` last, yet they rank first.

    NaN for no cells or q of NaN; -Inf below 0, +Inf above 1.
    """
    size = ascending.shape[0]
    if size == 0 or math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    rank = q * (size - 1)
    low = int(max(0.0, math.floor(rank)))
    high = min(size - 1, low + 1)
    weight = rank - math.floor(rank)
    below = ascending[(low - nans) % size]
    above = ascending[(high - nans) % size]
    return float(below * (1 - weight) + above * weight)


@njit(cache=True, nogil=True)
def _median_deviation(cells: Float64s) -> float:
    if _nans(cells):
        return math.nan
    median = quantile(0.5, np.sort(cells), 0)
    return quantile(0.5, np.sort(np.abs(cells - median)), 0)


@njit(cache=True, nogil=True)
def regression(cells: Float64s, when: Int64s, intercept_ms: int) -> tuple[float, float]:
    """Slope and value at `intercept_ms` of the least-squares line through samples."""
    n = float(cells.shape[0])
    sum_x, rest_x, sum_y, rest_y = 0.0, 0.0, 0.0, 0.0
    sum_xy, rest_xy, sum_xx, rest_xx = 0.0, 0.0, 0.0, 0.0
    constant = True
    for j in range(cells.shape[0]):
        constant = constant and cells[j] == cells[0]
        x = (when[j] - intercept_ms) / 1000.0
        sum_x, rest_x = add(x, sum_x, rest_x)
        sum_y, rest_y = add(cells[j], sum_y, rest_y)
        sum_xy, rest_xy = add(x * cells[j], sum_xy, rest_xy)
        sum_xx, rest_xx = add(x * x, sum_xx, rest_xx)
    if constant:
        if math.isinf(cells[0]):
            return math.nan, math.nan
        return 0.0, cells[0]
    sum_x, sum_y, sum_xy, sum_xx = (
        sum_x + rest_x,
        sum_y + rest_y,
        sum_xy + rest_xy,
        sum_xx + rest_xx,
    )
    slope = (sum_xy - sum_x * sum_y / n) / (sum_xx - sum_x * sum_x / n)
    return slope, sum_y / n - slope * sum_x / n


@njit(cache=True, nogil=True)
def _smoothed(cells: Float64s, smoothing: float, trend_factor: float) -> float:
    before, level = 0.0, cells[0]
    trend = cells[1] - cells[0]
    for j in range(1, cells.shape[0]):
        if j > 1:
            trend = trend_factor * (level - before) + (1 - trend_factor) * trend
        before, level = level, smoothing * cells[j] + (1 - smoothing) * (level + trend)
    return float(level)
