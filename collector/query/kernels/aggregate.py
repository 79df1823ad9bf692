"""numba: aggregation of rows by group id, step by step.

Every kernel reads `values` float64[n, t] with its view `bits` int64[n, t] (MISSING where none) and
`groups` int64[n], and writes `out` float64[g, t], which comes filled with MISSING. Rows are walked
in order, so that sums round as Prometheus's do. Source: promql/engine.go, `aggregation`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.query.kernels.compensated import add
from collector.query.kernels.over_time import quantile

_MISSING = np.int64(MISSING_BITS)


@njit(cache=True, nogil=True)
def sums(values: Float64s, bits: Int64s, groups: Int64s, out: Float64s, out_bits: Int64s) -> None:
    """Compensated sums."""
    rest = np.zeros_like(out)
    for i in range(values.shape[0]):
        g = groups[i]
        for s in range(values.shape[1]):
            if bits[i, s] == _MISSING:
                continue
            if out_bits[g, s] == _MISSING:
                out[g, s] = values[i, s]
            else:
                out[g, s], rest[g, s] = add(values[i, s], out[g, s], rest[g, s])
    for g in range(out.shape[0]):
        for s in range(out.shape[1]):
            if out_bits[g, s] != _MISSING and not math.isinf(out[g, s]):
                out[g, s] += rest[g, s]


@njit(cache=True, nogil=True)
def averages(  # noqa: C901 - one pass, two modes of counting
    values: Float64s, bits: Int64s, groups: Int64s, out: Float64s, out_bits: Int64s
) -> None:
    """Means: of the compensated sum, or step by step where that would overflow."""
    rest = np.zeros_like(out)
    count = np.zeros_like(out)
    incremental = np.zeros(out.shape, np.bool_)
    for i in range(values.shape[0]):
        g = groups[i]
        for s in range(values.shape[1]):
            if bits[i, s] == _MISSING:
                continue
            cell = values[i, s]
            count[g, s] += 1
            n = count[g, s]
            if n == 1:
                out[g, s] = cell
                continue
            if not incremental[g, s]:
                total, lost = add(cell, out[g, s], rest[g, s])
                if not math.isinf(total):
                    out[g, s], rest[g, s] = total, lost
                    continue
                incremental[g, s] = True
                out[g, s] /= n - 1
                rest[g, s] /= n - 1
            if math.isinf(out[g, s]):
                same = math.isinf(cell) and (out[g, s] > 0) == (cell > 0)
                if same or (not math.isinf(cell) and not math.isnan(cell)):
                    continue
            share = (n - 1) / n
            out[g, s], rest[g, s] = add(cell / n, share * out[g, s], share * rest[g, s])
    for g in range(out.shape[0]):
        for s in range(out.shape[1]):
            if count[g, s] == 0:
                continue
            if incremental[g, s]:
                out[g, s] += rest[g, s]
            else:
                out[g, s] = out[g, s] / count[g, s] + rest[g, s] / count[g, s]


@njit(cache=True, nogil=True)
def extremes(
    values: Float64s,
    bits: Int64s,
    groups: Int64s,
    largest: bool,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """Maximum (`largest`) or minimum; NaN only where all are NaN."""
    for i in range(values.shape[0]):
        g = groups[i]
        for s in range(values.shape[1]):
            if bits[i, s] == _MISSING:
                continue
            cell, best = values[i, s], out[g, s]
            if math.isnan(best) or (cell > best if largest else cell < best):
                out[g, s] = cell


@njit(cache=True, nogil=True)
def counts(
    bits: Int64s, groups: Int64s, only_presence: bool, out: Float64s, out_bits: Int64s
) -> None:
    """How many rows have a value; 1 for `group`."""
    for i in range(bits.shape[0]):
        g = groups[i]
        for s in range(bits.shape[1]):
            if bits[i, s] == _MISSING:
                continue
            if out_bits[g, s] == _MISSING or only_presence:
                out[g, s] = 1.0
            else:
                out[g, s] += 1.0


@njit(cache=True, nogil=True)
def variances(
    values: Float64s,
    bits: Int64s,
    groups: Int64s,
    square_root: bool,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """Population variance (or its root) by Welford's recurrence; NaN when a cell is not finite."""
    count = np.zeros_like(out)
    mean = np.zeros_like(out)
    for i in range(values.shape[0]):
        g = groups[i]
        for s in range(values.shape[1]):
            if bits[i, s] == _MISSING:
                continue
            cell = values[i, s]
            count[g, s] += 1
            if count[g, s] == 1:
                mean[g, s] = cell
                out[g, s] = 0.0 if math.isfinite(cell) else math.nan
                continue
            delta = cell - mean[g, s]
            mean[g, s] += delta / count[g, s]
            out[g, s] += delta * (cell - mean[g, s])
    for g in range(out.shape[0]):
        for s in range(out.shape[1]):
            if count[g, s] > 0:
                out[g, s] /= count[g, s]
                if square_root:
                    out[g, s] = math.sqrt(out[g, s])


@njit(cache=True, nogil=True)
def quantiles(
    values: Float64s,
    bits: Int64s,
    groups: Int64s,
    q: Float64s,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """The q[s]-quantile of each group at step s."""
    rows, steps = values.shape
    sizes = np.zeros(out.shape[0], np.int64)
    for i in range(rows):
        sizes[groups[i]] += 1
    starts = np.zeros(out.shape[0] + 1, np.int64)
    starts[1:] = np.cumsum(sizes)
    cells = np.empty(rows, np.float64)
    filled = np.empty(out.shape[0], np.int64)
    nans = np.empty(out.shape[0], np.int64)
    for s in range(steps):
        filled[:] = 0
        nans[:] = 0
        for i in range(rows):
            if bits[i, s] == _MISSING:
                continue
            g = groups[i]
            cells[starts[g] + filled[g]] = values[i, s]
            filled[g] += 1
            nans[g] += math.isnan(values[i, s])
        for g in range(out.shape[0]):
            if filled[g]:
                part = cells[starts[g] : starts[g] + filled[g]]
                out[g, s] = quantile(q[s], np.sort(part), nans[g])


@njit(cache=True, nogil=True)
def keep_first(
    values: Float64s,
    bits: Int64s,
    groups: Int64s,
    group_count: int,
    k: Int64s,
    order: int,
    out_bits: Int64s,
) -> None:
    """topk (`order` 1), bottomk (-1) and limitk (0): copy the k[s] rows of each group that stay.

    NaN ranks last either way; of equals the first rows stay. `out_bits` int64[n, t], MISSING.
    """
    rows, steps = bits.shape
    taken = np.empty(group_count, np.int64)
    keys = np.empty(rows, np.float64)
    for s in range(steps):
        taken[:] = 0
        for i in range(rows):
            keys[i] = 0.0 if order == 0 else -order * values[i, s]
            if order != 0 and math.isnan(values[i, s]):
                keys[i] = math.inf
        ranked = np.argsort(keys, kind="mergesort") if order != 0 else np.arange(rows)
        for nan_pass in range(2):
            for i in ranked:
                if bits[i, s] == _MISSING:
                    continue
                if order != 0 and math.isnan(values[i, s]) != (nan_pass == 1):
                    continue
                if order == 0 and nan_pass == 1:
                    continue
                g = groups[i]
                if taken[g] < k[s]:
                    taken[g] += 1
                    out_bits[i, s] = bits[i, s]
