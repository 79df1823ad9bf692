"""`ExcludedSums`: what is excluded of many objectives in one window, answered for all at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collector.model.samples import Float64s, Int64s
from slo.excluded import Excluded

_TIME_BITS = 42
"""Milliseconds since 1970 until the year 2109: an objective's number stands above them."""


class ExcludedSums:
    """Built of `Excluded` by column; `columns` int64[k] are those, ascending."""

    def __init__(self, by_column: Mapping[int, Excluded]) -> None:
        found = sorted(by_column.items())
        self.columns: Int64s = np.array([column for column, _ in found], np.int64)
        ranks = np.arange(len(found), dtype=np.int64)
        self._ranks, self._bases = ranks, ranks << _TIME_BITS
        lengths = [len(one.times_ms) for _, one in found]
        times = [np.zeros(0, np.int64), *(one.times_ms for _, one in found)]
        self._keys = np.concatenate(times) + np.repeat(self._bases, lengths)
        sums = [one.sums for _, one in found]
        self._bad = np.concatenate([np.zeros(0), *(bad for bad, _ in sums)])
        self._total = np.concatenate([np.zeros(0), *(total for _, total in sums)])

    def between(self, start_ms: int, end_ms: int) -> tuple[Float64s, Float64s]:
        """Excluded bad and total events in `(start_ms, end_ms]` (float64[k] each)."""
        first, last = self._places(start_ms), self._places(end_ms)
        return self._bad[last] - self._bad[first], self._total[last] - self._total[first]

    def _places(self, time_ms: int) -> Int64s:
        """Each objective's sums have a zero before the first event, hence the ranks."""
        return np.searchsorted(self._keys, self._bases + time_ms, side="right") + self._ranks
