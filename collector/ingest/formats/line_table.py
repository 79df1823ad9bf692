"""`LineTable`: the series of a target's lines, told apart by their bytes and parsed once.

The bytes of a series that stands in the last body are there already: only those of series that are
gone are kept beside it. Labels are asked for when a series is new and hardly ever after: who has
seen them lets them go, and they are read again when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from collector.ingest.formats.series_text import parse_series
from collector.model.labels import Labels
from collector.model.samples import Int64s

Read = Callable[[int, int, str], Labels]
"""A series by its begin and end in a body, and by the label that is to be written as a float."""
Codes = NDArray[np.uint8]

BOUNDS = ("", "le", "quantile")
"""Labels that are written as floats below a TYPE line that says so; "" for none."""
_NO_SPANS: Int64s = np.empty((0, 2), dtype=np.int64)
_NOBODY: Int64s = np.empty(0, dtype=np.int64)


class LineTable:
    """Implements `page.Series` for the text formats."""

    __slots__ = ("_bounds", "_fresh", "_gone", "_indices", "_pairs", "_places", "_spans", "_text")

    def __init__(self) -> None:
        self._bounds = bytearray()
        self._text = b""
        self._spans = _NO_SPANS
        self._indices = _NOBODY
        self._places: Int64s | None = None
        self._gone: dict[bytes, int] = {}
        self._fresh: dict[int, Labels] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._bounds)

    def labels_of(self, index: int) -> Labels:
        """See `page.Series`."""
        labels = self._fresh.get(index)
        if labels is not None:
            return labels
        return parse_series(self._raw_of(index), BOUNDS[self._bounds[index]])

    def let_go(self) -> None:
        """See `page.Series`."""
        if self._fresh or self._places is not None:
            self._fresh, self._pairs, self._places = {}, {}, None

    def follow(self, text: bytes, lines: Int64s, bounds: Codes, read: Read) -> Int64s:
        """Indices (int64[n]) of the series of a body that follows.

        `lines` (int64[n, 3 or more]) has begin, end and place in the body before, or -1; `bounds`
        (uint8[n]) where in BOUNDS the label stands that is written as a float. What `read` raises
        is passed on.
        """
        placed = lines[:, 2] >= 0
        known = self._indices[lines[placed, 2]]
        placed[placed] = np.frombuffer(self._bounds, dtype=np.uint8)[known] == bounds[placed]
        rows = lines[placed, 2]
        self._part_with(rows)
        indices = np.empty(len(lines), dtype=np.int64)
        indices[placed] = self._indices[rows]
        found = set[bytes]()
        for position in np.flatnonzero(~placed).tolist():
            begin, end = lines[position, :2].tolist()
            bound = int(bounds[position])
            key = _key(text[begin:end], bound)
            index = self._gone.get(key)
            if index is None:
                index = self._gone[key] = self._add(read(begin, end, BOUNDS[bound]), bound)
            indices[position] = index
            found.add(key)
        if found:  # a dict that only loses keeps its room
            self._gone = {key: i for key, i in self._gone.items() if key not in found}
        return indices

    def stand(self, text: bytes, spans: Int64s, indices: Int64s) -> None:
        """Take a body for the last one: begin and end (int64[n, 2]) of its lines' series."""
        self._text, self._spans, self._indices, self._places = text, spans, indices, None

    def _part_with(self, rows: Int64s) -> None:
        """Keep the bytes of the lines that are not among these rows of the last body."""
        left = np.ones(len(self._indices), dtype=np.bool_)
        left[rows] = False
        for row in np.flatnonzero(left).tolist():
            index = int(self._indices[row])
            self._gone[_key(self._raw_at(row), self._bounds[index])] = index

    def _add(self, labels: Labels, bound: int) -> int:
        index = len(self._bounds)
        self._fresh[index] = labels.sharing(self._pairs)  # lines have most in common
        self._bounds.append(bound)
        return index

    def _raw_of(self, index: int) -> bytes:
        if self._places is None:
            self._places = np.full(len(self), -1, dtype=np.int64)
            self._places[self._indices] = np.arange(len(self._indices))
        place = int(self._places[index])
        if place >= 0:
            return self._raw_at(place)
        return next(key[1:] for key, gone in self._gone.items() if gone == index)

    def _raw_at(self, row: int) -> bytes:
        begin, end = self._spans[row].tolist()
        return self._text[begin:end]


def _key(raw: bytes, bound: int) -> bytes:
    """What tells series apart: their bytes, and how they are read."""
    return bytes((bound,)) + raw
