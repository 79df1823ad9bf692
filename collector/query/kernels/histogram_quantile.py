"""numba: quantiles and fractions of classic histograms. (Native ones get kernels of their own.)

Source: promql/quantile.go of Prometheus 3 (`BucketQuantile`, `BucketFraction`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, Float64s, Int64s

_MISSING = np.int64(MISSING_BITS)
_TOLERANCE = 1e-12
_MIN_NORMAL = 2.2250738585072014e-308


@njit(cache=True, nogil=True)
def classic(
    values: Float64s,
    bits: Int64s,
    bounds: Float64s,
    starts: Int64s,
    is_quantile: bool,
    q: Float64s,
    upper: Float64s,
    out: Float64s,
    out_bits: Int64s,
    mended: Int64s,
) -> None:
    """Histogram h has rows `starts[h]` to `starts[h + 1]`, with ascending `bounds` (their `le`).

    `values` float64[n, t] are cumulative counts. Writes the q[s]-quantile, or (not `is_quantile`)
    the fraction between q[s] and upper[s], into `out` float64[h, t]; counts in `mended` int64[h]
    the steps at which counts had to be made monotonic. MISSING where no bucket has a value.
    """
    width = 0
    for h in range(starts.shape[0] - 1):
        width = max(width, starts[h + 1] - starts[h])
    edges = np.empty(width, np.float64)
    counts = np.empty(width, np.float64)
    for h in range(starts.shape[0] - 1):
        for s in range(values.shape[1]):
            size, present = 0, False
            for i in range(starts[h], starts[h + 1]):
                if bits[i, s] == _MISSING:
                    continue
                present = True
                if size and edges[size - 1] == bounds[i]:
                    counts[size - 1] += values[i, s]
                else:
                    edges[size] = bounds[i]
                    counts[size] = values[i, s]
                    size += 1
            if not present:
                out_bits[h, s] = _MISSING
            elif is_quantile:
                mended[h] += _make_monotonic(q[s], edges[:size], counts[:size])
                out[h, s] = _quantile(q[s], edges[:size], counts[:size])
            else:
                out[h, s] = _fraction(q[s], upper[s], edges[:size], counts[:size])


@njit(cache=True, nogil=True)
def _make_monotonic(q: float, edges: Float64s, counts: Float64s) -> int:
    if math.isnan(q) or q < 0 or q > 1 or edges[-1] != math.inf:
        return 0
    forced = 0
    previous = counts[0]
    for b in range(1, counts.shape[0]):
        count = counts[b]
        if count == previous:
            continue
        if _almost_equal(previous, count):
            counts[b] = previous
        elif count < previous:
            counts[b] = previous
            forced = 1
        else:
            previous = count
    return forced


@njit(cache=True, nogil=True)
def _almost_equal(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    size = abs(a) + abs(b)
    difference = abs(a - b)
    if a == 0 or b == 0 or size < _MIN_NORMAL:
        return difference < _TOLERANCE * _MIN_NORMAL
    return difference / min(size, 1.7976931348623157e308) < _TOLERANCE


@njit(cache=True, nogil=True)
def _quantile(q: float, edges: Float64s, counts: Float64s) -> float:
    if math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    last = edges.shape[0] - 1
    if edges[last] != math.inf or last < 1:
        return math.nan
    total = counts[last]
    if total == 0 or math.isnan(total):
        return math.nan
    rank = q * total
    b = 0
    while b < last and counts[b] < rank:
        b += 1
    if b == last:
        return float(edges[last - 1])
    if b == 0 and edges[0] <= 0:
        return float(edges[0])
    low, inside = 0.0, counts[b]
    if b > 0:
        low = edges[b - 1]
        inside -= counts[b - 1]
        rank -= counts[b - 1]
    return float(low + (edges[b] - low) * (rank / inside))


@njit(cache=True, nogil=True)
def _fraction(lower: float, upper: float, edges: Float64s, counts: Float64s) -> float:
    last = edges.shape[0] - 1
    if edges[last] != math.inf:
        return math.nan
    total = counts[last]
    if total == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    low_rank = _rank_of(lower, edges, counts)
    high_rank = _rank_of(upper, edges, counts)
    return float((min(high_rank, total) - min(low_rank, total)) / total)


@njit(cache=True, nogil=True)
def _rank_of(value: float, edges: Float64s, counts: Float64s) -> float:
    """How many observations lie at or below `value`, straight within a bucket."""
    rank = 0.0
    for b in range(edges.shape[0]):
        low = -math.inf if b == 0 else edges[b - 1]
        if b == 0 and edges[0] > 0:
            low = 0.0
        if low == value or (b == 0 and value < low):
            return rank
        if low < value < edges[b]:
            if low == -math.inf:
                return float(counts[b])
            if edges[b] == math.inf:
                return rank
            return float(rank + (counts[b] - rank) * (value - low) / (edges[b] - low))
        rank = counts[b]
    return rank
