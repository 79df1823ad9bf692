"""`Part`: some series over one column of timestamps, wherever they lie.

Chunks in memory, late samples and blocks on disk are parts; `merge` joins them. A part never
changes once a reader has it, so that readers work without the store's lock.
"""

from __future__ import annotations

from typing import Protocol

from collector.model.samples import Float64s, Int64s


class Part(Protocol):
    """`refs` int64[n], ascending, and `times` int64[t], strictly increasing."""

    @property
    def refs(self) -> Int64s:
        """The series of this part."""
        ...

    @property
    def times(self) -> Int64s:
        """Their timestamps."""
        ...

    @property
    def is_dense(self) -> bool:
        """Whether every series has a sample at every timestamp (no cell is MISSING)."""
        ...

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """Put `times[lo:hi]` of the series `refs[rows]` into `out` float64[len(rows), hi - lo]."""
        ...
