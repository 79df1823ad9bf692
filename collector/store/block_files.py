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

from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s
from collector.store.block_index import INTEGERS, unreadable
from collector.store.disk import NewFile

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


def _columns(rows: Rows) -> dict[str, Any]:
    import pyarrow as pa

    count = int(rows.lengths.sum())
    return {
        "series": pa.array(np.repeat(rows.numbers.astype(np.uint32), rows.lengths)),
        "part": pa.array(np.full(count, rows.part, np.uint32)),
        "timestamp": pa.array(rows.timestamps_ms, pa.timestamp("ms", tz="UTC")),
    }


def _integers(rows: Rows) -> Any:
    import pyarrow as pa

    mask = np.zeros(len(rows.values), np.bool_)
    mask[rows.stale] = True
    exponents = np.repeat(rows.exponents.astype(np.int8), rows.lengths)
    return pa.table(
        {
            **_columns(rows),
            "exponent": pa.array(exponents),
            "delta": pa.array(rows.values, mask=mask),
        }
    )


def _floats(rows: Rows) -> Any:
    import pyarrow as pa

    return pa.table({**_columns(rows), "value": pa.array(rows.values)})


def write_series(path: Path, labels: Sequence[Labels], components: Sequence[str]) -> NewFile:
    """Names and labels for other readers; tocsin reads `index`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pairs = [[p for p in one.pairs if p[0] != "__name__"] for _ in components for one in labels]
    columns = {
        "series": pa.array(np.arange(len(pairs), dtype=np.uint32)),
        "name": pa.array([one.metric_name for _ in components for one in labels], pa.string()),
        "labels": pa.array(pairs, pa.map_(pa.string(), pa.string())),
    }
    if len(components) > 1:
        columns["component"] = pa.array(np.repeat(components, len(labels)), pa.string())
    file = NewFile(path)
    with file:
        pq.write_table(pa.table(columns), file, compression="zstd", compression_level=ZSTD_LEVEL)
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

    def group(self, number: int) -> Int64s:
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
        if chunk.null_count:
            chunk = chunk.fill_null(0)
        values: Int64s = np.asarray(chunk.to_numpy(zero_copy_only=True)).view(np.int64)
        return values
