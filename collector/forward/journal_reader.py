"""Reads a journal from a position on: rows with their labels, exemplars; and keeps the position.

A reader holds one segment's series in memory. After a restart it goes on from where it was: the
segment is read from its beginning, for its series, and the rows before the position are left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.forward.journal import Position, segments_from
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s
from collector.store import wal_record as records
from collector.store.wal import MAGIC, segment_path, sync_directory
from collector.store.wal_record import Damage


@dataclass(slots=True, eq=False)
class Layout:
    """The series of rows; `plan` is for who reads the rows to keep what he made of them."""

    labels: list[Labels]
    plan: object = None
    start_ms: Int64s | None = None


@dataclass(frozen=True, slots=True, eq=False)
class JournalRow:
    """One timestamp of many series; arrays along `layout.labels`."""

    layout: Layout
    timestamp_ms: int
    values: Float64s
    start_ms: Int64s | None


Entry = JournalRow | list[Exemplar]


class JournalReader:
    """Reads on and on; `position` is after the last entry that was given."""

    def __init__(self, directory: Path, position: Position) -> None:
        self._directory = directory
        self.position = position
        self.skipped_segments = 0
        self._open = -1
        self._begin(position.segment)

    def _begin(self, number: int) -> None:
        self._open = number
        self._read_to = len(MAGIC)
        self._labels: dict[int, Labels] = {}
        self._layouts: dict[int, Layout] = {}

    def again(self, position: Position) -> JournalReader:
        """A reader of the same journal from another position on."""
        return JournalReader(self._directory, position)

    def entries(self) -> Iterator[Entry]:
        """Entries until the journal's end, which may be asked for again later."""
        while True:
            self._skip_what_is_gone()
            yield from self._segment()
            following = segments_from(self._directory, self._open + 1)
            if not following:
                return
            if self._is_finished():
                self._begin(int(following[0].stem))
                self.position = Position(self._open, len(MAGIC))

    def pending_bytes(self) -> int:
        """Bytes that are still to be read."""
        sizes = [
            path.stat().st_size - (self.position.offset if number == self.position.segment else 0)
            for path in segments_from(self._directory, self.position.segment)
            if (number := int(path.stem)) >= 0
        ]
        return max(0, sum(sizes))

    def _skip_what_is_gone(self) -> None:
        """A full journal drops its oldest segments, read or not."""
        if segment_path(self._directory, self._open).exists():
            return
        following = segments_from(self._directory, self._open + 1)
        if not following:
            return
        if self.position.offset:
            self.skipped_segments += 1
        self._begin(int(following[0].stem))
        self.position = Position(self._open, len(MAGIC))

    def _is_finished(self) -> bool:
        """Whether the open segment, which has a successor, has been read to its end."""
        path = segment_path(self._directory, self._open)
        return not path.exists() or self._read_to >= path.stat().st_size

    def _segment(self) -> Iterator[Entry]:
        is_full = bool(segments_from(self._directory, self._open + 1))
        data = self._rest()
        begin = at = self._read_to
        damage, seen = list[Damage](), 0
        for kind, payload in records.read_records(data, 0, damage):
            at += sum(one.length for one in damage[seen:])
            seen = len(damage)
            at += records.HEAD_BYTES + len(payload)
            self._read_to = at
            entry = self._apply(kind, payload)
            after = Position(self._open, at)
            if entry is not None and after > self.position:
                self.position = after
                yield entry
        if is_full:
            self._read_to = begin + len(data)  # what is left over is damaged: nothing will follow

    def _rest(self) -> bytes:
        try:
            with segment_path(self._directory, self._open).open("rb") as file:
                file.seek(self._read_to)
                return file.read()
        except FileNotFoundError:
            return b""

    def _apply(self, kind: int, payload: memoryview) -> Entry | None:
        if kind == records.ROW:
            return self._row(records.decode_row(payload))
        if kind == records.EXEMPLARS:
            return records.decode_exemplars(payload)
        if kind == records.SERIES:
            first, labels = records.decode_series(payload)
            self._labels.update(enumerate(labels, first))
        elif kind == records.LAYOUT:
            number, _, ids = records.decode_layout(payload)
            known = self._labels
            self._layouts[number] = Layout([known[one] for one in ids.tolist() if one in known])
        return None

    def _row(self, row: records.Row) -> JournalRow | None:
        layout = self._layouts.get(row.layout)
        if layout is None or len(layout.labels) != len(row.values):
            return None
        if row.start_ms is not None:
            layout.start_ms = row.start_ms
        starts = None if row.starts == records.NO_STARTS else layout.start_ms
        return JournalRow(layout, row.timestamp_ms, row.values, starts)


class PositionFile:
    """Where an endpoint is, on disk: written anew as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Position | None:
        """The position, None when there is none yet or it can't be read."""
        try:
            segment, offset = json.loads(self._path.read_text(encoding="utf-8"))
            return Position(int(segment), int(offset))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, position: Position) -> None:
        """Remember a position; raises OSError."""
        following = self._path.with_suffix(".tmp")
        following.write_text(json.dumps([position.segment, position.offset]), encoding="utf-8")
        os.replace(following, self._path)
        sync_directory(self._path.parent)
