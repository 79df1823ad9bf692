"""`Block`: series by steps, as operators hand them on; and the merging of rows of equal labels.

A name that a function removes is either removed at once or marked in `dropped` and removed at the
end (Prometheus's delayed name removal), so that `label_replace` can still read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import Bools, Float64s, Int64s, filled, is_missing

METADATA_LABELS = (METRIC_NAME, "__type__", "__unit__")
SAME_LABELSET = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True)
class Block:
    """`values` float64[n, t] beside `labels`, MISSING where there is no value; `dropped` bool[n].

    `values` is C-ordered and belongs to who holds the block. `name_dropped(…)` says what `dropped`
    means.
    """

    labels: Sequence[Labels]
    values: Float64s
    dropped: Bools

    def present(self) -> Bools:
        """Mask bool[n, t] of the cells that hold a value."""
        return ~is_missing(self.values)

    def rows(self, keep: Bools | Int64s) -> Block:
        """Only these rows (mask or indices)."""
        indices = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
        labels = [self.labels[i] for i in indices]
        return Block(labels, self.values[indices], self.dropped[indices])

    def with_values(self, values: Float64s) -> Block:
        """The same series with other values; cells that were MISSING stay so."""
        restore_missing(values, self.values)
        return Block(self.labels, values, self.dropped)

    def without_empty_rows(self) -> Block:
        """Only the rows that have a value somewhere."""
        has_value: Bools = np.asarray(self.present().any(axis=1))
        return self if has_value.all() else self.rows(has_value)


def empty(steps: int) -> Block:
    """No series at all."""
    return Block([], filled((0, steps)), np.zeros(0, np.bool_))


def undropped(labels: Sequence[Labels], values: Float64s) -> Block:
    """A block whose series keep their names."""
    return Block(labels, values, np.zeros(len(labels), np.bool_))


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
    return Block(labels, values, np.concatenate([block.dropped for block in blocks]))


@lru_cache(maxsize=1 << 18)
def without_metadata(labels: Labels) -> Labels:
    """Labels without name, type and unit."""
    if labels.pairs and labels.pairs[0][0] > "__unit__":
        return labels
    return labels.without(*METADATA_LABELS)


def name_dropped(block: Block, delayed: bool) -> Block:
    """The block after an operation that makes another metric of it."""
    if delayed:
        return Block(block.labels, block.values, np.ones(len(block.labels), np.bool_))
    labels = list(map(without_metadata, block.labels))
    return merged(Block(labels, block.values, np.zeros(len(labels), np.bool_)))


def cleaned(block: Block) -> Block:
    """The block with the names removed that were marked for it."""
    if not block.dropped.any():
        return block
    labels = [
        without_metadata(one) if drop else one
        for one, drop in zip(block.labels, block.dropped, strict=True)
    ]
    return merged(Block(labels, block.values, np.zeros(len(labels), np.bool_)))


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
    values = filled((len(first), present.shape[1]))
    dropped = np.zeros(len(first), np.bool_)
    for row, group in enumerate(groups):
        values.view(np.int64)[group, present[row]] = block.values.view(np.int64)[row, present[row]]
        dropped[group] |= block.dropped[row]
    return Block(list(first), values, dropped)
