"""`Grid`: the times at which a (sub)query is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from collector.model.samples import Int64s


@dataclass(frozen=True, slots=True)
class Grid:
    """start, start + step, … up to end, in milliseconds; `times_ms` int64[t] may be empty."""

    start_ms: int
    end_ms: int
    step_ms: int
    times_ms: Int64s = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        times = np.arange(self.start_ms, self.end_ms + 1, max(self.step_ms, 1), dtype=np.int64)
        object.__setattr__(self, "times_ms", times)

    def __len__(self) -> int:
        return len(self.times_ms)

    @classmethod
    def at(cls, time_ms: int) -> Grid:
        """The grid of an instant query."""
        return cls(time_ms, time_ms, 1)
