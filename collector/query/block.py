"""`Block`: series by steps, as operators hand them on; and the merging of rows of equal labels.

A name that a function removes is either removed at once or marked in `dropped` and removed at the
end (Prometheus's delayed name removal), so that `label_replace` can still read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import MISSING_BITS, Bools, Float64s, Int64s, filled, is_missing
from collector.query.dense_histograms import DenseHistograms, concatenated
from collector.query.kernels.windows import read_only, rows_with_cells

METADATA_LABELS = (METRIC_NAME, "__type__", "__unit__")
SAME_LABELSET = "vector cannot contain metrics with the same labelset"

Histograms = NDArray[np.object_]
"""object[n, t]: NativeHistogram or None."""
Cells = Histograms | DenseHistograms
"""Histograms one by one, or as one array."""
_NOTHING = np.array(None, np.object_)


@dataclass(frozen=True, slots=True)
class Block:
    """`values` float64[n, t] beside `labels`, MISSING where there is no float; `dropped` bool[n].

    `histograms` object[n, t] holds a NativeHistogram where the cell is one (and its float MISSING);
    it is None where no cell is. They are kept in `cells`, perhaps as one array. `values` is
    C-ordered and belongs to who holds the block. `name_dropped(…)` says what `dropped` means.
    """

    labels: Sequence[Labels]
    values: Float64s
    dropped: Bools
    cells: Cells | None = None

    @property
    def histograms(self) -> Histograms | None:
        """object[n, t], one by one; None where there are none."""
        return as_objects(self.cells)

    @property
    def dense(self) -> DenseHistograms | None:
        """All histograms as one array, if that is how they are kept."""
        return self.cells if isinstance(self.cells, DenseHistograms) else None

    def floats(self) -> Bools:
        """Mask bool[n, t] of the cells that hold a float."""
        return ~is_missing(self.values)

    def present(self) -> Bools:
        """Mask bool[n, t] of the cells that hold a value, float or histogram."""
        if self.cells is None:
            return ~is_missing(self.values)
        return ~is_missing(self.values) | where_histograms(self.cells)

    def rows(self, keep: Bools | Int64s) -> Block:
        """Only these rows (mask or indices)."""
        indices = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
        labels = [self.labels[i] for i in indices]
        cells = self.cells
        if isinstance(cells, DenseHistograms):
            cells = cells.rows(indices)
        elif cells is not None:
            cells = cells[indices]
        return Block(labels, self.values[indices], self.dropped[indices], cells)

    def with_values(self, values: Float64s) -> Block:
        """The same series with other floats; cells that were MISSING stay so. No histograms."""
        restore_missing(values, self.values)
        block = Block(self.labels, values, self.dropped)
        return block if self.cells is None else block.without_empty_rows()

    def with_labels(self, labels: Sequence[Labels], dropped: Bools) -> Block:
        """The same cells under other labels."""
        return Block(labels, self.values, dropped, self.cells)

    def without_empty_rows(self) -> Block:
        """Only the rows that have a value somewhere."""
        has_value = self.filled_rows()
        return self if has_value.all() else self.rows(has_value)

    def filled_rows(self) -> Bools:
        """Mask bool[n] of the rows that have a value somewhere."""
        if self.cells is None:
            return rows_with_cells(read_only(self.values.view(np.int64)))
        return np.asarray(self.present().any(axis=1))


def empty(steps: int) -> Block:
    """No series at all."""
    return Block([], filled((0, steps)), np.zeros(0, np.bool_))


def undropped(labels: Sequence[Labels], values: Float64s, cells: Cells | None = None) -> Block:
    """A block whose series keep their names."""
    return Block(labels, values, np.zeros(len(labels), np.bool_), cells)


def no_histograms(shape: tuple[int, ...]) -> Histograms:
    """object[shape] of None."""
    return np.full(shape, None, np.object_)


def are_histograms(cells: Histograms) -> Bools:
    """Mask of the cells that hold a histogram."""
    return np.asarray(np.not_equal(cells, _NOTHING), np.bool_)


def histograms_where(keep: Bools, cells: Histograms | None) -> Histograms | None:
    """The cells in `keep`, None elsewhere."""
    if cells is None:
        return None
    kept = no_histograms(cells.shape)
    kept[keep] = cells[keep]
    return kept


def as_objects(cells: Cells | None) -> Histograms | None:
    """Histograms one by one."""
    return cells.objects() if isinstance(cells, DenseHistograms) else cells


def where_histograms(cells: Cells) -> Bools:
    """Mask bool[n, t] of the cells that are histograms."""
    return cells.there if isinstance(cells, DenseHistograms) else are_histograms(cells)


def any_histograms(cells: Histograms | None) -> Histograms | None:
    """The cells, or None when none of them is a histogram."""
    return cells if cells is not None and are_histograms(cells).any() else None


def masked(block: Block, keep: Bools) -> Block:
    """The block with only the cells in `keep`; rows without any are left out."""
    values = np.where(keep, block.values.view(np.int64), MISSING_BITS).view(np.float64)
    histograms = histograms_where(keep, block.histograms)
    return Block(block.labels, values, block.dropped, histograms).without_empty_rows()


def restore_missing(values: Float64s, pattern: Float64s) -> None:
    """Make every cell of `values` MISSING where `pattern` is (arithmetic loses the payload)."""
    missing = is_missing(pattern)
    values.view(np.int64)[missing] = pattern.view(np.int64)[missing]


def stacked(blocks: Sequence[Block], steps: int) -> Block:
    """All rows of several blocks, in order."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return empty(steps)
    labels = [one for block in blocks for one in block.labels]
    values = np.concatenate([block.values for block in blocks])
    dropped = np.concatenate([block.dropped for block in blocks])
    return Block(labels, values, dropped, _stacked_histograms(blocks))


