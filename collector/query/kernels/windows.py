"""numba: what every kernel over windows starts with: a series without its gaps, and lookback.

A window `s` of a column of timestamps is the half-open index range `[lo[s], hi[s])`; both ends
never fall from one step to the next. `bits` is `values` seen as int64: gaps are known by bits only.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.samples import MISSING_BITS, STALE_BITS, Bools, Float64s, Int64s

Cell = TypeVar("Cell", bound=np.generic)

_STALE = np.int64(STALE_BITS)
_MISSING = np.int64(MISSING_BITS)


@njit(cache=True, nogil=True)
def compact(
    row: int,
    timestamps: Int64s,
    values: Float64s,
    bits: Int64s,
    kept_times: Int64s,
    kept_values: Float64s,
    before: Int64s,
) -> int:
    """Copy the true samples of one row; `before[j]` counts those left of column j. Their number."""
    kept = 0
    columns = timestamps.shape[0]
    for j in range(columns):
        before[j] = kept
        cell = bits[row, j]
        if cell != _MISSING and cell != _STALE:
            kept_times[kept] = timestamps[j]
            kept_values[kept] = values[row, j]
            kept += 1
    before[columns] = kept
    return kept


@njit(cache=True, nogil=True)
def rows_with_cells(bits: Int64s) -> Bools:
    """Which rows (bool[n]) of `bits` int64[n, t] have a cell that is not MISSING."""
    out = np.zeros(bits.shape[0], np.bool_)
    for i in range(bits.shape[0]):
        for j in range(bits.shape[1]):
            if bits[i, j] != _MISSING:
                out[i] = True
                break
    return out


@njit(cache=True, nogil=True)
def latest(bits: Int64s, lo: Int64s, hi: Int64s, out_bits: Int64s) -> None:
    """The newest sample of each window, MISSING when there is none or it is a stale marker.

    `bits` int64[n, m], `lo`, `hi` int64[t]; writes `out_bits` int64[n, t].
    """
    for i in range(bits.shape[0]):
        at, last = 0, -1
        for s in range(lo.shape[0]):
            while at < hi[s]:
                if bits[i, at] != _MISSING:
                    last = at
                at += 1
            found = last >= lo[s] and bits[i, last] != _STALE
            out_bits[i, s] = bits[i, last] if found else _MISSING


@njit(cache=True, nogil=True)
def latest_columns(bits: Int64s, lo: Int64s, hi: Int64s, out: Int64s) -> None:
    """As `latest`, but `out` int64[n, t] is the sample's column, or -1 where none."""
    for i in range(bits.shape[0]):
        at, last = 0, -1
        for s in range(lo.shape[0]):
            while at < hi[s]:
                if bits[i, at] != _MISSING:
                    last = at
                at += 1
            found = last >= lo[s] and bits[i, last] != _STALE
            out[i, s] = last if found else -1


def read_only(array: NDArray[Cell]) -> NDArray[Cell]:
    """The same cells as a C-ordered read-only array.

    numba compiles one version for each layout and mutability; so all inputs are given the same.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
