"""Runs what stands in a query several times once for each grid, and hands the value to all.

What a run has to say (annotations) names a place in the query: where there is any, each place runs
for itself. Values that are handed on can't be written to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.query.ast import Extension
from collector.query.block import Block
from collector.query.operators.interface import Context, Operator, Value, Windows, WindowSource


@dataclass(frozen=True, slots=True)
class SharedValue:
    """One place of a plan that is shared; `slot` is the same for all places of the plan."""

    inner: Operator
    slot: int

    def run(self, context: Context) -> Value:
        """The value that another place has found, or its own."""
        key = (self.slot, context.grid)
        known = context.shared.get(key)
        if known is not None:
            return known  # type: ignore[return-value]
        said = context.annotations.count
        value = self.inner.run(context)
        if isinstance(value, Block):
            value.values.flags.writeable = value.dropped.flags.writeable = False
        elif isinstance(value, np.ndarray):
            value.flags.writeable = False
        if context.annotations.count == said:
            context.shared[key] = value
        return value

    def explain(self) -> str:
        """The inner plan, which stands here and elsewhere."""
        return f"shared {self.slot}"


@dataclass(frozen=True, slots=True)
class SharedWindows:
    """The same for a range vector."""

    inner: WindowSource
    slot: int

    @property
    def range_ms(self) -> int:
        """The inner windows' length."""
        return self.inner.range_ms

    @property
    def extension(self) -> Extension:
        """The inner source's."""
        return self.inner.extension

    @property
    def metric_name(self) -> str:
        """The inner source's."""
        return self.inner.metric_name

    def windows(self, context: Context) -> list[Windows]:
        """The windows that another place has found, or its own."""
        key = (self.slot, context.grid)
        known = context.shared.get(key)
        if known is not None:
            return known  # type: ignore[return-value]
        said = context.annotations.count
        found = self.inner.windows(context)
        if context.annotations.count == said:
            context.shared[key] = found
        return found

    def explain(self) -> str:
        """The inner plan, which stands here and elsewhere."""
        return f"shared {self.slot}"
