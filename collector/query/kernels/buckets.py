"""numba: rate and increase over windows of whole buckets.

Source: as `rate.extrapolated`; a bucket has its first and last sample with their times, how many
there are and by how much they grew, which is all that the extrapolation looks at.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, Float64s, Int64s

_MISSING = np.int64(MISSING_BITS)


@njit(cache=True, nogil=True)
def extrapolated(
    resolution_ms: int,
    ends_ms: Int64s,
    count: Float64s,
    first: Float64s,
    last: Float64s,
    increase: Float64s,
    first_ms: Float64s,
    last_ms: Float64s,
    lo: Int64s,
    hi: Int64s,
    divide_by: Float64s,
    out: Float64s,
    out_bits: Int64s,
) -> None:
    """What each window's increase would be over its whole length, divided by `divide_by` [t].

    `ends_ms` int64[b]; the components float64[n, b], MISSING where a bucket is empty; buckets
    `lo` to `hi` (int64[t], half-open) are those of a step. Writes `out` float64[n, t] and its view
    `out_bits`; MISSING where a window has fewer than two samples.
    """
    bits = count.view(np.int64)
    for i in range(count.shape[0]):
        for s in range(len(lo)):
            samples, change, begin, before = 0.0, 0.0, 0.0, 0.0
            from_ms = to_ms = np.float64(0)
            for b in range(lo[s], hi[s]):
                if bits[i, b] == _MISSING:
                    continue
                if samples == 0.0:
                    begin, from_ms = first[i, b], ends_ms[b] - first_ms[i, b]
                else:
                    change += first[i, b] if first[i, b] < before else first[i, b] - before
                change += increase[i, b]
                before, to_ms = last[i, b], ends_ms[b] - last_ms[i, b]
                samples += count[i, b]
            if samples < 2.0:
                out_bits[i, s] = _MISSING
                continue
            sampled = (to_ms - from_ms) / 1000.0
            average = sampled / (samples - 1.0)
            start_ms = ends_ms[lo[s]] - resolution_ms
            to_start = (from_ms - start_ms) / 1000.0
            to_end = (ends_ms[hi[s] - 1] - to_ms) / 1000.0
            to_start = average / 2 if to_start >= average * 1.1 else to_start
            to_end = average / 2 if to_end >= average * 1.1 else to_end
            if change > 0 and begin >= 0:
                to_start = min(to_start, sampled * (begin / change))
            out[i, s] = change * ((sampled + to_start + to_end) / sampled / divide_by[s])
