"""`Page`: what one body said; `Layout`: which series its lines are, apart from their values.

A target says the same series again and again, so a layout outlives its page: as long as the lines
stay the same, every page has the very same `Layout` object, and those who hold something per line
(refs in the store, relabelled names) keep it by the layout's identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from collector.ingest.formats.scan.text_lines import NO_TIMESTAMP
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Bools, Float64s, Int64s


class Series(Protocol):
    """Every series that a target's bodies had, by index."""

    def __len__(self) -> int:
        """How many indices were given."""
        ...

    def labels_of(self, index: int) -> Labels:
        """The labels of a series."""
        ...

    def let_go(self) -> None:
        """Who asks for labels has seen all that are new."""
        ...


class SeriesTable:
    """Implements `Series`: raw bytes -> index -> labels, what was seen is not parsed again."""

    __slots__ = ("_index_of", "_labels", "_pairs")

    def __init__(self) -> None:
        self._index_of: dict[bytes, int] = {}
        self._labels: list[Labels] = []
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def labels_of(self, index: int) -> Labels:
        """See `Series`."""
        return self._labels[index]

    def let_go(self) -> None:
        """Nothing can be read from the bytes again."""

    def find(self, raw: bytes) -> int | None:
        """Index of the series with these bytes, None when it is not known."""
        return self._index_of.get(raw)

    def add(self, raw: bytes, labels: Labels) -> int:
        """Remember a series; answers its index."""
        index = len(self._labels)
        self._index_of[raw] = index
        self._labels.append(labels.sharing(self._pairs))  # the lines of a page have most in common
        return index


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The series of a page's samples as indices (int64[n]) into `table`."""

    table: Series
    indices: Int64s

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True)
class ExposedExemplar:
    """An exemplar of a series as exposed; None: it, or its sample (`sample_ms`), has no time."""

    series: Labels
    labels: Labels
    value: float
    timestamp_ms: int | None
    sample_ms: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """The samples of one body: columns beside `layout.indices`.

    `timestamps_ms` is None when no line has a timestamp, else NO_TIMESTAMP where a line has none;
    `start_ms` is 0 where unknown, None when nothing is known; `metadata` is the same object as
    the page's before when nothing changed; `exemplars` are those that the page before did not have.
    """

    layout: Layout
    values: Float64s
    timestamps_ms: Int64s | None = None
    start_ms: Int64s | None = None
    metadata: Mapping[str, Metadata] | None = None
    exemplars: Sequence[ExposedExemplar] = ()

    def __len__(self) -> int:
        return len(self.values)

    def untimed(self) -> Bools:
        """Mask of the samples without a timestamp of their own."""
        if self.timestamps_ms is None:
            return np.ones(len(self.values), dtype=np.bool_)
        return np.asarray(self.timestamps_ms == NO_TIMESTAMP)


class Parser(Protocol):
    """Bytes of one target's bodies to pages; remembers the body before."""

    def parse(self, body: bytes) -> Page:
        """The page; raises InputError with line, excerpt and advice when any line is wrong."""
        ...