def _stacked_histograms(blocks: Sequence[Block]) -> Cells | None:
    if all(block.cells is None for block in blocks):
        return None
    dense = [block.dense for block in blocks if block.dense is not None]
    if len(dense) == len(blocks):
        joined = concatenated(dense)
        if joined is not None:
            return joined
    parts = [
        no_histograms(block.values.shape) if block.histograms is None else block.histograms
        for block in blocks
    ]
    return np.concatenate(parts)


@lru_cache(maxsize=1 << 18)
def without_metadata(labels: Labels) -> Labels:
    """Labels without name, type and unit."""
    if labels.pairs and labels.pairs[0][0] > "__unit__":
        return labels
    return labels.without(*METADATA_LABELS)


def name_dropped(block: Block, delayed: bool) -> Block:
    """The block after an operation that makes another metric of it."""
    if delayed:
        return block.with_labels(block.labels, np.ones(len(block.labels), np.bool_))
    labels = list(map(without_metadata, block.labels))
    return merged(block.with_labels(labels, np.zeros(len(labels), np.bool_)))


def cleaned(block: Block) -> Block:
    """The block with the names removed that were marked for it."""
    if not block.dropped.any():
        return block
    labels = [
        without_metadata(one) if drop else one
        for one, drop in zip(block.labels, block.dropped, strict=True)
    ]
    return merged(block.with_labels(labels, np.zeros(len(labels), np.bool_)))


def merged(block: Block, complaint: str = SAME_LABELSET) -> Block:
    """One row for each label set. Raises EvaluationError where two have a value at one step."""
    if len(set(block.labels)) == len(block.labels):
        return block
    first: dict[Labels, int] = {}
    groups = np.array([first.setdefault(one, len(first)) for one in block.labels], dtype=np.int64)
    present = block.present()
    times_filled = np.zeros((len(first), present.shape[1]), np.int64)
    np.add.at(times_filled, groups, present)
    if (times_filled > 1).any():
        raise EvaluationError(complaint)
    shape = (len(first), present.shape[1])
    values, dropped = filled(shape), np.zeros(len(first), np.bool_)
    histograms = None if block.histograms is None else no_histograms(shape)
    for row, group in enumerate(groups):
        values.view(np.int64)[group, present[row]] = block.values.view(np.int64)[row, present[row]]
        if histograms is not None and block.histograms is not None:
            histograms[group, present[row]] = block.histograms[row, present[row]]
        dropped[group] |= block.dropped[row]
    return Block(list(first), values, dropped, histograms)
