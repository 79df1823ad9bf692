"""Cell by cell: mathematical functions, clamps, rounding, calendar fields, the sign."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.samples import MISSING_BITS, Float64s
from collector.query.block import (
    SAME_LABELSET,
    Block,
    empty,
    name_dropped,
    restore_missing,
    without_metadata,
)
from collector.query.kernels import instant
from collector.query.operators.histogram_binary import scaled
from collector.query.operators.interface import Context, Operator, Value, scalar, vector


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A function of the family `elementwise` or `date`; `params` are its scalars, in order."""

    name: str
    inner: Operator
    params: tuple[Operator, ...] = ()

    def run(self, context: Context) -> Block:
        """The function of every cell."""
        params = [scalar(param, context) for param in self.params]
        block = vector(self.inner, context)
        if self.name == "clamp":
            block = _only_sane_clamps(block, params)
        with np.errstate(all="ignore"):
            block = block.with_values(_apply(self.name, block.values, params))
        return name_dropped(block, context.delayed_name_removal)

    def explain(self) -> str:
        """The function."""
        return self.name


def _apply(name: str, values: Float64s, params: list[Float64s]) -> Float64s:
    if name in instant.UNARY:
        return instant.UNARY[name](values)
    if name == "round":
        return instant.round_to(values, params[0] if params else np.ones(1))
    if name == "clamp":
        return instant.clamp(values, params[0], params[1])
    if name == "clamp_min":
        return instant.clamp(values, params[0], None)
    if name == "clamp_max":
        return instant.clamp(values, None, params[0])
    return instant.date_part(name, values)


def _only_sane_clamps(block: Block, params: list[Float64s]) -> Block:
    """Where min is above max, nothing is between them."""
    bad = params[0] > params[1]
    if not bad.any():
        return block
    if bad.all():
        return empty(block.values.shape[1])
    keep = block.values.copy()
    keep.view(np.int64)[:, bad] = MISSING_BITS
    return Block(block.labels, keep, block.dropped).without_empty_rows()


def _refuse_twins(block: Block) -> None:
    """Series that only their names tell apart, be it at different steps, as Prometheus does here.

    Elsewhere names fall step by step, and such series are joined.
    """
    labels = set(map(without_metadata, block.without_empty_rows().labels))
    if len(labels) < len(block.without_empty_rows().labels):
        raise EvaluationError(SAME_LABELSET)


@dataclass(frozen=True, slots=True)
class Negate:
    """The unary minus."""

    inner: Operator

    def run(self, context: Context) -> Value:
        """The value with the other sign."""
        value = self.inner.run(context)
        if not isinstance(value, Block):
            if isinstance(value, str):
                raise TypeError("a text has no sign")
            return -value
        negated = -value.values
        restore_missing(negated, value.values)
        histograms = scaled(value.histograms, -1.0)
        block = Block(value.labels, negated, value.dropped, histograms)
        if not context.delayed_name_removal:
            _refuse_twins(block)
        return name_dropped(block, context.delayed_name_removal)

    def explain(self) -> str:
        """The operator."""
        return "negate"
