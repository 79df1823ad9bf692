"""`SampleBatch`, and the two NaN payloads that are no values: stale marker and missing cell.

The stale marker's bits are Prometheus's own (model/value/value.go, `StaleNaN`). Both are compared
by their bits, never by `isnan`; arithmetic may change a payload, so they are masked on load.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]

STALE_BITS = 0x7FF0_0000_0000_0002
MISSING_BITS = 0x7FF0_0000_0000_0003
NORMAL_NAN_BITS = 0x7FF8_0000_0000_0001


def _from_bits(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


STALE = _from_bits(STALE_BITS)
"""The series has ended here (a Python float with the stale marker's bits)."""
MISSING = _from_bits(MISSING_BITS)
"""No sample in this cell (a Python float with the missing marker's bits)."""


def is_stale(values: Float64s) -> Bools:
    """Mask of the stale markers in a float64 array of any shape."""
    return np.asarray(values.view(np.int64) == STALE_BITS)


def is_missing(values: Float64s) -> Bools:
    """Mask of the cells without a sample in a float64 array of any shape."""
    return np.asarray(values.view(np.int64) == MISSING_BITS)


def is_sample(values: Float64s) -> Bools:
    """Mask of the true samples (numbers, Inf and ordinary NaN): neither stale nor missing."""
    bits = values.view(np.int64)
    return np.asarray((bits != STALE_BITS) & (bits != MISSING_BITS))


def filled(shape: tuple[int, ...] | int, value: float = MISSING) -> Float64s:
    """A float64 array of one NaN payload, bit for bit."""
    array: Float64s = np.empty(shape, dtype=np.float64)
    array.view(np.int64)[...] = np.array([value], dtype=np.float64).view(np.int64)[0]
    return array


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Samples as three parallel arrays: series ref (int64), timestamp_ms (int64), value (float64).

    `start_ms` (int64, 0 where unknown) is when a counter began to count from zero.
    """

    refs: Int64s
    timestamps_ms: Int64s
    values: Float64s
    start_ms: Int64s | None = None

    def __len__(self) -> int:
        return len(self.refs)
