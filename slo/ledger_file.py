"""The ledger on disk: one file of checksummed records, appended to once in a while, read at start.

    file    = b"tocsin-slo-ledger 2\\n" record*
    record  = length u32le, crc32 u32le of the payload, payload (length bytes)
    payload = zlib( npz of the arrays of `Saved` ; texts as UTF-8 JSON in uint8 arrays )

The first record holds every row, the others what came since; `columns` and counts of series are
those of the first record for the whole file; `late`, `silences` and `seen_ms` may be missing. A
torn or broken record ends the reading: what follows was never promised. Rewriting goes to a
temporary file, is synced, then renamed.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s
from slo.column_key import id_of
from slo.late_events import WIDTH as LATE_WIDTH
from slo.silences import WIDTH as SILENCE_WIDTH

MAGIC = b"tocsin-slo-ledger 2\n"
NAME = "ledger"
Rows = tuple[Int64s, Float64s, Float64s]
"""Times of rows, ascending, and what one objective had counted by each: bad and total."""
_HEADER = struct.Struct("<II")
_COMPRESSION = 1
"""Speed matters more: the file is rewritten before it grows past twice its rows."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One record. `as_of_ms`: every sample up to the marks is in `bad` and `total`, no other is.

    `columns`: keys of the objectives (first record only). `times` int64[k] with `row_bad` and
    `row_total` float64[k, n]; `bad`, `total` float64[n]; `since_ms` int64[n]: the time from which
    each objective's events are known; `series`: labels of series that the records before this one
    do not name; `marks_ms` int64[all series so far]: time of each one's last counted sample;
    `open_…` [n]: the slices that were not over (`timeslices.OpenSlices`). `late` float64[k, 5]:
    what arrived late since the record before; `silences` float64[k, 7] and `seen_ms` int64[n]: all
    silences that count, and each objective's newest sample.
    """

    as_of_ms: int
    columns: Sequence[str]
    times: Int64s
    row_bad: Float64s
    row_total: Float64s
    bad: Float64s
    total: Float64s
    since_ms: Int64s
    series: Sequence[Labels]
    marks_ms: Int64s
    open_number: Int64s
    open_bad: Float64s
    open_total: Float64s
    late: Float64s
    silences: Float64s
    seen_ms: Int64s


class LedgerFile:
    """Appends to and rewrites the ledger's file in a directory that exists or is made."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self._rewritten_bytes = 0

    @property
    def has_grown(self) -> bool:
        """Whether so much was appended that a rewrite pays."""
        return self._size() > 2 * self._rewritten_bytes + 4 * 1024 * 1024

    def read(self) -> list[Saved]:
        """Every whole record, in order; [] without a file.

        Raises StorageError when it can't be read, or is no ledger.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failed(self.path, "read", error) from error
        if not data.startswith(MAGIC):
            raise StorageError(
                f"{self.path} is no SLO ledger of this version",
                advice="move it away: budgets are then back-filled from the store's history",
            )
        return list(_records(data))

    def append(self, saved: Saved) -> None:
        """Add a record and sync it. Raises StorageError."""
        try:
            with self.path.open("ab") as file:
                file.write(_encode(saved))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _failed(self.path, "written", error) from error

    def rewrite(self, saved: Saved) -> None:
        """Replace the file by one record. Raises StorageError, leaving the old file."""
        temporary = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(MAGIC + _encode(saved))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise _failed(self.path, "written", error) from error
        self._rewritten_bytes = self._size()

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def replaced_rows(records: Sequence[Saved], kept: Collection[str]) -> dict[str, Rows]:
    """By id the rows of objectives that are in `kept` with another key than they had."""
    ids = {id_of(key) for key in kept}
    gone = [(at, key) for at, key in enumerate(records[0].columns) if key not in kept]
    return {id_of(key): _column(records, at) for at, key in gone if id_of(key) in ids}


def _column(records: Sequence[Saved], column: int) -> Rows:
    times = np.concatenate([one.times for one in records])
    bad = np.concatenate([one.row_bad[:, column] for one in records])
    total = np.concatenate([one.row_total[:, column] for one in records])
    return times, bad, total


def _failed(path: Path, verb: str, error: OSError) -> StorageError:
    return StorageError(
        f"{path} can't be {verb}: {error.strerror}", advice="check the disk's space and the mode"
    )


def _encode(saved: Saved) -> bytes:
    arrays: dict[str, NDArray[np.generic]] = {
        "as_of_ms": np.array(saved.as_of_ms),
        "columns": _text(list(saved.columns)),
        "times": saved.times,
        "row_bad": saved.row_bad,
        "row_total": saved.row_total,
        "bad": saved.bad,
        "total": saved.total,
        "since_ms": saved.since_ms,
        "series": _text([labels.pairs for labels in saved.series]),
        "marks_ms": saved.marks_ms,
        "open_number": saved.open_number,
        "open_bad": saved.open_bad,
        "open_total": saved.open_total,
        "late": saved.late,
        "silences": saved.silences,
        "seen_ms": saved.seen_ms,
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type] # numpy's stub takes no mapping of arrays
    payload = zlib.compress(buffer.getvalue(), _COMPRESSION)
    return _HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def _records(data: bytes) -> Iterator[Saved]:
    place = len(MAGIC)
    while place + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, place)
        payload = data[place + _HEADER.size : place + _HEADER.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield _decode(payload)
        place += _HEADER.size + length


def _decode(payload: bytes) -> Saved:
    with np.load(io.BytesIO(zlib.decompress(payload)), allow_pickle=False) as arrays:
        return Saved(
            as_of_ms=int(arrays["as_of_ms"]),
            columns=json.loads(arrays["columns"].tobytes()),
            times=arrays["times"],
            row_bad=arrays["row_bad"],
            row_total=arrays["row_total"],
            bad=arrays["bad"],
            total=arrays["total"],
            since_ms=arrays["since_ms"],
            series=[
                Labels((name, value) for name, value in pairs)
                for pairs in json.loads(arrays["series"].tobytes())
            ],
            marks_ms=arrays["marks_ms"],
            open_number=arrays["open_number"],
            open_bad=arrays["open_bad"],
            open_total=arrays["open_total"],
            late=_or_none(arrays, "late", LATE_WIDTH),
            silences=_or_none(arrays, "silences", SILENCE_WIDTH),
            seen_ms=arrays.get("seen_ms", np.full(len(arrays["bad"]), -1, np.int64)),
        )


def _or_none(arrays: Mapping[str, Float64s], name: str, width: int) -> Float64s:
    return arrays.get(name, np.zeros((0, width)))


def _text(value: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)
