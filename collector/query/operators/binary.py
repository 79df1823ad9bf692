"""Arithmetic and comparison where a side is a scalar; sets; vector matching is in `matching`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.samples import MISSING_BITS, Bools, Float64s, filled
from collector.query.ast import COMPARISONS, Matching
from collector.query.block import (
    Block,
    Histograms,
    masked,
    merged,
    name_dropped,
    restore_missing,
    stacked,
)
from collector.query.kernels import instant
from collector.query.operators.histogram_binary import (
    TRIMS,
    apply_with_histograms,
    note_trimmed_floats,
)
from collector.query.operators.interface import Context, Operator, scalar, vector
from collector.query.operators.matching import join, signatures
from collector.query.operators.remarks import Remarks
from collector.query.positions import Span


@dataclass(frozen=True, slots=True)
class ScalarBinary:
    """Both sides are scalars."""

    operator: str
    left: Operator
    right: Operator

    def run(self, context: Context) -> Float64s:
        """float64[t]; comparisons give 0 or 1."""
        left, right = scalar(self.left, context), scalar(self.right, context)
        if self.operator in COMPARISONS:
            return instant.compare(self.operator, left, right).astype(np.float64)
        return instant.arithmetic(self.operator, left, right)

    def explain(self) -> str:
        """The operator."""
        return f"scalar {self.operator} scalar"


@dataclass(frozen=True, slots=True)
class VectorScalar:
    """One side is a scalar; `swapped` when it is the left one."""

    operator: str
    vector_side: Operator
    scalar_side: Operator
    swapped: bool
    return_bool: bool
    span: Span

    def run(self, context: Context) -> Block:
        """Comparisons keep the vector's value where they hold, or (bool) give 0 and 1."""
        number = scalar(self.scalar_side, context)
        block = vector(self.vector_side, context)
        if block.histograms is not None:
            return self._with_histograms(number, block, block.histograms, context)
        left, right = (number, block.values) if self.swapped else (block.values, number)
        if self.operator not in COMPARISONS:
            if self.operator in TRIMS:
                remarks = Remarks(context.annotations, self.span)
                note_trimmed_floats(self.operator, block.present(), remarks)
                return block.rows(np.zeros(len(block.labels), np.bool_))
            block = block.with_values(instant.arithmetic(self.operator, left, right))
            return name_dropped(block, context.delayed_name_removal)
        holds = instant.compare(self.operator, left, right)
        if self.return_bool:
            block = block.with_values(holds.astype(np.float64))
            return name_dropped(block, context.delayed_name_removal)
        return masked(block, holds)

    def _with_histograms(
        self, number: Float64s, block: Block, histograms: Histograms, context: Context
    ) -> Block:
        remarks = Remarks(context.annotations, self.span)
        floats = self._of_floats(number, block, remarks)
        numbers = np.broadcast_to(number, block.values.shape)
        sides = ((block.values, histograms), (numbers, None))
        left, right = sides[::-1] if self.swapped else sides
        out = floats.values.copy()
        met = block.present()
        answers = apply_with_histograms(
            self.operator, left, right, met, self.return_bool, out, remarks
        )
        result = Block(block.labels, out, block.dropped, answers).without_empty_rows()
        if self.operator in TRIMS or (self.operator in COMPARISONS and not self.return_bool):
            return result
        return name_dropped(result, context.delayed_name_removal)

    def _of_floats(self, number: Float64s, block: Block, remarks: Remarks) -> Block:
        """The cells that are floats, all rows kept."""
        left, right = (number, block.values) if self.swapped else (block.values, number)
        if self.operator in TRIMS:
            note_trimmed_floats(self.operator, block.floats(), remarks)
            return Block(block.labels, filled(block.values.shape), block.dropped)
        if self.operator not in COMPARISONS:
            values = instant.arithmetic(self.operator, left, right)
        else:
            holds = instant.compare(self.operator, left, right)
            values = np.where(holds, block.values.view(np.int64), MISSING_BITS).view(np.float64)
            if self.return_bool:
                values = holds.astype(np.float64)
        restore_missing(values, block.values)
        return Block(block.labels, values, block.dropped)

    def explain(self) -> str:
        """The operator."""
        sides = "scalar", "vector"
        left, right = sides if self.swapped else sides[::-1]
        return f"{left} {self.operator} {right}"


@dataclass(frozen=True, slots=True)
class VectorBinary:
    """Both sides are vectors, joined by their labels."""

    operator: str
    left: Operator
    right: Operator
    return_bool: bool
    matching: Matching
    span: Span

    def run(self, context: Context) -> Block:
        """One row a matched pair."""
        left, right = vector(self.left, context), vector(self.right, context)
        remarks = Remarks(context.annotations, self.span)
        return join(self.operator, left, right, self.return_bool, self.matching, context, remarks)

    def explain(self) -> str:
        """The operator and the kind of match."""
        return f"vector {self.operator} vector, {self.matching.cardinality}"


@dataclass(frozen=True, slots=True)
class SetOperation:
    """`and`, `or`, `unless`."""

    operator: str
    left: Operator
    right: Operator
    matching: Matching

    def run(self, context: Context) -> Block:
        """Rows of the left side that (do not) match, and for `or` those of the right beside."""
        left, right = vector(self.left, context), vector(self.right, context)
        ids: dict[object, int] = {}
        left_ids = signatures(left.labels, self.matching, ids)
        right_ids = signatures(right.labels, self.matching, ids)
        if self.operator == "or":
            there = _present_by_group(left, left_ids, len(ids))
            rest = masked(right, ~there[right_ids])
            return merged(stacked([left.without_empty_rows(), rest], len(context.grid)))
        there = _present_by_group(right, right_ids, len(ids))
        holds = there[left_ids]
        return masked(left, holds if self.operator == "and" else ~holds)

    def explain(self) -> str:
        """The operator."""
        return f"set {self.operator}"


def _present_by_group(block: Block, ids: np.ndarray, groups: int) -> Bools:
    there = np.zeros((groups, block.values.shape[1]), np.bool_)
    np.logical_or.at(there, ids, block.present())
    return there
