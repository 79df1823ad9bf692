"""Deleted ranges and how reads skip them.

A deletion names series and a closed range of time. It hides what was stored when it was asked for:
a block that is written later is free of it, and says so by the deletion's number. The file of
deletions is replaced as a whole, so a deletion is there or not. What is hidden leaves the disk when
its block is compacted or cleaned; a deletion goes when nothing is left that it hides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.store import wal_record as records
from collector.store.disk import NewFile, replace_file
from collector.store.merge import Window
from collector.store.part import Part
from collector.store.wal_record import Damage, frame, read_records

MAGIC = b"TOCSDEL1"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """`refs` int64[n], ascending, have no sample in `[from_ms, until_ms]`; numbers count up."""

    number: int
    refs: Int64s
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class MaskedPart:
    """A `Part` without what was deleted of it."""

    part: Part
    tombstones: tuple[Tombstone, ...]

    @property
    def refs(self) -> Int64s:
        """The series."""
        return self.part.refs

    @property
    def times(self) -> Int64s:
        """Their timestamps."""
        return self.part.times

    @property
    def is_dense(self) -> bool:
        """Cells are missing."""
        return False

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        self.part.fill(rows, lo, hi, out)
        refs, times = self.part.refs[rows], self.part.times[lo:hi]
        for one in self.tombstones:
            first = int(times.searchsorted(one.from_ms))
            last = int(times.searchsorted(one.until_ms, side="right"))
            if first < last:
                gone = np.isin(refs, one.refs)
                out.view(np.int64)[gone, first:last] = MISSING_BITS


def masked(found: Iterable[Window], tombstones: Sequence[Tombstone]) -> list[Window]:
    """The same windows; those that something was deleted of skip it."""
    answer = []
    for window in found:
        first_ms, last_ms = int(window.times[0]), int(window.times[-1])
        some = tuple(
            one
            for one in tombstones
            if one.from_ms <= last_ms
            and one.until_ms >= first_ms
            and np.isin(window.part.refs, one.refs).any()
        )
        part = MaskedPart(window.part, some) if some else window.part
        answer.append(Window(part, window.lo, window.hi))
    return answer


def write_tombstones(path: Path, tombstones: Sequence[Tombstone], labels: Sequence[Labels]) -> None:
    """Replace the file. Raises StorageError; then what was there stays."""

    def write(file: NewFile) -> None:
        file.write(MAGIC)
        for one in tombstones:
            header = {"number": one.number, "from_ms": one.from_ms, "until_ms": one.until_ms}
            some = [labels[ref] for ref in one.refs.tolist()]
            for kind, payload in (
                (records.BLOCK, records.encode_arrays(header, [])),
                (records.SERIES, records.encode_series(0, some)),
            ):
                for piece in frame(kind, payload):
                    file.write(piece)
        for piece in frame(records.END, []):
            file.write(piece)

    try:
        replace_file(path, write)
    except OSError as error:
        raise StorageError(
            f"what to delete can't be written down: {error.strerror}",
            where=Where(str(path)),
            advice="nothing was deleted; free some disk space and ask again",
        ) from error


def read_tombstones(path: Path, ref_of: Callable[[Labels], int]) -> tuple[Tombstone, ...]:
    """What was deleted. Raises StorageError where the file is damaged: else it would come back."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    damage: list[Damage] = []
    found = list(read_records(data, len(MAGIC), damage))
    if not data.startswith(MAGIC) or damage or not found or found[-1][0] != records.END:
        raise StorageError(
            "the list of deleted ranges is damaged",
            where=Where(str(path)),
            advice="restore this file from a backup, or remove it: what was deleted shows again",
        )
    answer = []
    for (_, head), (_, series) in zip(found[0:-1:2], found[1::2], strict=True):
        header, _ = records.decode_arrays(head)
        refs = [ref_of(one) for one in records.decode_series(series)[1]]
        answer.append(Tombstone(refs=np.unique(np.array(refs, np.int64)), **header))
    return tuple(answer)
