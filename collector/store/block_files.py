"""The Parquet files of a block: the one place that knows pyarrow, loaded when first needed.

`integers.parquet`: series, part, timestamp, exponent, delta; `floats.parquet`: series, part,
timestamp, value. Every page has a checksum, which is verified when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import Bools, Float64s, Int64s
from collector.store.block_index import INTEGERS, unreadable
from collector.store.disk import NewFile
from collector.store.narrow import Narrow, as_they_are, narrow

ZSTD_LEVEL = 3
"""Level 9 takes three times as long and saves a hundredth."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Whole series of one part: `numbers`, `exponents`, `lengths` by series, the rest by row;
    `stale` are positions among these rows.
    """

    part: int
    numbers: Int64s
    exponents: Int64s
    lengths: Int64s
    timestamps_ms: Int64s
    values: Int64s | Float64s
    stale: Int64s


class SampleFile:
    """A file of samples that is written a row group at a time; absent when it has none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: NewFile | None = None
        self._writer: Any = None
        self.groups: list[int] = []

    def add(self, rows: Rows) -> None:
        """One row group."""
        table = _integers(rows) if self._path.name == INTEGERS else _floats(rows)
        if self._writer is None:
            self._open(table.schema)
        self._writer.write_table(table, row_group_size=max(len(table), 1))
        self.groups.append(len(table))

    def close(self) -> tuple[int, int] | None:
        """Size and checksum, once it is on the disk."""
        if self._file is None:
            return None
        try:
            self._writer.close()
        finally:
            self._file.close()
        return self._file.size, self._file.crc32

    def abandon(self) -> None:
        """Let go of a file that is not wanted."""
        if self._writer is not None:
            _quietly(self._writer.close)
        if self._file is not None:
            _quietly(self._file.close)

    def _open(self, schema: Any) -> None:
        import pyarrow.parquet as pq

        self._file = NewFile(self._path)
        samples = schema.names[-1]
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=[name for name in ("part", "exponent") if name in schema.names],
            column_encoding={
                "series": "DELTA_BINARY_PACKED",
                "timestamp": "DELTA_BINARY_PACKED",
                samples: "BYTE_STREAM_SPLIT",
            },
            write_statistics=["series", "timestamp"],
            write_page_checksum=True,
        )


def _quietly(close: Any) -> None:
    try:
        close()
    except (OSError, ValueError):
        return


# Arrays are made of buffers: pa.array would import pandas where it is installed, a second of CPU
# time and 60 MB for nothing.


def _array(values: NDArray[Any], kind: Any, mask: Bools | None = None) -> Any:
    """Of the memory of `values`; null where `mask` is."""
    import pyarrow as pa

    there = None
    if mask is not None and mask.any():
        there = pa.py_buffer(np.packbits(~mask, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(kind, len(values), [there, data])


def _strings(texts: Sequence[str]) -> Any:
    import pyarrow as pa

    data = "".join(texts)
    sizes = map(len, texts if data.isascii() else [text.encode() for text in texts])
    ends = np.zeros(len(texts) + 1, np.int32)
    np.cumsum(np.fromiter(sizes, np.int64, len(texts)), out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data.encode())]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _columns(rows: Rows) -> dict[str, Any]:
    import pyarrow as pa

    count = int(rows.lengths.sum())
    numbers = np.repeat(rows.numbers.astype(np.uint32), rows.lengths)
    return {
        "series": _array(numbers, pa.uint32()),
        "part": _array(np.full(count, rows.part, np.uint32), pa.uint32()),
        "timestamp": _array(rows.timestamps_ms, pa.timestamp("ms", tz="UTC")),
    }


def _integers(rows: Rows) -> Any:
    import pyarrow as pa

    mask: Bools = np.zeros(len(rows.values), np.bool_)
    mask[rows.stale] = True
    exponents = np.repeat(rows.exponents.astype(np.int8), rows.lengths)
    return _table(
        {
            **_columns(rows),
            "exponent": _array(exponents, pa.int8()),
            "delta": _array(rows.values, pa.int64(), mask),
        }
    )


def _floats(rows: Rows) -> Any:
    import pyarrow as pa

    return _table({**_columns(rows), "value": _array(rows.values, pa.float64())})


def _table(columns: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def write_series(path: Path, labels: Sequence[Labels], components: Sequence[str]) -> NewFile:
    """Names and labels for other readers; tocsin reads `index`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pairs = [[p for p in one.pairs if p[0] != METRIC_NAME] for one in labels] * len(components)
    ends = np.zeros(len(pairs) + 1, np.int32)
    np.cumsum([len(one) for one in pairs], out=ends[1:])
    names = _strings([name for one in pairs for name, _ in one])
    values = _strings([value for one in pairs for _, value in one])
    columns = {
        "series": _array(np.arange(len(pairs), dtype=np.uint32), pa.uint32()),
        "name": _strings([one.metric_name for one in labels] * len(components)),
        "labels": pa.MapArray.from_arrays(_array(ends, pa.int32()), names, values),
    }
    if len(components) > 1:
        columns["component"] = _strings([one for one in components for _ in labels])
    file = NewFile(path)
    with file:
        pq.write_table(_table(columns), file, compression="zstd", compression_level=ZSTD_LEVEL)
    return file


class SampleReader:
    """Reads row groups of one file, from any thread; keeps it mapped, so it may be deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._column = "delta" if path.name == INTEGERS else "value"
        self._opened: tuple[Any, Any] | None = None

    def open(self) -> tuple[Any, Any]:
        """The file's bytes and metadata. Raises StorageError when it is no Parquet file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        opened = self._opened
        if opened is None:
            try:
                data = pa.memory_map(str(self._path)).read_buffer()
                opened = self._opened = data, pq.read_metadata(pa.BufferReader(data))
            except (OSError, pa.ArrowException) as error:
                raise unreadable(self._path, str(error)) from error
        return opened

    def group(self, number: int) -> Narrow:
        """The samples of one row group: differences (0 at stale markers), or floats as bits."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        data, metadata = self.open()
        try:
            # a ParquetFile must not be read by two threads at once; one more costs 0.04 ms
            file = pq.ParquetFile(
                pa.BufferReader(data), metadata=metadata, page_checksum_verification=True
            )
            table = file.read_row_group(number, columns=[self._column], use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self._path, f"row group {number}: {error}") from error
        (chunk,) = table[self._column].chunks
        values = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset :][: len(chunk)]
        is_delta = self._column == "delta"
        return narrow(_without_nulls(values, chunk)) if is_delta else as_they_are(values)


def _without_nulls(values: Int64s, chunk: Any) -> Int64s:
    """0 in their place."""
    if not chunk.null_count:
        return values
    bits = np.frombuffer(chunk.buffers()[0], np.uint8)
    there = np.unpackbits(bits, bitorder="little")[chunk.offset :][: len(chunk)]
    return np.where(there, values, 0)
