"""Brings the series of one part of a block into the order and form in which they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.model.samples import Float64s, Int64s, is_missing
from collector.store import block_columns as columns
from collector.store.block_files import Rows, SampleFile
from collector.store.block_index import SAMPLE_FILES

ROW_GROUP_ROWS = 128 * 1024
"""Rows after which a row group, the least that is read, ends with its series: 1 MB of samples."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Series `numbers` int64[n] over `times` int64[t]: `values` float64[n, t], MISSING by bits."""

    numbers: Int64s
    times: Int64s
    values: Float64s


@dataclass(slots=True)
class Entries:
    """What the index keeps: arrays by chunk of series, and patterns of timestamps."""

    series: list[Int64s] = field(default_factory=list)
    file: list[Int64s] = field(default_factory=list)
    exponent: list[Int64s] = field(default_factory=list)
    pattern: list[Int64s] = field(default_factory=list)
    patterns: dict[bytes, int] = field(default_factory=dict)
    times: list[Int64s] = field(default_factory=list)
    stale: list[Int64s] = field(default_factory=list)

    def pattern_of(self, times: Int64s) -> int:
        """The number of these timestamps."""
        number = self.patterns.setdefault(times.tobytes(), len(self.patterns))
        if number == len(self.times):
            self.times.append(np.array(times))
        return number


class RowWriter:
    """Writes chunks of series to the sample files; chunks come by part, then series."""

    def __init__(self, directory: Path) -> None:
        self.files = [SampleFile(directory / name) for name in SAMPLE_FILES]
        self.rows = [0, 0]
        self.entries = Entries()

    def add(self, part: int, matrices: Iterable[Matrix]) -> None:
        """All there is of some series in a part. Raises OSError."""
        runs = [one for matrix in matrices for one in _without_gaps(matrix)]
        runs = [one for one in runs if one.values.size]
        if not runs:
            return
        entries = self.entries
        patterns = [entries.pattern_of(one.times) for one in runs]
        exponents = [columns.exponents(one.values) for one in runs]
        numbers = np.concatenate([one.numbers for one in runs])
        order = np.argsort(numbers)
        pattern = np.repeat(np.array(patterns), [len(one.numbers) for one in runs])[order]
        exponent = np.concatenate(exponents)[order]
        for file in (0, 1):
            mine = (exponent == columns.RAW) == bool(file)
            chosen = _Chosen(numbers[order][mine], exponent[mine], pattern[mine])
            if len(chosen.numbers):
                self._write(file, part, chosen, runs, exponents)

    def _write(
        self, file: int, part: int, chosen: _Chosen, runs: list[Matrix], exponents: list[Int64s]
    ) -> None:
        entries = self.entries
        lengths = np.array([len(times) for times in entries.times])[chosen.pattern]
        starts = np.cumsum(lengths) - lengths
        total = int(lengths.sum())
        values, stale = _encoded(file, chosen, starts, total, runs, exponents)
        times = np.concatenate([entries.times[p] for p in chosen.pattern.tolist()])
        entries.series.append(chosen.numbers)
        entries.file.append(np.full(len(chosen.numbers), file))
        entries.exponent.append(chosen.exponent)
        entries.pattern.append(chosen.pattern)
        if not file:
            entries.stale.append(stale + self.rows[0])
        self.rows[file] += total
        for lo, hi in _groups(starts, total):
            first = int(starts[lo])
            last = int(starts[hi - 1] + lengths[hi - 1])
            inside = stale[(stale >= first) & (stale < last)] - first
            self.files[file].add(
                Rows(
                    part,
                    chosen.numbers[lo:hi],
                    chosen.exponent[lo:hi],
                    lengths[lo:hi],
                    times[first:last],
                    values[first:last],
                    inside,
                )
            )


@dataclass(frozen=True, slots=True)
class _Chosen:
    numbers: Int64s
    exponent: Int64s
    pattern: Int64s


def _encoded(
    file: int,
    chosen: _Chosen,
    starts: Int64s,
    total: int,
    runs: list[Matrix],
    exponents: list[Int64s],
) -> tuple[Int64s | Float64s, Int64s]:
    """The column of samples of a file, and where it has stale markers."""
    stale: Int64s = np.empty(0 if file else total, np.int64)
    values: Int64s = np.empty(total, np.int64)
    found = 0
    for run, exponent in zip(runs, exponents, strict=True):
        mine = np.flatnonzero((exponent == columns.RAW) == bool(file))
        own = run.values[mine]
        at = starts[np.searchsorted(chosen.numbers, run.numbers[mine])]
        if file:
            columns.to_floats(own, exponent[mine], at, values.view(np.float64))
        else:
            found += columns.to_deltas(own, exponent[mine], at, values, stale[found:])
    return (values.view(np.float64) if file else values), np.sort(stale[:found])


def _groups(starts: Int64s, total: int) -> Iterator[tuple[int, int]]:
    """Bounds of row groups of about equal size, each of whole series."""
    count = max(1, round(total / ROW_GROUP_ROWS))
    bounds = np.unique(np.searchsorted(starts, np.arange(count) * (total / count)))
    yield from zip(bounds.tolist(), [*bounds[1:].tolist(), len(starts)], strict=True)


def _without_gaps(matrix: Matrix) -> Iterator[Matrix]:
    """The same, by which timestamps the series have a sample at."""
    gaps = is_missing(matrix.values)
    gappy = gaps.any(axis=1)
    if not gappy.any():
        yield matrix
        return
    if not gappy.all():
        whole = np.flatnonzero(~gappy)
        yield Matrix(matrix.numbers[whole], matrix.times, matrix.values[whole])
    rows = np.flatnonzero(gappy)
    masks: NDArray[np.uint8] = np.packbits(gaps[rows], axis=1)
    _, first, group = np.unique(masks, axis=0, return_index=True, return_inverse=True)
    for number, one in enumerate(first.tolist()):
        there = ~gaps[rows[one]]
        some = rows[group.ravel() == number]
        values = np.ascontiguousarray(matrix.values[some][:, there])
        yield Matrix(matrix.numbers[some], matrix.times[there], values)
