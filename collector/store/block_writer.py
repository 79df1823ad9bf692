"""Writes a block, one span of time that never changes again, into a temporary directory, fsyncs it
and renames it: a block is there as a whole or not at all.

The files are open Parquet that DuckDB, pandas and Spark read (FORMAT.md lists the columns). Series
are sorted by labels, so that those of one metric lie together. A series whose every value is an
integer goes to `integers.parquet`, any other to `floats.parquet`: each file has the one encoding
that suits it. `index` holds what tocsin itself needs to find a series without reading Parquet.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s, is_missing
from collector.store import merge
from collector.store import wal_record as records
from collector.store.head import HeadCopy
from collector.store.interface import Slice
from collector.store.wal import sync_directory
from collector.store.wal_record import Buffer, frame

VERSION = 1
MAGIC = b"TOCSBLK1"
FILES = ("integers.parquet", "floats.parquet")
ROW_GROUP_ROWS = 128 * 1024
"""Rows of a row group, the least that is read: 1 MB of values."""
SERIES_AT_ONCE = 4096
"""Series that are unpacked at a time: bounds the memory of writing a block."""
LARGEST_INTEGER = float(2**53)


@dataclass(slots=True)
class _Index:
    """What is known of the series of a block, in the order of their rows."""

    labels: list[Labels] = field(default_factory=list)
    file: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    pattern: list[int] = field(default_factory=list)
    patterns: dict[bytes, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, labels: Labels, times: Int64s, file: int) -> int:
        """The number of a series whose rows come next in `file`."""
        key = times.tobytes()
        self.labels.append(labels)
        self.file.append(file)
        self.start.append(self.rows[file])
        self.pattern.append(self.patterns.setdefault(key, len(self.patterns)))
        self.rows[file] += len(times)
        return len(self.labels) - 1


def write_blocks(
    directory: Path, copy: HeadCopy, before_ms: int, span_ms: int, log_number: int
) -> list[Path]:
    """Everything in `copy` before `before_ms` as blocks of `span_ms`; their paths, oldest first.

    `log_number`: the segment that began when `copy` was made. Raises StorageError when there is no
    room; blocks that were finished before that are removed again.
    """
    written: list[Path] = []
    try:
        for start_ms in _spans(copy, before_ms, span_ms):
            path = directory / f"{start_ms:015}-{log_number:010}"
            _write_block(path, copy, start_ms, min(start_ms + span_ms, before_ms), log_number)
            written.append(path)
    except (OSError, StorageError) as error:
        for path in written:
            shutil.rmtree(path, ignore_errors=True)
        raise StorageError(
            f"a block can't be written: {getattr(error, 'strerror', None) or error}",
            where=Where(str(directory)),
            advice="free some disk space; the samples stay in memory and in the log until then",
        ) from error
    return written


def _spans(copy: HeadCopy, before_ms: int, span_ms: int) -> list[int]:
    times = [part.times[part.times >= copy.from_ms] for _, part in copy.chunks]
    times += [part.times for part in copy.late]
    found = {span for one in times for span in (one[one < before_ms] // span_ms).tolist()}
    return [span * span_ms for span in sorted(found)]


def _write_block(path: Path, copy: HeadCopy, start_ms: int, end_ms: int, log_number: int) -> None:
    temporary = path.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        index = _write_samples(temporary, copy, start_ms, end_ms)
        _write_series(temporary / "series.parquet", index)
        _write_index(temporary / "index", index, log_number)
        for file in temporary.iterdir():
            _sync(file)
        sync_directory(temporary)
        temporary.rename(path)
        sync_directory(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_samples(directory: Path, copy: HeadCopy, start_ms: int, end_ms: int) -> _Index:
    index = _Index()
    writers = [_Rows(directory / name, name == FILES[0]) for name in FILES]
    try:
        for labels, times, values in _sorted_series(copy, start_ms, end_ms):
            file = 0 if _are_integers(values) else 1
            writers[file].add(index.add(labels, times, file), times, values)
    finally:
        for writer in writers:
            writer.close()
    return index


def _sorted_series(
    copy: HeadCopy, start_ms: int, end_ms: int
) -> Iterator[tuple[Labels, Int64s, Float64s]]:
    """Every series with samples in [start_ms, end_ms): labels, timestamps, values."""
    first_ms = max(start_ms, copy.from_ms) - 1
    found = merge.windows((part for _, part in copy.chunks), first_ms, end_ms - 1)
    found += merge.windows(copy.late, start_ms - 1, end_ms - 1)
    there = merge.present(np.arange(len(copy.labels), dtype=np.int64), found)
    order = sorted(there.tolist(), key=copy.labels.__getitem__)
    for first in range(0, len(order), SERIES_AT_ONCE):
        some = order[first : first + SERIES_AT_ONCE]
        refs = np.sort(np.array(some, np.int64))
        yield from _series_of(merge.slices(refs, found, lambda _: []), some, copy)


def _series_of(
    slices: list[Slice], order: list[int], copy: HeadCopy
) -> Iterator[tuple[Labels, Int64s, Float64s]]:
    place = {ref: (one, row) for one in slices for row, ref in enumerate(one.refs.tolist())}
    gaps = {id(one): is_missing(one.values) for one in slices}
    for ref in order:
        one, row = place[ref]
        there = ~gaps[id(one)][row]
        if there.all():
            yield copy.labels[ref], one.timestamps_ms, one.values[row]
        else:
            yield copy.labels[ref], one.timestamps_ms[there], one.values[row][there]


def _are_integers(values: Float64s) -> bool:
    with np.errstate(invalid="ignore"):
        whole = (values == np.rint(values)) & (np.abs(values) <= LARGEST_INTEGER)
    return bool(whole.all()) and not (np.signbit(values) & (values == 0)).any()


class _Rows:
    """A Parquet file of samples that is written a row group at a time; absent when it has none."""

    def __init__(self, path: Path, integers: bool) -> None:
        self._path = path
        self._integers = integers
        self._writer: Any = None
        self._waiting: list[tuple[int, Int64s, Float64s]] = []
        self._count = 0

    def add(self, number: int, times: Int64s, values: Float64s) -> None:
        self._waiting.append((number, times, values))
        self._count += len(times)
        while self._count >= ROW_GROUP_ROWS:
            self._flush(ROW_GROUP_ROWS)

    def close(self) -> None:
        if self._count:
            self._flush(self._count)
        if self._writer is not None:
            self._writer.close()

    def _flush(self, count: int) -> None:
        import pyarrow as pa

        counts = [len(times) for _, times, _ in self._waiting]
        series = np.repeat(np.array([n for n, _, _ in self._waiting], np.uint32), counts)
        times = np.concatenate([times for _, times, _ in self._waiting])
        values = np.concatenate([values for _, _, values in self._waiting])
        numbers = values.astype(np.int64) if self._integers else values
        columns = [
            pa.array(series[:count]),
            pa.array(times[:count], pa.timestamp("ms", tz="UTC")),
            pa.array(numbers[:count]),
        ]
        self._write(pa.table(columns, ["series", "timestamp", "value"]))
        self._waiting = []
        if count < len(times):
            rest = int(series[-1]), times[count:], values[count:]
            self._waiting = [rest]
        self._count = len(times) - count

    def _write(self, table: Any) -> None:
        if self._writer is None:
            import pyarrow.parquet as pq

            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression="zstd",
                use_dictionary=False,
                column_encoding={
                    "series": "DELTA_BINARY_PACKED",
                    "timestamp": "DELTA_BINARY_PACKED",
                    "value": "DELTA_BINARY_PACKED" if self._integers else "BYTE_STREAM_SPLIT",
                },
                write_statistics=["series", "timestamp"],
            )
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def _write_series(path: Path, index: _Index) -> None:
    """Names and labels for other readers; tocsin reads `index`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pairs = [[p for p in one.pairs if p[0] != "__name__"] for one in index.labels]
    columns = {
        "series": pa.array(np.arange(len(index.labels), dtype=np.uint32)),
        "name": pa.array([one.metric_name for one in index.labels], pa.string()),
        "labels": pa.array(pairs, pa.map_(pa.string(), pa.string())),
    }
    pq.write_table(pa.table(columns), path, compression="zstd")


def _write_index(path: Path, index: _Index, log_number: int) -> None:
    patterns = [np.frombuffer(key, np.int64) for key in index.patterns]
    header = {
        "version": VERSION,
        "log_number": log_number,
        "first_ms": min(int(times[0]) for times in patterns),
        "last_ms": max(int(times[-1]) for times in patterns),
        "samples": sum(index.rows),
    }
    arrays: list[records.Array] = [
        np.array(index.file, np.uint8),
        np.array(index.start, np.int64),
        np.array(index.pattern, np.uint32),
        np.array([len(times) for times in patterns], np.int64),
        np.concatenate(patterns),
    ]
    kinds: list[tuple[int, list[Buffer]]] = [
        (records.BLOCK, records.encode_arrays(header, arrays)),
        (records.SERIES, records.encode_series(0, index.labels)),
        (records.END, []),
    ]
    with path.open("wb") as file:
        file.write(MAGIC)
        for kind, payload in kinds:
            for part in frame(kind, payload):
                file.write(part)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
