"""Reset-corrected running totals of every series: what exact error budgets rest on.

A sample that is lower than the one before it is a reset: the counter began at zero again and has
counted up to the new value. So is one whose sender says that it began after the last sample. The
first sample of a series adds its whole value when the counter is known to have begun at zero while
its source was being read, or shortly before that; otherwise it is the baseline and adds nothing.

NaN, Inf, stale markers and missing cells are passed over, and so are late samples: between two
samples of a counter they add nothing. Every series has a total; of a gauge it means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s

Array: TypeAlias = NDArray[Any]

FIRST_READING_MS = 500
"""Rows this close to a source's first are one reading: an OTLP export has a time per instrument."""
NEWBORN_MS = 10 * 60 * 1000
"""A process that began so long before its first reading is a new one, which took that long to be
found: all that it counted is recent. An older one was only not read before.
"""

_NO_STARTS: Int64s = np.empty(0, np.int64)


class RunningTotals:
    """Per ref: `total`, `last_value` and `last_ms` of what was counted (-1: nothing yet),
    `sample_ms` of its newest sample and `newest_ms` of its newest sample or stale marker.
    """

    def __init__(self) -> None:
        self.total: Float64s = np.zeros(0)
        self.last_value: Float64s = np.zeros(0)
        self.last_ms: Int64s = np.zeros(0, np.int64)
        self.sample_ms: Int64s = np.zeros(0, np.int64)
        self.newest_ms: Int64s = np.zeros(0, np.int64)

    def grow(self, count: int) -> None:
        """Make room for refs below `count`."""
        room = len(self.total)
        if count <= room:
            return
        more = max(count - room, room // 4)
        self.total = np.concatenate([self.total, np.zeros(more)])
        self.last_value = np.concatenate([self.last_value, np.zeros(more)])
        never = np.full(more, -1, np.int64)
        self.last_ms = np.concatenate([self.last_ms, never])
        self.sample_ms = np.concatenate([self.sample_ms, never])
        self.newest_ms = np.concatenate([self.newest_ms, never])

    def _arrays(self) -> list[Array]:
        return [self.total, self.last_value, self.last_ms, self.sample_ms, self.newest_ms]

    def restore(self, refs: Int64s, arrays: Sequence[Array]) -> None:
        """Take over what `of` gave."""
        for mine, theirs in zip(self._arrays(), arrays, strict=True):
            mine[refs] = theirs

    def of(self, refs: Int64s) -> list[Array]:
        """A copy of all that is known of these refs, as `restore` takes it."""
        return [array[refs] for array in self._arrays()]

    def set_back(self, at_ms: int, ahead_ms: int) -> None:
        """Whose newest sample is later than `ahead_ms` had it at `at_ms`: what comes is no late
        sample then, and counts on."""
        for times in (self.last_ms, self.sample_ms, self.newest_ms):
            times[times > ahead_ms] = at_ms

    def add(
        self,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        source_first_ms: int,
        start_ms: Int64s | None,
    ) -> None:
        """Take one row in. `source_first_ms`: the first row ever of the source (this row: itself);
        `start_ms` as in `Appender.append_row`.
        """
        _add(
            timestamp_ms,
            refs,
            values,
            values.view(np.int64),
            source_first_ms,
            _NO_STARTS if start_ms is None else start_ms,
            self.total,
            self.last_value,
            self.last_ms,
            self.sample_ms,
            self.newest_ms,
        )


@njit(cache=True, nogil=True)
def _add(  # type: ignore[no-untyped-def]
    timestamp_ms,
    refs,
    values,
    bits,
    source_first_ms,
    starts,
    total,
    last_value,
    last_ms,
    sample_ms,
    newest_ms,
):
    source_was_read = timestamp_ms - source_first_ms > FIRST_READING_MS
    for i in range(len(refs)):
        if bits[i] == MISSING_BITS:
            continue
        ref = refs[i]
        newest_ms[ref] = max(newest_ms[ref], timestamp_ms)
        if bits[i] == STALE_BITS:
            continue
        sample_ms[ref] = max(sample_ms[ref], timestamp_ms)
        value = values[i]
        if not np.isfinite(value) or timestamp_ms <= last_ms[ref]:
            continue
        start = starts[i] if len(starts) else 0
        if last_ms[ref] < 0:
            from_zero = source_was_read or start > source_first_ms
            from_zero = from_zero or (start > 0 and timestamp_ms - start <= NEWBORN_MS)
            increase = value if from_zero else 0.0
        elif value < last_value[ref] or start > last_ms[ref]:
            increase = value
        else:
            increase = value - last_value[ref]
        total[ref] += max(increase, 0.0)
        last_value[ref] = value
        last_ms[ref] = timestamp_ms
