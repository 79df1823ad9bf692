"""A few numbers that stand for all samples of a bucket of time: pure.

The bucket that ends at e has the samples in `(e - resolution, e]`, as PromQL's windows do, so a
window whose ends are multiples of the resolution is some whole buckets. What they keep makes exact:
`min`, `max`, `count`, `sum`, `avg`, `last`, `present_over_time`; `increase` and `rate` with
Prometheus's own extrapolation (first and last sample with their times); the instant value at the
bucket's end, stale markers told apart. Sums and increases may differ in the last bit, as additions
in another order do.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s, filled, is_missing

COMPONENTS = (
    "count",
    "sum",
    "min",
    "max",
    "first",
    "last",
    "increase",
    "first_ms",
    "last_ms",
    "ended",
)
"""`increase`: from the first sample to the last, resets mended; `first_ms`, `last_ms`: how long
before the bucket's end; `ended`: 1 where the last thing in the bucket is a stale marker.
"""


def bucket_ends(times: Int64s, resolution_ms: int) -> tuple[Int64s, Int64s]:
    """The ends of the buckets that ascending times lie in, and where each begins among them."""
    ends = -(-times // resolution_ms) * resolution_ms
    different, starts = np.unique(ends, return_index=True)
    return different, np.append(starts, len(times))


def downsample(times: Int64s, values: Float64s, resolution_ms: int) -> tuple[Int64s, Float64s]:
    """Bucket ends int64[b], and float64[len(COMPONENTS), n, b] of `values` float64[n, t].

    MISSING where a bucket has nothing to tell.
    """
    ends, starts = bucket_ends(times, resolution_ms)
    out = filled((len(COMPONENTS), len(values), len(ends)))
    values = np.ascontiguousarray(values)
    _downsample(times, values, values.view(np.int64), ends, starts, out)
    return ends, out


IMPLIED = ("min", "max", "increase")
"""What `first` and `last` say too of a series that never falls within a bucket."""
_FIRST, _LAST = COMPONENTS.index("first"), COMPONENTS.index("last")
_IMPLIED: Int64s = np.array([COMPONENTS.index(name) for name in IMPLIED])


def without_implied(values: Float64s) -> Float64s:
    """The same, IMPLIED made MISSING where `implied` gives every bit of a whole series back."""
    told = np.array([implied(name, values[_FIRST], values[_LAST]) for name in IMPLIED])
    bits = values.view(np.int64)
    rising = (bits[_IMPLIED] == told.view(np.int64)).all(axis=(0, 2))
    bits[np.ix_(_IMPLIED, np.flatnonzero(rising))] = MISSING_BITS
    return values


def implied(component: str, first: Float64s, last: Float64s) -> Float64s:
    """One of IMPLIED from `first` and `last` (any shape); MISSING where these are."""
    if component == "increase":
        with np.errstate(invalid="ignore"):
            rise = last - first
        rise.view(np.int64)[is_missing(first)] = MISSING_BITS
        return rise
    return first if component == "min" else last


@njit(cache=True, nogil=True)
def _downsample(times, values, bits, ends, starts, out):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        for b in range(len(ends)):
            count = 0
            total = low = high = first = last = increase = 0.0
            first_at = last_at = np.int64(0)
            ended = False
            for j in range(starts[b], starts[b + 1]):
                if bits[i, j] == MISSING_BITS:
                    continue
                ended = bits[i, j] == STALE_BITS
                if ended:
                    continue
                value = values[i, j]
                if count == 0:
                    first = low = high = value
                    first_at = times[j]
                else:
                    if value < low or np.isnan(low):
                        low = value
                    if value > high or np.isnan(high):
                        high = value
                    increase += value if value < last else value - last
                count += 1
                total += value
                last, last_at = value, times[j]
            if count:
                out[0, i, b] = count
                out[1, i, b] = total
                out[2, i, b] = low
                out[3, i, b] = high
                out[4, i, b] = first
                out[5, i, b] = last
                out[6, i, b] = increase
                out[7, i, b] = ends[b] - first_at
                out[8, i, b] = ends[b] - last_at
            if ended:
                out[9, i, b] = 1.0


def warm_up() -> None:
    """Compile the kernel for the arrays that it will get."""
    times, values = np.arange(2), np.ones((1, 2))
    downsample(times, values, 1)
    times.flags.writeable = values.flags.writeable = False
    downsample(times, values, 1)
