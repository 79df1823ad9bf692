"""numba: least-squares lines through windows (deriv, predict_linear), eight series at once.

Source: promql/functions.go of Prometheus 3, `linearRegression`. Series without gaps share their
timestamps: the sums of times are the same for all of them, and their own sums run side by side.
Every series is added up in its own order, so the bits are those of one series alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, STALE_BITS, Bools, Float64s, Int64s
from collector.query.kernels.compensated import add
from collector.query.kernels.over_time import regression
from collector.query.kernels.windows import compact

_MISSING = np.int64(MISSING_BITS)
_STALE = np.int64(STALE_BITS)
_LANES = 8
_LARGEST = 1e140
"""No sum of products of such numbers overflows, so infinities need not be looked for."""


@njit(cache=True, nogil=True)
def regressions(
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    lo: Int64s,
    hi: Int64s,
    evaluated_ms: Int64s,
    seconds_ahead: Float64s,
    predicts: bool,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """The slope of each window's line or (`predicts`) its value `seconds_ahead` of the step.

    `timestamps` int64[m], `values` float64[n, m]; `lo`, `hi`, `evaluated_ms` int64[t];
    `seconds_ahead` float64[t]. Writes `out` float64[n, t]; MISSING below two samples.
    """
    plain = _plain_rows(values, bits)
    rows = np.flatnonzero(plain)
    lanes = np.empty((timestamps.shape[0], _LANES))
    changed = np.empty((timestamps.shape[0], _LANES), np.int64)
    for first in range(0, rows.shape[0], _LANES):
        some = rows[first : first + _LANES]
        _side_by_side(values, some, lanes, changed)
        _through_windows(
            timestamps, lanes, changed, some, lo, hi, evaluated_ms, seconds_ahead, predicts,
            out, out_bits,
        )  # fmt: skip
    times = np.empty(timestamps.shape[0], np.int64)
    kept = np.empty(timestamps.shape[0], np.float64)
    before = np.empty(timestamps.shape[0] + 1, np.int64)
    for i in range(values.shape[0]):
        if plain[i]:
            continue
        compact(i, timestamps, values, bits, times, kept, before)
        for s in range(lo.shape[0]):
            start, end = before[lo[s]], before[hi[s]]
            if end - start < 2:
                out_bits[i, s] = _MISSING
                continue
            when = times[start:end]
            at = evaluated_ms[s] if predicts else when[0]
            slope, intercept = regression(kept[start:end], when, at)
            out[i, s] = slope * seconds_ahead[s] + intercept if predicts else slope


@njit(cache=True, nogil=True)
def _plain_rows(values: Float64s, bits: Int64s) -> Bools:
    """Which rows have a number of ordinary size in every cell."""
    plain = np.ones(values.shape[0], np.bool_)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if bits[i, j] in (_MISSING, _STALE) or not abs(values[i, j]) < _LARGEST:
                plain[i] = False
                break
    return plain


@njit(cache=True, nogil=True)
def _side_by_side(values: Float64s, rows: Int64s, lanes: Float64s, changed: Int64s) -> None:
    """Rows as columns (the last one repeated), and where each last changed its value."""
    for k in range(_LANES):
        row = rows[min(k, rows.shape[0] - 1)]
        change = 0
        for j in range(lanes.shape[0]):
            lanes[j, k] = values[row, j]
            if j and values[row, j] != values[row, j - 1]:
                change = j
            changed[j, k] = change


@njit(cache=True, nogil=True)
def _through_windows(
    timestamps: Int64s,
    lanes: Float64s,
    changed: Int64s,
    rows: Int64s,
    lo: Int64s,
    hi: Int64s,
    evaluated_ms: Int64s,
    seconds_ahead: Float64s,
    predicts: bool,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    xs = np.empty(timestamps.shape[0])
    for s in range(lo.shape[0]):
        start, end = lo[s], hi[s]
        size = end - start
        if size < 2:
            for k in range(rows.shape[0]):
                out_bits[rows[k], s] = _MISSING
            continue
        at = evaluated_ms[s] if predicts else timestamps[start]
        sum_x, rest_x, sum_xx, rest_xx = 0.0, 0.0, 0.0, 0.0
        for j in range(size):
            x = (timestamps[start + j] - at) / 1000.0
            xs[j] = x
            sum_x, rest_x = add(x, sum_x, rest_x)
            sum_xx, rest_xx = add(x * x, sum_xx, rest_xx)
        sum_x, sum_xx = sum_x + rest_x, sum_xx + rest_xx
        sum_y, sum_xy = _sums(xs, lanes, start, size)
        for k in range(rows.shape[0]):
            if changed[end - 1, k] <= start:  # a constant has no slope, whatever rounding says
                slope, intercept = 0.0, lanes[start, k]
            else:
                slope = (sum_xy[k] - sum_x * sum_y[k] / size) / (sum_xx - sum_x * sum_x / size)
                intercept = sum_y[k] / size - slope * sum_x / size
            out[rows[k], s] = slope * seconds_ahead[s] + intercept if predicts else slope


@njit(cache=True, nogil=True)
def _sums(xs: Float64s, lanes: Float64s, start: int, size: int) -> tuple[Float64s, Float64s]:
    """Compensated sums of y and of x * y of every lane."""
    sum_y, rest_y = np.zeros(_LANES), np.zeros(_LANES)
    sum_xy, rest_xy = np.zeros(_LANES), np.zeros(_LANES)
    for j in range(size):
        x, row = xs[j], lanes[start + j]
        for k in range(_LANES):
            y, total = row[k], sum_y[k]
            result = total + y
            larger = abs(total) >= abs(y)
            rest_y[k] += (total - result) + y if larger else (y - result) + total
            sum_y[k] = result
            product, total = x * y, sum_xy[k]
            result = total + product
            larger = abs(total) >= abs(product)
            rest_xy[k] += (total - result) + product if larger else (product - result) + total
            sum_xy[k] = result
    return sum_y + rest_y, sum_xy + rest_xy
