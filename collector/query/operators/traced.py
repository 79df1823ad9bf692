"""Operators that write down what the operator inside them did: time, samples, series."""

from __future__ import annotations

from dataclasses import dataclass

from collector.query.ast import Extension
from collector.query.block import Block
from collector.query.explanation import PlanStep
from collector.query.operators.interface import Context, Operator, Value, Windows, WindowSource


@dataclass(frozen=True, slots=True)
class Traced:
    """An operator that is watched."""

    inner: Operator
    step: PlanStep

    def run(self, context: Context) -> Value:
        """The inner operator's value."""
        mark = _Mark(context)
        value = self.inner.run(context)
        mark.write(self.step, len(value.labels) if isinstance(value, Block) else 1)
        self.step.text = self.inner.explain()
        return value

    def explain(self) -> str:
        """The inner operator's."""
        return self.inner.explain()


@dataclass(frozen=True, slots=True)
class TracedWindows:
    """A source of windows that is watched."""

    inner: WindowSource
    step: PlanStep

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
        """The inner source's windows."""
        mark = _Mark(context)
        found = self.inner.windows(context)
        mark.write(self.step, sum(len(one.labels) for one in found))
        self.step.text = self.inner.explain()
        return found

    def explain(self) -> str:
        """The inner source's."""
        return self.inner.explain()


class _Mark:
    """Where the query stood when an operator began."""

    def __init__(self, context: Context) -> None:
        self._budget = context.budget
        self._began = self._budget.clock.monotonic_seconds()
        self._read = self._budget.read

    def write(self, step: PlanStep, series: int) -> None:
        step.seconds += self._budget.clock.monotonic_seconds() - self._began
        step.samples += self._budget.read - self._read
        step.series = max(step.series, series)
        step.runs += 1
