"""Reads one immutable block: its index at start, row groups of its Parquet files when asked.

pyarrow is imported with the first sample that is read, not before. Timestamps come from the index,
where series that share them share one array; only the column `value` is decoded.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.store import wal_record as records
from collector.store.block_writer import FILES, MAGIC, ROW_GROUP_ROWS, VERSION
from collector.store.wal_record import Damage, read_records

log = logging.getLogger(__name__)

CACHED_ROW_GROUPS = 64
"""Decoded row groups that a store keeps for the next query: 64 MB."""


class RowGroups:
    """Decoded row groups of all blocks, the least recently used forgotten first."""

    def __init__(self, limit: int = CACHED_ROW_GROUPS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Float64s] = OrderedDict()

    def values(self, path: Path, open_file: Callable[[], Any], number: int) -> Float64s:
        """The column `value` of one row group."""
        key = (path, number)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        column = open_file().read_row_group(number, columns=["value"], use_threads=False)
        values: Float64s = np.array(column["value"].to_numpy(), np.float64)
        with self._lock:
            self._kept[key] = values
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return values

    def forget(self, directory: Path) -> None:
        """Drop the row groups of a block that is removed."""
        with self._lock:
            for key in [key for key in self._kept if key[0].parent == directory]:
                del self._kept[key]


class Block:
    """A directory with `index`, `integers.parquet` and `floats.parquet`."""

    def __init__(self, path: Path, ref_of: Callable[[Labels], int], row_groups: RowGroups) -> None:
        self.path = path
        header, arrays, labels = _read_index(path)
        self.first_ms: int = header["first_ms"]
        self.last_ms: int = header["last_ms"]
        self.samples: int = header["samples"]
        self.log_number: int = header["log_number"]
        self.nbytes = sum(file.stat().st_size for file in path.iterdir())
        self._row_groups = row_groups
        self._files: dict[int, Any] = {}
        self._lock = threading.Lock()
        refs = np.array([ref_of(one) for one in labels], np.int64)
        self._parts = _parts(self, refs, arrays)

    def overlaps(self, after_ms: int, until_ms: int) -> bool:
        """Whether it may have samples in `(after_ms, until_ms]`."""
        return self.first_ms <= until_ms and self.last_ms > after_ms

    def parts(self, refs: Int64s) -> list[BlockPart]:
        """What it holds of these series, and perhaps of others."""
        return self._parts

    def read(self, file: int, starts: Int64s, out: Float64s) -> None:
        """`out[i]` float64[t] gets the rows of a file from `starts[i]` on; decodes each row group
        that is needed once.
        """
        path, length = self.path / FILES[file], out.shape[1]
        ends = starts + length
        first, last = starts // ROW_GROUP_ROWS, (ends - 1) // ROW_GROUP_ROWS
        for number in sorted({*first.tolist(), *last.tolist()}):
            try:
                values = self._row_groups.values(path, lambda: self._open(file), number)
            except FileNotFoundError:  # past retention, removed since the query began
                out.view(np.int64)[:] = MISSING_BITS
                return
            some = np.flatnonzero((first <= number) & (last >= number))
            _copy_runs(values, number * ROW_GROUP_ROWS, starts, some, out.view(np.int64))

    def remove(self) -> None:
        """Delete it; a query that is reading it goes on with what it has open."""
        self._row_groups.forget(self.path)
        shutil.rmtree(self.path, ignore_errors=True)

    def _open(self, file: int) -> Any:
        import pyarrow.parquet as pq

        with self._lock:
            if file not in self._files:
                self._files[file] = pq.ParquetFile(self.path / FILES[file], memory_map=True)
            return self._files[file]


class BlockPart:
    """A `Part`: the series of a block that share their timestamps."""

    def __init__(
        self, block: Block, refs: Int64s, times: Int64s, files: records.Array, starts: Int64s
    ) -> None:
        self._block = block
        self._refs = refs
        self._times = times
        self._files = files
        self._starts = starts

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

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        for file in (0, 1):
            mine = np.flatnonzero(self._files[rows] == file)
            if len(mine):
                values = np.empty((len(mine), hi - lo))
                self._block.read(file, self._starts[rows[mine]] + lo, values)
                out[mine] = values


@njit(cache=True, nogil=True)
def _copy_runs(values, first_row, starts, some, out):  # type: ignore[no-untyped-def]
    """What `values`, the rows from `first_row` on, has of each run `starts[i] + j`."""
    bits = values.view(np.int64)
    for i in some:
        lo = max(starts[i], first_row)
        hi = min(starts[i] + out.shape[1], first_row + len(values))
        for row in range(lo, hi):
            out[i, row - starts[i]] = bits[row - first_row]


def _parts(block: Block, refs: Int64s, arrays: list[records.Array]) -> list[BlockPart]:
    files, starts, pattern, lengths, times = arrays
    ends = np.cumsum(lengths)
    order = np.lexsort((refs, pattern))
    parts = []
    for number in range(len(lengths)):
        some = order[pattern[order] == number]
        own = times[ends[number] - lengths[number] : ends[number]]
        parts.append(BlockPart(block, refs[some], own, files[some], starts[some]))
    return parts


def _read_index(path: Path) -> tuple[dict[str, int], list[records.Array], list[Labels]]:
    try:
        data = (path / "index").read_bytes()
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error
    damage: list[Damage] = []
    found = dict(read_records(data, len(MAGIC), damage)) if data.startswith(MAGIC) else {}
    if damage or records.END not in found:
        raise _unreadable(path, "its index is damaged")
    header, arrays = records.decode_arrays(found[records.BLOCK])
    if header["version"] != VERSION:
        raise _unreadable(path, f"it has version {header['version']}, not {VERSION}")
    return header, arrays, records.decode_series(found[records.SERIES])[1]


def _unreadable(path: Path, why: str) -> StorageError:
    return StorageError(
        f"this block can't be read: {why}",
        where=Where(str(path)),
        advice="restore it from a backup, or delete this directory to go on without it",
    )


def open_blocks(
    directory: Path, checkpoint: int, ref_of: Callable[[Labels], int], row_groups: RowGroups
) -> tuple[Block, ...]:
    """Every block, newest first; one that can't be read is reported and left out.

    A block that was cut after the last checkpoint is deleted: the process ended in between, the log
    still holds all of it, and it will be cut again.
    """
    blocks = []
    for path in sorted(directory.iterdir(), reverse=True):
        if path.suffix == ".tmp" or int(path.name.rpartition("-")[2]) > checkpoint:
            shutil.rmtree(path, ignore_errors=True)
            continue
        try:
            blocks.append(Block(path, ref_of, row_groups))
        except StorageError as error:
            log.error("%s", error)
    return tuple(blocks)
