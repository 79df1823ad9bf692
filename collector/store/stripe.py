"""Series that arrive together: one timestamp column, one matrix of values.

A stripe is a list of chunks. A chunk holds up to `CHUNK_ROWS` rows; its matrix lies column after
column, so that a query reads a series as one run of memory. Columns come and go: one that did not
exist yet, or got no sample in a row, holds MISSING there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from collector.model.samples import MISSING, Float64s, Int64s, filled

CHUNK_ROWS = 256


@dataclass(slots=True)
class Chunk:
    """`times` int64[CHUNK_ROWS], `values` float64[columns, CHUNK_ROWS]; `rows` are in use."""

    times: Int64s
    values: Float64s
    rows: int = 0

    @property
    def last_ms(self) -> int:
        """Time of the newest row."""
        return int(self.times[self.rows - 1])


@dataclass(slots=True)
class Stripe:
    """The series of one source; `refs` in the order of their columns."""

    source: str
    refs: list[int] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    first_ms: int = -1
    last_ms: int = -1

    def add_column(self, ref: int) -> int:
        """The column of a series that begins now."""
        self.refs.append(ref)
        return len(self.refs) - 1

    def append(self, timestamp_ms: int, columns: Int64s, values: Float64s) -> None:
        """One row later than every row before it."""
        chunk = self._open_chunk()
        chunk.times[chunk.rows] = timestamp_ms
        chunk.values[columns, chunk.rows] = values
        chunk.rows += 1
        self.last_ms = timestamp_ms
        if self.first_ms < 0:
            self.first_ms = timestamp_ms

    def read(self, columns: Int64s, after_ms: int, until_ms: int) -> tuple[Int64s, Float64s]:
        """Copies: `times` int64[t] in (after_ms, until_ms], `values` float64[len(columns), t]."""
        parts = [self._part(chunk, after_ms, until_ms) for chunk in self.chunks]
        kept = [(chunk, lo, hi) for chunk, lo, hi in parts if hi > lo]
        times = [chunk.times[lo:hi] for chunk, lo, hi in kept]
        total = sum(len(part) for part in times)
        values = filled((len(columns), total))
        at = 0
        for chunk, lo, hi in kept:
            known = columns < len(chunk.values)
            values[known, at : at + hi - lo] = chunk.values[columns[known], lo:hi]
            at += hi - lo
        return (np.concatenate(times) if times else np.empty(0, dtype=np.int64)), values

    def forget(self, before_ms: int) -> None:
        """Drop chunks whose newest row is older."""
        self.chunks = [c for c in self.chunks if not c.rows or c.last_ms >= before_ms]

    def _part(self, chunk: Chunk, after_ms: int, until_ms: int) -> tuple[Chunk, int, int]:
        times = chunk.times[: chunk.rows]
        lo, hi = np.searchsorted(times, (after_ms, until_ms), side="right")
        return chunk, int(lo), int(hi)

    def _open_chunk(self) -> Chunk:
        width = len(self.refs)
        if not self.chunks or self.chunks[-1].rows == CHUNK_ROWS:
            times = np.zeros(CHUNK_ROWS, dtype=np.int64)
            self.chunks.append(Chunk(times, filled((width, CHUNK_ROWS), MISSING)))
        chunk = self.chunks[-1]
        if len(chunk.values) < width:
            grown = filled((max(width, 2 * len(chunk.values)), CHUNK_ROWS), MISSING)
            grown[: len(chunk.values)] = chunk.values
            chunk.values = grown
        return chunk
