"""Series that arrive together: timestamps kept once, a matrix of values.

A stripe is one chunk of open rows, as they came, and sealed chunks, packed column by column. An
open chunk knows only the columns that got a sample in it, so columns come and go with churn. When
it is sealed, columns with a sample in the same rows go into one sealed chunk: a sealed chunk has no
missing cell, and columns that turned out not to arrive together part there.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.store.chunk_codec import Packed, joined, pack, unpack
from collector.store.chunk_file import IN_MEMORY, ChunkFile

CHUNK_ROWS = 64
"""Rows of a chunk: as many as bits in the word that tells where a column has samples."""
FEWEST_ROWS = 16
"""Rows of the smallest first chunk of a stripe: smaller ones would take more than they hold."""
_STRIDE = 29
_TILE = 16
_COLUMNS_AT_ONCE = 1024
"""Columns that are sealed at a time: bounds the memory of sealing."""


class OpenRows:
    """The newest rows: `times` int64[CHUNK_ROWS], `values` float64[CHUNK_ROWS, room].

    `limit` is how many there may be of them.
    """

    def __init__(self, room: int, limit: int = CHUNK_ROWS) -> None:
        self._limit = limit
        self.times: Int64s = np.zeros(CHUNK_ROWS, np.int64)
        self.values: Float64s = _room(room)
        self.rows = 0
        self.refs: Int64s = np.empty(0, np.int64)
        self._by_ref: tuple[Int64s, Int64s] | None = None

    @property
    def width(self) -> int:
        """Columns in use."""
        return len(self.refs)

    @property
    def is_full(self) -> bool:
        """Whether the next row needs other rows."""
        return self.rows == self._limit

    def add_columns(self, refs: Int64s) -> Int64s:
        """The columns of series that begin to arrive; MISSING in the rows so far."""
        width = self.width + len(refs)
        if width > self.values.shape[1]:
            grown = _room(width + width // 4)
            grown[: self.rows, : self.width] = self.values[: self.rows, : self.width]
            self.values = grown
        self.values.view(np.int64)[: self.rows, self.width : width] = MISSING_BITS
        columns = np.arange(self.width, width)
        self.refs = np.concatenate([self.refs, refs])
        self._by_ref = None
        return columns

    def push(self, timestamp_ms: int, columns: Int64s | None, values: Float64s) -> None:
        """One row; `columns` None: all of them, in order."""
        row = self.values[self.rows]
        if columns is None:
            row[: self.width] = values
        else:
            if len(columns) < self.width:
                row[: self.width].view(np.int64)[:] = MISSING_BITS
            row[columns] = values
        self.times[self.rows] = timestamp_ms
        self.rows += 1

    def row_at(self, timestamp_ms: int) -> int:
        """The row of this time, or -1."""
        row = int(np.searchsorted(self.times[: self.rows], timestamp_ms))
        return row if row < self.rows and self.times[row] == timestamp_ms else -1

    def part(self) -> OpenPart:
        """What readers get."""
        if self._by_ref is None:
            order = np.argsort(self.refs)
            self._by_ref = (self.refs[order], order)
        refs, order = self._by_ref
        return OpenPart(refs, self.times[: self.rows], self.values, order)


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A `Part` of rows as they came; `order` are the columns of `refs`."""

    refs: Int64s
    times: Int64s
    values: Float64s
    order: Int64s

    @property
    def is_dense(self) -> bool:
        """Cells may be missing."""
        return False

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        _gather(self.values.view(np.int64), np.arange(lo, hi), self.order[rows], out.view(np.int64))


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """A `Part` of packed columns without a missing cell."""

    refs: Int64s
    times: Int64s
    packed: Packed

    @property
    def is_dense(self) -> bool:
        """No cell is missing."""
        return True

    @property
    def nbytes(self) -> int:
        """Memory of the values and times."""
        return self.packed.nbytes + self.times.nbytes

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        unpack(self.packed, rows, lo, hi, out)


def seal(part: OpenPart) -> list[SealedChunk]:
    """Sealed chunks of the rows of `part`, the one with most columns first."""
    bits = part.values.view(np.int64)
    where = _presence(bits, len(part.times), part.order)
    patterns, group, sizes = np.unique(where, return_inverse=True, return_counts=True)
    chunks = []
    for number in np.argsort(-sizes, kind="stable").tolist():
        rows = np.flatnonzero(patterns[number] >> np.arange(CHUNK_ROWS, dtype=np.uint64) & 1)
        if not len(rows):
            continue
        chosen = group == number if len(patterns) > 1 else slice(None)
        packed = _packed(bits, rows, part.order[chosen])
        chunks.append(SealedChunk(part.refs[chosen], part.times[rows], packed))
    return chunks


def _packed(bits: Int64s, rows: Int64s, columns: Int64s) -> Packed:
    parts = []
    for first in range(0, len(columns), _COLUMNS_AT_ONCE):
        some = columns[first : first + _COLUMNS_AT_ONCE]
        values = np.empty((len(some), len(rows)))
        _gather(bits, rows, some, values.view(np.int64))
        parts.append(pack(values))
    return joined(parts)


