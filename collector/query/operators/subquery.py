"""Runs an inner plan on its own grid, whose times are absolute multiples of the step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.histograms import ResetHint
from collector.query.ast import Extension
from collector.query.block import Cells, are_histograms
from collector.query.dense_histograms import DenseHistograms
from collector.query.grid import Grid
from collector.query.operators.interface import Context, Operator, Windows, vector, windows_over
from collector.query.operators.scan import evaluation_times


@dataclass(frozen=True, slots=True)
class SubqueryWindows:
    """`expr[range:step]`."""

    inner: Operator
    range_ms: int
    step_ms: int
    offset_ms: int
    at_ms: int | None

    @property
    def extension(self) -> Extension:
        """Subqueries know none."""
        return ""

    @property
    def metric_name(self) -> str:
        """Not known."""
        return ""

    def windows(self, context: Context) -> list[Windows]:
        """The inner values at the grid's times within `(step - range, step]` of each step."""
        ends = evaluation_times(context, self.offset_ms, self.at_ms)
        if not len(ends):
            return []
        starts = ends - self.range_ms
        after, until = int(starts.min()), int(ends.max())
        first = after // self.step_ms * self.step_ms + self.step_ms
        context.budget.load(max((until - first) // self.step_ms + 1, 0))  # before it takes memory
        grid = Grid(first, until, self.step_ms)
        block = vector(self.inner, context.on(grid))
        if not len(block.labels):
            return []
        return [
            windows_over(
                block.labels,
                block.dropped,
                grid.times_ms,
                block.values,
                starts,
                ends,
                _without_resets(block.cells),
            )
        ]

    def explain(self) -> str:
        """What is run, and how often."""
        return f"subquery over {self.range_ms} ms each {self.step_ms} ms"


def _without_resets(histograms: Cells | None) -> Cells | None:
    """What samples say of a reset before them holds for their neighbours, not across steps."""
    if histograms is None:
        return None
    if isinstance(histograms, DenseHistograms):
        gauge, unknown = int(ResetHint.GAUGE), int(ResetHint.UNKNOWN)
        hints = np.where(histograms.hints == gauge, gauge, unknown)
        return DenseHistograms(histograms.layout, histograms.data, histograms.there, hints)
    told = histograms.copy()
    for row, step in np.argwhere(are_histograms(histograms)).tolist():
        if histograms[row, step].reset_hint != ResetHint.GAUGE:
            told[row, step] = histograms[row, step].with_hint(ResetHint.UNKNOWN)
    return told
