"""Writes series and rows to the log so that each thing is said once: labels, layouts, start times.

A layout is a source and the refs of its rows. Rows of the same layout, which is nearly all of them,
carry a number and their values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s
from collector.store import wal_record as records
from collector.store.set_back import SetBack
from collector.store.wal import Wal

MAX_LAYOUTS = 10_000
"""Layouts that are remembered; past it they are said again."""


@dataclass(slots=True)
class _Layout:
    number: int
    starts: Int64s | None = None


class LogWriter:
    """Knows what the log has been told since its last checkpoint."""

    def __init__(self, wal: Wal) -> None:
        self.wal = wal
        self._layouts: dict[bytes, _Layout] = {}
        self._latest: dict[str, tuple[Int64s, _Layout]] = {}
        self._next_layout = 0

    def begin_segment(self, number: int) -> None:
        """What the log was told before is not read together with what follows."""
        self.wal.begin_segment(number)
        self._layouts.clear()
        self._latest.clear()

    def forget_layouts(self) -> None:
        """Look at the refs of each source's next row anew."""
        self._latest.clear()

    def knows(self, source: str, refs: Int64s) -> bool:
        """Whether this very array was the layout of the source's last row."""
        latest = self._latest.get(source)
        return latest is not None and latest[0] is refs

    def series(self, first_ref: int, labels: Sequence[Labels]) -> None:
        """Series that begin."""
        self.wal.append(records.SERIES, records.encode_series(first_ref, labels))

    def set_back(self, one: SetBack) -> None:
        """The clock was set back: rows from here on are of another present than those before."""
        self.wal.append(records.SET_BACK, records.encode_set_back(one))

    def metadata(self, family: str, metadata: Metadata) -> None:
        """What a metric family says of itself."""
        self.wal.append(records.METADATA, records.encode_metadata(family, metadata))

    def exemplars(self, exemplars: Sequence[Exemplar]) -> None:
        """Exemplars that were admitted."""
        self.wal.append(records.EXEMPLARS, records.encode_exemplars(exemplars))

    def row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None,
    ) -> None:
        """One row. Raises StorageError; then it is not in the log."""
        layout = self._layout(source, refs)
        said, starts = records.NO_STARTS, None
        if start_ms is not None:
            said = records.SAME_STARTS
            if layout.starts is None or not np.array_equal(layout.starts, start_ms):
                said, starts = records.STARTS_FOLLOW, start_ms.copy()
        row = records.Row(layout.number, timestamp_ms, values, said, starts)
        self.wal.append(records.ROW, records.encode_row(row))
        if starts is not None:
            layout.starts = starts

    def _layout(self, source: str, refs: Int64s) -> _Layout:
        latest = self._latest.get(source)
        if latest is not None and latest[0] is refs:
            return latest[1]
        digest = hashlib.blake2b(refs.tobytes(), digest_size=16).digest()
        key = digest + source.encode()
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
                self._latest.clear()
            layout = _Layout(self._next_layout)
            payload = records.encode_layout(layout.number, source, refs)
            self.wal.append(records.LAYOUT, payload)
            self._next_layout += 1
            self._layouts[key] = layout
        self._latest[source] = (refs, layout)
        return layout
