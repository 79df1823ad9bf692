"""`LineTable`: the series of a target's lines, told apart by their bytes and parsed once.

The bytes of a series that stands in the last body are there already: only those of series that are
gone are kept beside it. Labels are asked for when a series is new and hardly ever after: who has
seen them lets them go, and they are read again when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from collector.ingest.formats.series_text import parse_series
from collector.model.labels import Labels
from collector.model.samples import Int64s

_NO_SPANS: Int64s = np.empty((0, 2), dtype=np.int64)
_NOBODY: Int64s = np.empty(0, dtype=np.int64)


class LineTable:
    """Implements `page.Series` for the text formats."""

    __slots__ = ("_count", "_fresh", "_gone", "_indices", "_pairs", "_places", "_spans", "_text")

    def __init__(self) -> None:
        self._count = 0
        self._text = b""
        self._spans = _NO_SPANS
        self._indices = _NOBODY
        self._places: Int64s | None = None
        self._gone: dict[bytes, int] = {}
        self._fresh: dict[int, Labels] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return self._count

    def labels_of(self, index: int) -> Labels:
        """See `page.Series`."""
        labels = self._fresh.get(index)
        return parse_series(self._raw_of(index)) if labels is None else labels

    def let_go(self) -> None:
        """See `page.Series`."""
        if self._fresh or self._places is not None:
            self._fresh, self._pairs, self._places = {}, {}, None

    def follow(self, text: bytes, lines: Int64s, read: Callable[[int, int], Labels]) -> Int64s:
        """Indices (int64[n]) of the series of a body that follows.

        `lines` (int64[n, 3 or more]) has begin, end and place in the body before, or -1. `read`
        parses a series by begin and end; what it raises is passed on.
        """
        placed = lines[:, 2] >= 0
        rows = lines[placed, 2]
        self._part_with(rows)
        indices = np.empty(len(lines), dtype=np.int64)
        indices[placed] = self._indices[rows]
        found = set[bytes]()
        for position in np.flatnonzero(~placed).tolist():
            begin, end = lines[position, :2].tolist()
            raw = text[begin:end]
            index = self._gone.get(raw)
            if index is None:
                index = self._gone[raw] = self._add(read(begin, end))
            indices[position] = index
            found.add(raw)
        if found:  # a dict that only loses keeps its room
            self._gone = {raw: i for raw, i in self._gone.items() if raw not in found}
        return indices

    def stand(self, text: bytes, spans: Int64s, indices: Int64s) -> None:
        """Take a body for the last one: begin and end (int64[n, 2]) of its lines' series."""
        self._text, self._spans, self._indices, self._places = text, spans, indices, None

    def _part_with(self, rows: Int64s) -> None:
        """Keep the bytes of the lines that are not among these rows of the last body."""
        left = np.ones(len(self._indices), dtype=np.bool_)
        left[rows] = False
        for row in np.flatnonzero(left).tolist():
            self._gone[self._raw_at(row)] = int(self._indices[row])

    def _add(self, labels: Labels) -> int:
        self._fresh[self._count] = labels.sharing(self._pairs)  # lines have most in common
        self._count += 1
        return self._count - 1

    def _raw_of(self, index: int) -> bytes:
        if self._places is None:
            self._places = np.full(self._count, -1, dtype=np.int64)
            self._places[self._indices] = np.arange(len(self._indices))
        place = int(self._places[index])
        if place >= 0:
            return self._raw_at(place)
        return next(raw for raw, gone in self._gone.items() if gone == index)

    def _raw_at(self, row: int) -> bytes:
        begin, end = self._spans[row].tolist()
        return self._text[begin:end]
