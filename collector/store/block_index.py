"""`index` of a block: all that tocsin needs to find a series' rows without reading Parquet.

Pure bytes in, value out. An entry is a run of rows: one series in one part of the block's time.
Entries that share their timestamps share a pattern.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import Int64s
from collector.store import wal_record as records
from collector.store.wal_record import Buffer, Damage, frame, read_records

VERSION = 2
MAGIC = b"TOCSBLK1"
INTEGERS, FLOATS = "integers.parquet", "floats.parquet"
SAMPLE_FILES = (INTEGERS, FLOATS)
PLAIN = ("",)
"""The components of a block of samples; blocks of a downsampled tier have several a series."""


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """`log_number`: the segment that began when it was cut. `generation`: 0 as cut, then one more
    than that of the blocks it was made of. `replaces`: their names. `cleaned`: the number of the
    last deletion it is free of. `resolution_ms`: 0, or how long the buckets of a tier are, which
    were made of `made_of` samples. `files`: size and CRC-32 of each.
    """

    first_ms: int
    last_ms: int
    samples: int
    log_number: int
    generation: int = 0
    replaces: tuple[str, ...] = ()
    cleaned: int = 0
    resolution_ms: int = 0
    components: tuple[str, ...] = PLAIN
    made_of: int = 0
    files: dict[str, tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class BlockIndex:
    """`labels` in order; entries (`series` uint32, `file` and `exponent` uint8, `pattern` uint32)
    in the order of their rows in their file; the timestamps of pattern p are `times[ends[p] -
    lengths[p]:ends[p]]`; `groups` has the rows of each row group, by file; `stale` the rows of
    `integers.parquet` that are stale markers.
    """

    meta: BlockMeta
    labels: Sequence[Labels]
    series: NDArray[np.uint32]
    file: NDArray[np.uint8]
    exponent: NDArray[np.uint8]
    pattern: NDArray[np.uint32]
    lengths: Int64s
    times: Int64s
    groups: tuple[Int64s, Int64s]
    stale: Int64s

    def starts(self) -> Int64s:
        """The first row of each entry in its file."""
        rows = self.lengths[self.pattern]
        starts = np.empty(len(rows), np.int64)
        for file in range(len(SAMPLE_FILES)):
            mine = self.file == file
            starts[mine] = np.cumsum(rows[mine]) - rows[mine]
        return starts


def encode_index(index: BlockIndex) -> list[Buffer]:
    """The bytes of the file."""
    arrays: list[records.Array] = [
        index.series,
        index.file,
        index.exponent,
        index.pattern,
        index.lengths,
        _shuffled(np.diff(index.times, prepend=0)),
        *index.groups,
        np.diff(index.stale, prepend=0),
    ]
    header = {"version": VERSION, **asdict(index.meta)}
    body = b"".join(bytes(part) for part in records.encode_arrays(header, arrays))
    kinds: list[tuple[int, list[Buffer]]] = [
        (records.BLOCK, [zlib.compress(body)]),
        (records.SERIES, records.encode_series(0, index.labels)),
        (records.END, []),
    ]
    return [MAGIC, *(part for kind, payload in kinds for part in frame(kind, payload))]


def read_index(path: Path) -> BlockIndex:
    """The index of the block at `path`. Raises StorageError where it can't be read or trusted."""
    try:
        data = (path / "index").read_bytes()
    except OSError as error:
        raise unreadable(path, str(error.strerror)) from error
    damage: list[Damage] = []
    found = dict(read_records(data, len(MAGIC), damage)) if data.startswith(MAGIC) else {}
    if damage or records.END not in found:
        raise unreadable(path, "its index is damaged")
    try:
        body = memoryview(zlib.decompress(found[records.BLOCK]))
    except zlib.error:
        raise unreadable(path, "its index has another version") from None
    header, arrays = records.decode_arrays(body)
    if (version := header.pop("version")) != VERSION:
        raise unreadable(path, f"it has version {version}, not {VERSION}")
    series, file, exponent, pattern, lengths, times, integers, floats, stale = arrays
    return BlockIndex(
        _meta(header),
        records.decode_series(found[records.SERIES])[1],
        series,
        file,
        exponent,
        pattern,
        lengths,
        np.cumsum(_unshuffled(times)),
        (integers, floats),
        np.cumsum(stale),
    )


def _meta(header: dict[str, object]) -> BlockMeta:
    lists = {"replaces", "components"}
    values = {name: tuple(one) if name in lists else one for name, one in header.items()}  # type: ignore[arg-type]
    return BlockMeta(**values)  # type: ignore[arg-type]


def _shuffled(numbers: Int64s) -> NDArray[np.uint8]:
    """First bytes first: what is nearly constant then lies together and packs well."""
    return np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, 8).T).ravel()


def _unshuffled(shuffled: NDArray[np.uint8]) -> Int64s:
    return np.ascontiguousarray(shuffled.reshape(8, -1).T).view(np.int64).ravel()


def unreadable(path: Path, why: str) -> StorageError:
    """What to tell of a block that can't be used."""
    return StorageError(
        f"this block can't be read: {why}",
        where=Where(str(path)),
        advice="restore it from a backup, or delete this directory to go on without it",
    )
