"""The durable queue of what is to be sent on: segments of rows on disk, bounded by their size.

One journal serves all endpoints; each reads at its own position. It is apart from the store's log,
which is cut at each checkpoint and whose refs mean another series after a restart: a segment of the
journal can be read by itself. Its records are those of the log (store/FORMAT.md), and like the log
it loses nothing that was appended when the process is killed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from collector.model.errors import StorageError
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s
from collector.store.log_writer import LogWriter
from collector.store.wal import SUFFIX, Wal

SEGMENT_BYTES = 8 * 1024 * 1024
"""What a reader holds in memory, and what is dropped at once when the journal is full."""

LabelsOf = Callable[[Int64s], list[Labels]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the journal: everything before it has been dealt with."""

    segment: int = 0
    offset: int = 0


class Journal:
    """Appends from any thread; readers read the files.

    `labels_of` gives the labels of the store's refs. Over `max_bytes` the oldest segment goes.
    """

    def __init__(self, directory: Path, labels_of: LabelsOf, max_bytes: int) -> None:
        """Raises StorageError when the directory can't be written."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._labels_of = labels_of
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._log = LogWriter(Wal(directory, "interval"))
        numbers = [int(path.stem) for path in self._log.wal.segments()]
        self._failing = self._closed = False
        self._begin(max(numbers, default=0) + 1)

    @property
    def directory(self) -> Path:
        """Where the segments are."""
        return self._directory

    def end(self) -> Position:
        """After everything that was appended."""
        with self._lock:
            return Position(self._log.wal.number, self._log.wal.segment_bytes)

    def row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None,
    ) -> bool:
        """Append one row, answers whether it is in; what is stored must not fail for the queue."""

        def append() -> None:
            ids = self._ids(source, refs)
            self._log.row(source, timestamp_ms, ids, np.ascontiguousarray(values), start_ms)

        return self._append(append)

    def exemplars(self, exemplars: Sequence[Exemplar]) -> bool:
        """Append exemplars; the same."""
        return self._append(lambda: self._log.exemplars(exemplars))

    def _append(self, append: Callable[[], None]) -> bool:
        with self._lock:
            if self._closed:
                return True  # nobody wants it any more
            try:
                if self._log.wal.segment_bytes > SEGMENT_BYTES:
                    self._begin(self._log.wal.number + 1)
                append()
            except StorageError as error:
                if not self._failing:
                    _log.error("what is stored now is not sent on: %s", error)
                self._failing = True
                return False
            self._failing = False
            return True

    def _begin(self, number: int) -> None:
        self._log.begin_segment(number)
        self._id_of: Int64s = np.full(0, -1, dtype=np.int64)
        self._next_id = 0
        self._latest: dict[str, tuple[Int64s, Int64s]] = {}
        self._drop_oldest()

    def _ids(self, source: str, refs: Int64s) -> Int64s:
        """The series' numbers in this segment; those that it does not know yet are told first."""
        latest = self._latest.get(source)
        if latest is not None and latest[0] is refs:
            return latest[1]
        missing = int(refs.max(initial=-1)) + 1 - len(self._id_of)
        if missing > 0:
            grown = np.full(missing + len(self._id_of) // 4, -1, dtype=np.int64)
            self._id_of = np.concatenate([self._id_of, grown])
        fresh = np.unique(refs[self._id_of[refs] < 0])
        if len(fresh):
            self._log.series(self._next_id, self._labels_of(fresh))
            self._id_of[fresh] = np.arange(self._next_id, self._next_id + len(fresh))
            self._next_id += len(fresh)
        ids: Int64s = self._id_of[refs]
        self._latest[source] = (refs, ids)
        return ids

    def _drop_oldest(self) -> None:
        segments = self._log.wal.segments()
        size = sum(path.stat().st_size for path in segments)
        for path in segments[:-1]:
            if size <= self._max_bytes:
                break
            size -= path.stat().st_size
            path.unlink()
            _log.warning("the queue of samples to be sent is full: %s is dropped", path)

    def remove_before(self, position: Position) -> None:
        """Delete the segments that every endpoint has dealt with."""
        with self._lock:
            self._log.wal.remove_before(min(position.segment, self._log.wal.number))

    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._log.wal.segments())

    def sync(self) -> None:
        """Make sure that what was appended survives a loss of power."""
        with self._lock:
            self._log.wal.sync()

    def close(self) -> None:
        """What is appended afterwards goes nowhere."""
        with self._lock:
            self._closed = True
            self._log.wal.close()


def segments_from(directory: Path, number: int) -> list[Path]:
    """The segments from a number on, oldest first."""
    paths = sorted(directory.glob("*" + SUFFIX))
    return [path for path in paths if int(path.stem) >= number]
