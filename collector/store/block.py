"""Reads one immutable block: its index at start, row groups of its Parquet files when asked.

pyarrow is imported with the first sample that is read, not before. Timestamps come from the index,
where series that share them share one array; only the column of samples is decoded, each row group
once for all that a query wants of it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s
from collector.store import block_columns as columns
from collector.store.block_cache import RowGroups
from collector.store.block_files import SampleReader
from collector.store.block_index import SAMPLE_FILES, BlockIndex, read_index, unreadable
from collector.store.chunk_codec import POWERS
from collector.store.disk import crc32_of, remove_directory

log = logging.getLogger(__name__)

_DECODERS = ThreadPoolExecutor(min(os.cpu_count() or 1, 4), thread_name_prefix="block-read")
_WORTH_SHARING = 4
"""Row groups from which on decoding is shared between threads."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Samples to read: of each of `entries`, those from `los` on, `counts` of them, which go to
    `into` in a flat array. All int64[n].
    """

    entries: Int64s
    los: Int64s
    counts: Int64s
    into: Int64s


class Block:
    """A directory with `index`, `series.parquet`, `integers.parquet` and `floats.parquet`; `refs`
    int64[n] are those of the index's labels.
    """

    @classmethod
    def open(cls, path: Path, ref_of: Callable[[Labels], int], row_groups: RowGroups) -> Block:
        """By the index that is there. Raises StorageError where it can't be read or trusted."""
        index = read_index(path)
        refs = np.array([ref_of(one) for one in index.labels], np.int64)
        return cls(path, index, refs, row_groups)

    def __init__(self, path: Path, index: BlockIndex, refs: Int64s, row_groups: RowGroups) -> None:
        self.path = path
        self.meta = index.meta
        self.first_ms, self.last_ms = index.meta.first_ms, index.meta.last_ms
        self.samples = index.meta.samples
        self.nbytes = _size(path, index)
        self.damaged: set[tuple[int, int]] = set()
        self._row_groups = row_groups
        self._lock = threading.Lock()
        self._readers = [SampleReader(path / name) for name in SAMPLE_FILES]
        self._firsts = [np.cumsum(groups) - groups for groups in index.groups]
        self._file, self._exponent = index.file, index.exponent
        self._starts, self._stale = index.starts(), index.stale
        self._parts = _parts(self, refs, index)

    def overlaps(self, after_ms: int, until_ms: int) -> bool:
        """Whether it may have samples in `(after_ms, until_ms]`."""
        return self.first_ms <= until_ms and self.last_ms > after_ms

    def parts(self, component: str = "") -> list[BlockPart]:
        """All it holds, or all of one component of a tier."""
        return self._parts[self.meta.components.index(component)]

    def read(self, runs: Runs, out: Float64s) -> None:
        """Samples into the flat `out`; MISSING where a row group is damaged, which is reported."""
        jobs = []
        files = self._file[runs.entries]
        for file in range(len(SAMPLE_FILES)):
            mine = np.flatnonzero(files == file)
            if len(mine):
                starts = self._starts[runs.entries[mine]]
                group = self._firsts[file].searchsorted(starts, side="right") - 1
                jobs += [(file, n, mine[group == n]) for n in np.unique(group).tolist()]
        if len(jobs) < _WORTH_SHARING:
            for job in jobs:
                self._read_group(runs, out, *job)
        else:
            list(_DECODERS.map(lambda job: self._read_group(runs, out, *job), jobs))

    def _read_group(self, runs: Runs, out: Float64s, file: int, number: int, some: Int64s) -> None:
        starts = self._starts[runs.entries]
        where = (some, starts, runs.los, runs.counts, runs.into)
        try:
            reader = self._readers[file]
            found = self._row_groups.values(self.path / SAMPLE_FILES[file], number, reader.group)
        except StorageError as error:
            self._report(file, number, error)
            for i in some.tolist():
                out.view(np.int64)[runs.into[i] : runs.into[i] + runs.counts[i]] = MISSING_BITS
            return
        first = int(self._firsts[file][number])
        if file:
            columns.copy_floats(found.values, first, *where, out.view(np.int64))
            return
        exponent = self._exponent[runs.entries]
        deltas = (found.values, found.at, found.wide, first, POWERS)
        columns.sum_deltas(*deltas, *where[:2], exponent, *where[2:], out)
        self._mark_stale(runs, starts, some, out)

    def _mark_stale(self, runs: Runs, starts: Int64s, some: Int64s, out: Float64s) -> None:
        begins = starts[some] + runs.los[some]
        lo, hi = self._stale.searchsorted((begins, begins + runs.counts[some]))
        bits = out.view(np.int64)
        for i in np.flatnonzero(hi > lo).tolist():
            at = self._stale[lo[i] : hi[i]] - begins[i] + runs.into[some[i]]
            bits[at] = STALE_BITS

    def _report(self, file: int, number: int, error: StorageError) -> None:
        with self._lock:
            known = (file, number) in self.damaged
            self.damaged.add((file, number))
        if not known:
            log.error("its samples are left out of answers: %s", error)

    def verify(self) -> None:
        """Read every file whole. Raises StorageError for one that isn't as it was written."""
        for name, (size, checksum) in (self.meta.files or {}).items():
            path = self.path / name
            try:
                same = path.stat().st_size == size and crc32_of(path) == checksum
            except OSError as error:
                raise unreadable(self.path, f"{name}: {error.strerror}") from error
            if not same:
                raise unreadable(self.path, f"{name} is not as it was written")

    def remove(self) -> None:
        """Delete it; a query that is reading it goes on with what is open.

        Raises OSError; then all of it is still there.
        """
        for name, reader in zip(SAMPLE_FILES, self._readers, strict=True):
            if name in (self.meta.files or {}):
                try:
                    reader.open()
                except StorageError as error:
                    log.warning("a block is removed that can't be read: %s", error)
        self._row_groups.forget(self.path)
        remove_directory(self.path)


