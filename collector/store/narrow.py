"""Decoded differences in few bytes: what a cache holds between queries.

Most differences of a counter fit in a byte; the first of each series, which is the whole value, and
a reset do not. So a column is a narrow array with 0 where a value is too wide, and the wide ones
apart with their positions.

Source of the idea: patched frame of reference, Zukowski, Heman, Nes, Boncz, ICDE 2006.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collector.model.samples import Bools, Int64s

Integers: TypeAlias = NDArray[Any]
"""int64, or one of KINDS."""
KINDS = (np.int8, np.int16, np.int32)
WIDE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Narrow:
    """`values`, and to be added to them `wide` int64[k] at the positions `at` int64[k]."""

    values: Integers
    at: Int64s
    wide: Int64s

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return self.values.nbytes + self.at.nbytes + self.wide.nbytes


def as_they_are(values: Integers) -> Narrow:
    """Nothing apart; read-only."""
    return _read_only(Narrow(values, np.empty(0, np.int64), np.empty(0, np.int64)))


def narrow(values: Int64s) -> Narrow:
    """The same in the kind that takes least; arrays are read-only."""
    best_bytes, best, best_wide = values.nbytes, None, None
    for kind in KINDS:
        limits = np.iinfo(kind)
        wide: Bools = (values < limits.min) | (values > limits.max)
        count = int(np.count_nonzero(wide))
        taken_bytes = limits.bits // 8 * len(values) + WIDE_BYTES * count
        if taken_bytes < best_bytes:
            best_bytes, best, best_wide = taken_bytes, kind, wide
        if not count:
            break
    if best is None or best_wide is None:
        return as_they_are(values)
    at = np.flatnonzero(best_wide)
    small = values.astype(best)
    small[at] = 0
    return _read_only(Narrow(small, at, values[at]))


def _read_only(found: Narrow) -> Narrow:
    for array in (found.values, found.at, found.wide):
        array.flags.writeable = False
    return found
