"""`Operator` and what it runs in: every operator gives a value over all steps of a `Grid`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from collector.model.clock import Clock
from collector.model.errors import CancelledError, LimitError, UnavailableError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Bools, Float64s, Int64s
from collector.query.annotations import Annotations
from collector.query.ast import Extension
from collector.query.block import Block, Cells, Histograms, as_objects
from collector.query.dense_histograms import DenseHistograms
from collector.query.grid import Grid
from collector.store.interface import Querier, Slice, TierQuerier

Value = Block | Float64s | str
"""A vector over steps, a scalar over steps (float64[t]), or a text."""


@dataclass(slots=True)
class Budget:
    """What one query may still use; shared by all its operators.

    `samples` counts the cells that were loaded or made; `read` the samples that selectors gave, one
    for each window or step that it is in, and `read_at` the same by step where that is wanted.
    Anyone may set `cancelled` to end the query at its next look.
    """

    clock: Clock
    deadline_seconds: float
    max_samples: int
    samples: int = 0
    read: int = 0
    read_at: Counter[int] | None = None
    cancelled: bool = False
    has_read_histograms: bool = False

    def load(self, samples: int) -> None:
        """Count cells that were loaded or made. Raises LimitError past the limit."""
        self.samples += samples
        if self.samples > self.max_samples:
            raise LimitError(
                "query processing would load too many samples into memory in query execution",
                advice=f"the limit is {self.max_samples:,}: narrow the selector or the range",
            )
        self.check_time()

    def count_read(self, times_ms: Int64s, samples: Int64s) -> None:
        """Count what a selector gave (int64[t]) at each of these times."""
        self.read += int(samples.sum())
        if self.read_at is not None:
            for time_ms, count in zip(times_ms.tolist(), samples.tolist(), strict=True):
                self.read_at[time_ms] += count

    def check_time(self) -> None:
        """Raises UnavailableError past the deadline, CancelledError for a query that was ended."""
        if self.cancelled:
            raise CancelledError("query was canceled in expression evaluation")
        if self.clock.monotonic_seconds() > self.deadline_seconds:
            raise UnavailableError("query timed out in expression evaluation")


class SampleReader(Protocol):
    """What selectors need of a `Querier`."""

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """See `Querier.select`."""
        ...

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """See `Querier.match`."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """Where and when operators run. `grid` is that of this evaluation: a subquery has its own.

    `shared` holds what several places of the query use, by their number and the grid;
    `start_timestamps`: rates use when a counter began, where that is known. `tiers` answers for
    ranges whose samples are gone, None where there are none. `reader`: selectors read there, not
    in the querier; their windows are `least_range_ms` long, or longer.
    """

    querier: Querier
    grid: Grid
    lookback_ms: int
    delayed_name_removal: bool
    annotations: Annotations
    budget: Budget
    shared: dict[tuple[int, Grid], object] = field(default_factory=dict)
    start_timestamps: bool = False
    tiers: TierQuerier | None = None
    reader: SampleReader | None = None
    least_range_ms: int = 0

    def on(self, grid: Grid) -> Context:
        """The same query at other times."""
        return replace(self, grid=grid)


@dataclass(frozen=True, slots=True)
class Windows:
    """A range vector over steps: step s has the columns `lo[s]` to `hi[s]` (half-open).

    `timestamps_ms` int64[m], `values` float64[n, m] (STALE and MISSING by bits) beside `labels`
    and `dropped`; `starts_ms` and `ends_ms` int64[t] are the windows' own bounds. `histograms`
    object[n, m] has the cells that are native histograms (MISSING in `values`), None where none is.
    `began_ms` int64[n, m] are start timestamps, 0 where unknown, None where none is known or they
    are not to be used. `refs` int64[n] are those of the store, None for what is not its series.
    """

    labels: Sequence[Labels]
    dropped: Bools
    timestamps_ms: Int64s
    values: Float64s
    lo: Int64s
    hi: Int64s
    starts_ms: Int64s
    ends_ms: Int64s
    cells: Cells | None = None
    began_ms: Int64s | None = None
    refs: Int64s | None = None

    @property
    def histograms(self) -> Histograms | None:
        """object[n, m], one by one; None where there are none."""
        return as_objects(self.cells)

    @property
    def dense(self) -> DenseHistograms | None:
        """All histograms as one array, if that is how they are kept."""
        return self.cells if isinstance(self.cells, DenseHistograms) else None


def windows_over(
    labels: Sequence[Labels],
    dropped: Bools,
    timestamps_ms: Int64s,
    values: Float64s,
    starts_ms: Int64s,
    ends_ms: Int64s,
    cells: Cells | None = None,
    began_ms: Int64s | None = None,
    refs: Int64s | None = None,
) -> Windows:
    """Windows `(start, end]` over one column of timestamps, bounds searched once for all series."""
    lo = np.searchsorted(timestamps_ms, starts_ms, side="right")
    hi = np.searchsorted(timestamps_ms, ends_ms, side="right")
    samples = (timestamps_ms, values, lo, hi, starts_ms, ends_ms)
    return Windows(labels, dropped, *samples, cells, began_ms, refs)


class Operator(Protocol):
    """One node of the executable tree."""

    def run(self, context: Context) -> Value:
        """Its value at every step of the context's grid."""
        ...

    def explain(self) -> str:
        """One line: what it does."""
        ...


class WindowSource(Protocol):
    """An operator whose value is a range vector."""

    @property
    def range_ms(self) -> int:
        """The windows' length."""
        ...

    @property
    def extension(self) -> Extension:
        """`anchored` or `smoothed`: then lo and hi reach beyond the windows' own ends."""
        ...

    @property
    def metric_name(self) -> str:
        """The only name that the series can have, or "" where that is not known."""
        ...

    def windows(self, context: Context) -> list[Windows]:
        """Series with their windows; each series is in one element of the list."""
        ...

    def explain(self) -> str:
        """One line: what it does."""
        ...


def vector(operator: Operator, context: Context) -> Block:
    """Run an operator that gives a vector."""
    value = operator.run(context)
    if not isinstance(value, Block):
        raise TypeError(f"a vector was expected of {operator.explain()}")
    context.budget.check_time()
    return value


def scalar(operator: Operator, context: Context) -> Float64s:
    """Run an operator that gives a scalar: float64[t]."""
    value = operator.run(context)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a scalar was expected of {operator.explain()}")
    return value


def text(operator: Operator, context: Context) -> str:
    """Run an operator that gives a text."""
    value = operator.run(context)
    if not isinstance(value, str):
        raise TypeError(f"a text was expected of {operator.explain()}")
    return value