def _room(columns: int) -> Float64s:
    """A matrix of CHUNK_ROWS rows: pages of its own, which it takes as it fills and gives back.

    From the heap it would not go back to the system, as chunks come and go among what stays.
    """
    pages = mmap.mmap(-1, max(columns, 1) * CHUNK_ROWS * 8)
    with suppress(OSError, AttributeError):  # large pages are asked for, not needed
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.float64).reshape(CHUNK_ROWS, -1)


class Stripe:
    """The chunks of series that arrive together; deletions up to `cleaned` hide nothing of it."""

    def __init__(self, number: int, cleaned: int = 0, file: ChunkFile = IN_MEMORY) -> None:
        self.number = number
        self._file = file
        self.cleaned = cleaned
        self.sealed: list[SealedChunk] = []
        self.open: OpenRows | None = None
        self.last_ms = -1
        # stripes that begin together shall not all be full, and sealed, at the same time
        self._next_limit = FEWEST_ROWS + number * _STRIDE % (CHUNK_ROWS - FEWEST_ROWS + 1)

    def begin_rows(self, room: int) -> OpenRows:
        """Open rows with room for so many columns."""
        self.open = OpenRows(room, self._next_limit)
        self._next_limit = CHUNK_ROWS
        return self.open

    def push(self, timestamp_ms: int, columns: Int64s | None, values: Float64s) -> None:
        """One row later than every row before it, into the open rows."""
        assert self.open is not None  # noqa: S101 (the head opens rows before it pushes)
        self.open.push(timestamp_ms, columns, values)
        self.last_ms = timestamp_ms

    def close_rows(self) -> Int64s:
        """Seal the open rows; gives the refs whose columns part from this stripe."""
        if self.open is None or not self.open.rows:
            self.open = None
            return np.empty(0, np.int64)
        chunks = seal(self.open.part())
        self.open = None
        for chunk in chunks:
            self.restore(chunk)
        gone = [chunk.refs for chunk in chunks[1:]]
        return np.concatenate(gone) if gone else np.empty(0, np.int64)

    def restore(self, chunk: SealedChunk) -> None:
        """Add a sealed chunk; chunks with the same series hold one array of refs between them."""
        refs = chunk.refs
        if self.sealed and np.array_equal(self.sealed[-1].refs, refs):
            refs = self.sealed[-1].refs
        self.sealed.append(SealedChunk(refs, chunk.times, self._file.keep(chunk.packed)))
        self.last_ms = max(self.last_ms, int(chunk.times[-1]))

    def has_row(self, timestamp_ms: int) -> bool:
        """Whether the open rows have one of this time."""
        return self.open is not None and self.open.row_at(timestamp_ms) >= 0

    @property
    def nbytes(self) -> int:
        """Memory of the values."""
        open_bytes = 0 if self.open is None else self.open.values.nbytes
        return open_bytes + sum(chunk.nbytes for chunk in self.sealed)

    def parts(self) -> list[SealedChunk | OpenPart]:
        """What readers get, sealed chunks first."""
        if self.open is None or not self.open.rows:
            return list(self.sealed)
        return [*self.sealed, self.open.part()]

    def forget(self, before_ms: int) -> None:
        """Drop sealed chunks whose newest row is older."""
        self.sealed = [chunk for chunk in self.sealed if chunk.times[-1] >= before_ms]

    def trim(self, before_ms: int) -> None:
        """Drop sealed rows that are older, to the row."""
        self.forget(before_ms)
        self.sealed = [_trimmed(chunk, before_ms) for chunk in self.sealed]


def _trimmed(chunk: SealedChunk, before_ms: int) -> SealedChunk:
    first = int(chunk.times.searchsorted(before_ms))
    if not first:
        return chunk
    parts = []
    for begin in range(0, len(chunk.refs), _COLUMNS_AT_ONCE):
        columns = np.arange(begin, min(begin + _COLUMNS_AT_ONCE, len(chunk.refs)))
        values = np.empty((len(columns), len(chunk.times) - first))
        chunk.fill(columns, first, len(chunk.times), values)
        parts.append(pack(values))
    return SealedChunk(chunk.refs, chunk.times[first:], joined(parts))


@njit(cache=True, nogil=True)
def _gather(bits, rows, columns, out):  # type: ignore[no-untyped-def]
    """`out[i, j] = bits[rows[j], columns[i]]`, tile by tile to be kind to the cache."""
    count, length = len(columns), len(rows)
    for i0 in range(0, count, _TILE):
        i1 = min(i0 + _TILE, count)
        for j in range(length):
            row = rows[j]
            for i in range(i0, i1):
                out[i, j] = bits[row, columns[i]]


@njit(cache=True, nogil=True)
def _presence(bits, rows, columns):  # type: ignore[no-untyped-def]
    """For each column a word whose bit r says that row r has a sample."""
    out = np.zeros(len(columns), np.uint64)
    for r in range(rows):
        for i in range(len(columns)):
            if bits[r, columns[i]] != MISSING_BITS:
                out[i] |= np.uint64(1) << np.uint64(r)
    return out
