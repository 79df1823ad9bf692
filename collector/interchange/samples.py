"""What import formats give and export formats take; a format knows files, never the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in any order: `series` int64[n] into `labels`, `timestamps_ms` int64[n], `values`
    float64[n] (STALE by bits). `nbytes`: how much of the file was read for them.
    """

    labels: Sequence[Labels]
    series: Int64s
    timestamps_ms: Int64s
    values: Float64s
    nbytes: int


class Reader(Protocol):
    """A format of files to import."""

    def __call__(self, path: Path) -> Iterator[Samples]:
        """All samples, a piece at a time. Raises InputError with the place of what is wrong."""
        ...


class Writer(Protocol):
    """A file that is being exported to."""

    def add(self, labels: Sequence[Labels], timestamps_ms: Int64s, values: Float64s) -> int:
        """`values` float64[n, t] of `labels` over `timestamps_ms`; MISSING cells are left out.

        Answers how many samples are in the file now that were not before.
        """
        ...

    def close(self) -> None:
        """The file is whole."""
        ...
