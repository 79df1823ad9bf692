"""Running totals of counters with resets mended: what an SLO's budget rests on.

A sample that is lower than the one before it is a reset: the counter began at zero again and
counted up to the new value. The first sample of a series adds its whole value when the counter is
known to have begun at zero within what this store saw; otherwise it is the baseline.
"""

from __future__ import annotations

import numpy as np

from collector.model.samples import Float64s, Int64s, is_sample


class RunningTotals:
    """Per ref: sum of increases, newest value and its time; grows with the series."""

    def __init__(self) -> None:
        self.total: Float64s = np.zeros(0)
        self.last_value: Float64s = np.zeros(0)
        self.last_ms: Int64s = np.zeros(0, dtype=np.int64)

    def grow(self, count: int) -> None:
        """Make room for refs below `count`."""
        missing = count - len(self.total)
        if missing > 0:
            room = max(missing, len(self.total))
            self.total = np.concatenate([self.total, np.zeros(room)])
            self.last_value = np.concatenate([self.last_value, np.zeros(room)])
            self.last_ms = np.concatenate([self.last_ms, np.full(room, -1, dtype=np.int64)])

    def add(
        self,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        source_first_ms: int,
        start_ms: Int64s | None,
    ) -> None:
        """Take one row in; refs are distinct. `source_first_ms` is -1 for a source's first row."""
        keep = is_sample(values) & ~np.isnan(values)
        refs, values = refs[keep], values[keep]
        last = self.last_value[refs]
        increase = np.where(values >= last, values - last, values)
        first = self.last_ms[refs] < 0
        if first.any():
            baseline = first if source_first_ms < 0 else np.zeros_like(first)
            if start_ms is not None:
                starts = start_ms[keep]
                known = first & (starts > 0)
                seen_since = source_first_ms if source_first_ms >= 0 else timestamp_ms
                baseline = np.where(known, starts <= seen_since, baseline)
            increase[baseline & first] = 0.0
        self.total[refs] += increase
        self.last_value[refs] = values
        self.last_ms[refs] = timestamp_ms
