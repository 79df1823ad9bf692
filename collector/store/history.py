"""Samples of any age straight into blocks: what an import writes, and how the store takes it over.

Blocks are made in `incoming/` beside those of the store, without its lock, so that a running
process need not stop; it moves them to its own when it next compacts, and a start does so too.
Samples that are there already stay as they are, so the same file may be imported twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.store import merge
from collector.store.block_index import BlockMeta
from collector.store.block_writer import Plan, write_block
from collector.store.disk import make_directory
from collector.store.options import DAY_MS, HOUR_MS

DIRECTORY = "incoming"
SAMPLES_AT_ONCE = 20_000_000
"""Samples that are held until blocks are written of them: 500 MB."""
SPAN_MS = 3 * DAY_MS
PART_MS = 2 * HOUR_MS


@dataclass(frozen=True, slots=True)
class _Rows:
    """A `Part` of series that have their samples at the same times."""

    refs: Int64s
    times: Int64s
    values: Float64s

    @property
    def is_dense(self) -> bool:
        """No cell is missing."""
        return True

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        out.view(np.int64)[:] = self.values.view(np.int64)[rows, lo:hi]


class HistoryWriter:
    """Writes to the directory of a store; `close` when all is added."""

    def __init__(self, store: Path, samples_at_once: int = SAMPLES_AT_ONCE) -> None:
        self._directory = store / DIRECTORY
        self._samples_at_once = samples_at_once
        self._labels: list[Labels] = []
        self._ref_of: dict[Labels, int] = {}
        self._waiting: list[tuple[Int64s, Int64s, Float64s]] = []
        self._count = 0
        make_directory(self._directory)

    def add(
        self, labels: Sequence[Labels], series: Int64s, timestamps_ms: Int64s, values: Float64s
    ) -> None:
        """Samples in any order; of two of one series and time the first stays. Raises StorageError.

        `series` int64[n] are indices into `labels`, `values` float64[n].
        """
        used, place = np.unique(series, return_inverse=True)
        refs = np.array([self._ref(labels[one]) for one in used.tolist()], np.int64)
        self._waiting.append((refs[place.ravel()], timestamps_ms, values))
        self._count += len(series)
        if self._count >= self._samples_at_once:
            self.flush()

    def _ref(self, labels: Labels) -> int:
        ref = self._ref_of.setdefault(labels, len(self._labels))
        if ref == len(self._labels):
            self._labels.append(labels)
        return ref

    def flush(self) -> None:
        """Blocks of all that was added. Raises StorageError."""
        if self._waiting:
            parts = _parts(*(np.concatenate(column) for column in zip(*self._waiting, strict=True)))
            self._waiting, self._count = [], 0
            source = _History(parts)
            spans = {int(one) for part in parts for one in np.unique(part.times // SPAN_MS)}
            meta = BlockMeta(0, 0, 0, log_number=0)
            for number in sorted(spans):
                span = number * SPAN_MS, (number + 1) * SPAN_MS
                write_block(self._directory, Plan(*span, PART_MS, meta, self._labels), source)

    close = flush


@dataclass(frozen=True, slots=True)
class _History:
    parts: Sequence[_Rows]

    def windows(self, from_ms: int, until_ms: int) -> list[merge.Window]:
        """See `Source.windows`."""
        return merge.windows(self.parts, from_ms - 1, until_ms - 1)


def _parts(refs: Int64s, times: Int64s, values: Float64s) -> list[_Rows]:
    there = values.view(np.int64) != MISSING_BITS
    refs, times, values = refs[there], times[there], values[there]
    order = np.lexsort((times, refs))
    refs, times, values = refs[order], times[order], values[order]
    first = np.ones(len(refs), np.bool_)
    first[1:] = (refs[1:] != refs[:-1]) | (times[1:] != times[:-1])
    refs, times, values = refs[first], times[first], values[first]
    bounds = np.flatnonzero(np.diff(refs, prepend=-1)).tolist()
    alike: dict[bytes, list[tuple[int, int]]] = {}
    for lo, hi in zip(bounds, [*bounds[1:], len(refs)], strict=True):
        alike.setdefault(times[lo:hi].tobytes(), []).append((lo, hi))
    return [
        _Rows(
            refs[[lo for lo, _ in runs]],
            times[slice(*runs[0])],
            np.array([values[lo:hi] for lo, hi in runs]),
        )
        for runs in alike.values()
    ]
