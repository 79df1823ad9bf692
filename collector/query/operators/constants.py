"""What needs no samples, or makes scalars of vectors and vectors of scalars."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from collector.model.labels import NO_LABELS, Labels
from collector.model.samples import MISSING_BITS, Float64s, filled
from collector.query.block import Block, name_dropped, undropped
from collector.query.grid import Grid
from collector.query.operators.interface import Context, Operator, Value, scalar, vector


@dataclass(frozen=True, slots=True)
class Constant:
    """The same number at every step."""

    value: float

    def run(self, context: Context) -> Float64s:
        """float64[t]."""
        return np.full(len(context.grid), self.value)

    def explain(self) -> str:
        """The number."""
        return f"constant {self.value}"


@dataclass(frozen=True, slots=True)
class ConstantText:
    """A text."""

    value: str

    def run(self, context: Context) -> str:
        """The text."""
        return self.value

    def explain(self) -> str:
        """The text."""
        return f"text {self.value!r}"


@dataclass(frozen=True, slots=True)
class ScalarFunction:
    """`time()`, `pi()`, `min_of`, `max_of`."""

    name: str
    args: tuple[Operator, ...] = ()

    def run(self, context: Context) -> Float64s:
        """float64[t]."""
        if self.name == "time":
            return context.grid.times_ms / 1000
        if self.name == "pi":
            return np.full(len(context.grid), math.pi)
        left, right = (scalar(arg, context) for arg in self.args)
        return np.minimum(left, right) if self.name == "min_of" else np.maximum(left, right)

    def explain(self) -> str:
        """The function."""
        return self.name


@dataclass(frozen=True, slots=True)
class ToScalar:
    """`scalar(v)`: the value of the only series there is at a step, else NaN."""

    inner: Operator

    def run(self, context: Context) -> Float64s:
        """float64[t]."""
        block = vector(self.inner, context)
        present = block.floats()
        result = np.full(len(context.grid), np.nan)
        single = present.sum(axis=0) == 1
        steps = np.flatnonzero(single)
        if len(steps):
            result[steps] = block.values[present[:, steps].argmax(axis=0), steps]
        return result

    def explain(self) -> str:
        """The function."""
        return "scalar"


@dataclass(frozen=True, slots=True)
class ToVector:
    """`vector(s)`: one series without labels."""

    inner: Operator

    def run(self, context: Context) -> Block:
        """One row."""
        return undropped([NO_LABELS], scalar(self.inner, context)[np.newaxis, :].copy())

    def explain(self) -> str:
        """The function."""
        return "vector"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """`timestamp(v)` of what is no plain selector: the time of the step."""

    inner: Operator
    is_sample_time: bool

    def run(self, context: Context) -> Block:
        """Seconds."""
        block = vector(self.inner, context)
        if not self.is_sample_time:
            seconds = np.broadcast_to(context.grid.times_ms / 1000, block.values.shape)
            values = np.where(block.present(), seconds.view(np.int64), MISSING_BITS)
            block = Block(block.labels, values.view(np.float64), block.dropped)
        return name_dropped(block, context.delayed_name_removal)

    def explain(self) -> str:
        """The function."""
        return "timestamp"


@dataclass(frozen=True, slots=True)
class StartTimestamp:
    """`start_timestamp(v)`: when the counter of each sample began; of a plain selector only."""

    inner: Operator
    is_start_time: bool

    def run(self, context: Context) -> Block:
        """Seconds, 0 where not known; no series where start timestamps are not in use."""
        block = vector(self.inner, context)
        if not self.is_start_time:
            return block.rows(np.zeros(len(block.labels), np.bool_))
        return name_dropped(block, context.delayed_name_removal)

    def explain(self) -> str:
        """The function."""
        return "start_timestamp"


@dataclass(frozen=True, slots=True)
class Absent:
    """1 where the inner vector has no series."""

    inner: Operator
    labels: Labels

    def run(self, context: Context) -> Block:
        """One row, or none."""
        present = vector(self.inner, context).present().any(axis=0)
        values = filled((1, len(context.grid)))
        values[0, ~present] = 1.0
        return undropped([self.labels], values).without_empty_rows()

    def explain(self) -> str:
        """The function."""
        return f"absent {self.labels}"


@dataclass(frozen=True, slots=True)
class RunOnce:
    """Runs at the first step only, and repeats the value."""

    inner: Operator

    def run(self, context: Context) -> Value:
        """The value at every step."""
        steps = len(context.grid)
        if steps <= 1:
            return self.inner.run(context)
        value = self.inner.run(context.on(Grid.at(context.grid.start_ms)))
        if isinstance(value, str):
            return value
        if isinstance(value, Block):
            context.budget.load(len(value.labels) * steps)
            repeated = np.repeat(value.values.view(np.int64), steps, axis=1).view(np.float64)
            cells = value.histograms
            histograms = None if cells is None else np.repeat(cells, steps, axis=1)
            return Block(value.labels, repeated, value.dropped, histograms)
        return np.repeat(value, steps)

    def explain(self) -> str:
        """That it runs once."""
        return f"once: {self.inner.explain()}"