class BlockPart:
    """A `Part`: the series of a block that share their timestamps."""

    def __init__(self, block: Block, refs: Int64s, times: Int64s, entries: Int64s) -> None:
        self.block = block
        self._refs = refs
        self._times = times
        self._entries = entries

    @property
    def refs(self) -> Int64s:
        """The series, ascending."""
        return self._refs

    @property
    def times(self) -> Int64s:
        """Their timestamps."""
        return self._times

    @property
    def is_dense(self) -> bool:
        """No cell is missing."""
        return True

    def runs(self, rows: Int64s, lo: int, hi: int, into: Int64s) -> Runs:
        """What to read to have `times[lo:hi]` of `refs[rows]` at `into` in a flat array."""
        count = len(rows)
        return Runs(self._entries[rows], np.full(count, lo), np.full(count, hi - lo), into)

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        flat = np.empty(len(rows) * (hi - lo))
        self.block.read(self.runs(rows, lo, hi, np.arange(len(rows)) * (hi - lo)), flat)
        out[:] = flat.reshape(len(rows), hi - lo)


def _size(path: Path, index: BlockIndex) -> int:
    """Bytes of a block's files. Raises StorageError where one isn't as long as it was written."""
    total = 0
    try:
        for name, (size, _) in (index.meta.files or {}).items():
            if (path / name).stat().st_size != size:
                raise unreadable(path, f"{name} is cut short")
            total += size
        return total + (path / "index").stat().st_size
    except OSError as error:
        raise unreadable(path, f"{error.filename}: {error.strerror}") from error


def _parts(block: Block, refs: Int64s, index: BlockIndex) -> list[list[BlockPart]]:
    """Parts by component."""
    kinds, count = len(index.meta.components), max(len(refs), 1)
    component = index.series // count
    own = refs[index.series % count]
    key = component.astype(np.int64) * len(index.lengths) + index.pattern
    order = np.lexsort((own, key))
    bounds = np.flatnonzero(np.diff(key[order], prepend=-1)).tolist()
    ends = np.cumsum(index.lengths)
    parts: list[list[BlockPart]] = [[] for _ in range(kinds)]
    known: dict[bytes, Int64s] = {}
    for lo, hi in zip(bounds, [*bounds[1:], len(order)], strict=True):
        some = order[lo:hi]
        pattern = index.pattern[some[0]]
        times = index.times[ends[pattern] - index.lengths[pattern] : ends[pattern]]
        mine = own[some]
        mine = known.setdefault(mine.tobytes(), mine)
        parts[int(component[some[0]])].append(BlockPart(block, mine, times, some))
    return parts
