"""parse -> plan -> optimize -> build -> run, under a deadline and a sample limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from prometheus_client import CollectorRegistry

from collector.model.clock import Clock, SystemClock
from collector.model.errors import InputError, QueryError
from collector.model.histogram_columns import COMPONENT, without_component
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s, Int64s, is_sample
from collector.query.active import ActiveQueries
from collector.query.annotations import Annotations
from collector.query.ast import Aggregation, Call, Expr, unwrap
from collector.query.block import Block, any_histograms, cleaned, undropped
from collector.query.build import build, build_windows
from collector.query.explanation import PlanStep
from collector.query.functions import RANGE, SCALAR, STRING
from collector.query.grid import Grid
from collector.query.interface import AS_SET, QueryOptions
from collector.query.operators.interface import Budget, Context, Windows
from collector.query.optimize import OPTIMIZERS
from collector.query.parser import parse
from collector.query.plan import Plan, plan_for
from collector.query.positions import located
from collector.query.range_cache import RangeCache
from collector.query.self_metrics import QueryMetrics
from collector.query.type_check import type_of
from collector.query.values import (
    Answer,
    HistogramSamples,
    Matrix,
    RawSeries,
    Scalar,
    Statistics,
    Text,
    Value,
    Vector,
)
from collector.query.walk import calls_in
from collector.store.interface import Querier, TierQuerier

_ORDERING_CALLS = frozenset(("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"))
_ORDERING_AGGREGATORS = frozenset(("topk", "bottomk"))


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Limits and defaults, Prometheus's own.

    `lookback_ms`: how old an instant selector's sample may be; `max_samples` and
    `timeout_seconds` bound one query, `max_concurrency` how many run at once; `max_points` the
    steps of a range query; `default_step_ms` is the step of subqueries that name none;
    `delayed_name_removal` keeps the name readable until the query's end (a feature flag of
    Prometheus 3); `range_cache_bytes` bounds the answers that are kept (0: none), and queries over
    `slow_query_seconds` are logged (0: none). `start_timestamps`: rates use when a counter began
    (a feature flag of Prometheus 3 too).
    """

    lookback_ms: int = 300_000
    max_samples: int = 50_000_000
    timeout_seconds: float = 120.0
    max_points: int = 11_000
    max_concurrency: int = 20
    default_step_ms: int = 60_000
    delayed_name_removal: bool = False
    range_cache_bytes: int = 64 << 20
    slow_query_seconds: float = 10.0
    start_timestamps: bool = False


@dataclass(slots=True)
class _Run:
    """One query on its way."""

    plan: Plan
    context: Context
    watch: PlanStep | None
    prepare_seconds: float
    queue_seconds: float = 0.0
    evaluate_seconds: float = 0.0

    def answer(self, value: Value) -> Answer:
        """The value with what there is to say of it."""
        annotations, budget = self.context.annotations, self.context.budget
        statistics = Statistics(
            queue_seconds=self.queue_seconds,
            prepare_seconds=self.prepare_seconds,
            evaluate_seconds=self.evaluate_seconds,
            samples=budget.read,
            peak_samples=budget.samples,
            samples_per_step=tuple(sorted((budget.read_at or {}).items())),
        )
        if self.watch is not None:
            self.watch.seconds, self.watch.samples = self.evaluate_seconds, budget.read
            self.watch.runs = 1
        return Answer(value, annotations.warnings, annotations.infos, statistics, self.watch)


class Engine:
    """Answers PromQL from a `Querier`; implements `QueryEngine`."""

    def __init__(
        self,
        querier: Querier,
        options: EngineOptions | None = None,
        clock: Clock | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._querier = querier
        self._options = options or EngineOptions()
        self._clock = clock or SystemClock()
        metrics = QueryMetrics(registry or CollectorRegistry())
        places, slow = self._options.max_concurrency, self._options.slow_query_seconds
        self._cache = RangeCache(self._options.range_cache_bytes, metrics)
        self.active = ActiveQueries(self._clock, places, slow, metrics)

    def instant(self, query: str, at_ms: int, options: QueryOptions = AS_SET) -> Answer:
        """The value of `query` at one time: Vector, RawSeries, Scalar or Text."""
        expr = parse(query)
        run = self._prepared(query, expr, Grid.at(at_ms), options)
        with self._placed(query, run):
            if type_of(expr) == RANGE:
                value: Value = self._raw(run)
            else:
                value = self._instant_value(expr, run, at_ms)
        return run.answer(value)

    def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_SET,
    ) -> Answer:
        """The value of `query` at start, start + step, … up to end: always a Matrix."""
        self._check_range(start_ms, end_ms, step_ms)
        expr = parse(query)
        if type_of(expr) in (RANGE, STRING):
            raise QueryError(
                f'invalid expression type "{_go_type(expr)}" for range query, '
                "must be Scalar or instant Vector"
            )
        run = self._prepared(query, expr, Grid(start_ms, end_ms, step_ms), options)
        _warn_of_sorting(expr, run.context.annotations)
        with self._placed(query, run):
            matrix = self._cache.matrix(run.plan, run.context, lambda grid: self._matrix(run, grid))
        return run.answer(matrix)

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[Labels]:
        """Label sets of series that satisfy any of the selectors, with samples in the range."""
        found: set[Labels] = set()
        for matchers in selectors:
            found.update(self._querier.series(matchers, start_ms - 1, end_ms))
        found = set(map(without_component, found))
        return sorted(found, key=lambda labels: labels.pairs)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Sorted label names of those series (all series when there is no selector)."""
        found: set[str] = set()
        for matchers in selectors or ((),):
            found.update(self._querier.label_names(matchers, start_ms - 1, end_ms))
        return sorted(found - {COMPONENT})

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Sorted values of one label of those series."""
        found: set[str] = set()
        if name == COMPONENT:
            return []
        for matchers in selectors or ((),):
            found.update(self._querier.label_values(name, matchers, start_ms - 1, end_ms))
        return sorted(found)

    @contextmanager
    def _placed(self, query: str, run: _Run) -> Iterator[None]:
        """Inside, the query has one of the places for queries that run at once."""
        with self.active.place(query, run.context.grid, run.context.budget) as waited:
            began = self._clock.monotonic_seconds()
            yield
            run.queue_seconds = waited
            run.evaluate_seconds = self._clock.monotonic_seconds() - began

    def _prepared(self, query: str, expr: Expr, grid: Grid, asked: QueryOptions) -> _Run:
        began = self._clock.monotonic_seconds()
        context = self._context(grid, Annotations(query), asked)
        try:
            plan = plan_for(expr, grid)
        except QueryError as error:
            raise located(query, error) from error
        for optimize in OPTIMIZERS:
            plan = optimize(plan)
        watch = PlanStep(text=query) if asked.explain else None
        return _Run(plan, context, watch, self._clock.monotonic_seconds() - began)

    def _context(self, grid: Grid, annotations: Annotations, asked: QueryOptions) -> Context:
        options = self._options
        timeout_seconds = options.timeout_seconds
        if asked.timeout_seconds is not None:
            timeout_seconds = min(timeout_seconds, asked.timeout_seconds)
        deadline = self._clock.monotonic_seconds() + timeout_seconds
        budget = Budget(self._clock, deadline, options.max_samples)
        if asked.per_step_samples:
            budget.read_at = Counter()
        return Context(
            self._querier,
            grid,
            options.lookback_ms if asked.lookback_ms is None else asked.lookback_ms,
            options.delayed_name_removal,
            annotations,
            budget,
            start_timestamps=options.start_timestamps,
            tiers=self._querier if isinstance(self._querier, TierQuerier) else None,
        )

    def _matrix(self, run: _Run, grid: Grid) -> Matrix:
        value = self._value(run, grid)
        if isinstance(value, str):
            raise TypeError("a text has no matrix")
        block = value if isinstance(value, Block) else undropped([Labels()], value[np.newaxis, :])
        block = _sorted(cleaned(block).without_empty_rows())
        histograms = any_histograms(block.histograms)
        return Matrix(block.labels, grid.times_ms, block.values, histograms)

    def _value(self, run: _Run, grid: Grid) -> Block | Float64s | str:
        operator = build(run.plan, self._options.default_step_ms, run.watch)
        return operator.run(run.context.on(grid))

    def _instant_value(self, expr: Expr, run: _Run, at_ms: int) -> Value:
        value = self._value(run, run.context.grid)
        if isinstance(value, str):
            return Text(value, at_ms)
        if not isinstance(value, Block):
            return Scalar(float(value[0]), at_ms)
        block = cleaned(value).without_empty_rows()
        if not _keeps_order(expr):
            block = _sorted(block)
        histograms = any_histograms(block.histograms)
        column = None if histograms is None else histograms[:, 0]
        return Vector(block.labels, block.values[:, 0], at_ms, column)

    def _raw(self, run: _Run) -> RawSeries:
        source = build_windows(run.plan, self._options.default_step_ms, run.watch)
        labels: list[Labels] = []
        samples: list[tuple[Int64s, Float64s]] = []
        histograms: list[HistogramSamples] = []
        for windows in source.windows(run.context):
            for row, floats, others in _raw_rows(windows):
                labels.append(windows.labels[row])
                samples.append(floats)
                histograms.append(others)
        order = sorted(range(len(labels)), key=lambda row: labels[row].pairs)
        return RawSeries(
            [labels[row] for row in order],
            [samples[row] for row in order],
            [histograms[row] for row in order] if any(histograms) else None,
        )

    def _check_range(self, start_ms: int, end_ms: int, step_ms: int) -> None:
        if step_ms <= 0:
            raise InputError(
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer"
            )
        if end_ms < start_ms:
            raise InputError("end timestamp must not be before start time")
        if (end_ms - start_ms) // step_ms > self._options.max_points:
            raise InputError(
                f"exceeded maximum resolution of {self._options.max_points:,} points per "
                "timeseries. Try decreasing the query resolution (?step=XX)"
            )


def _raw_rows(
    windows: Windows,
) -> Iterator[tuple[int, tuple[Int64s, Float64s], HistogramSamples]]:
    part = slice(int(windows.lo[0]), int(windows.hi[0]))
    times = windows.timestamps_ms[part]
    for row in range(len(windows.labels)):
        values = windows.values[row, part]
        keep = is_sample(np.ascontiguousarray(values))
        cells = () if windows.histograms is None else windows.histograms[row, part]
        others = tuple((int(time), one) for time, one in zip(times, cells, strict=False) if one)
        if keep.any() or others:
            yield row, (times[keep], values[keep]), others


def _warn_of_sorting(expr: Expr, annotations: Annotations) -> None:
    for call in calls_in(expr):
        if call.name in _ORDERING_CALLS:
            annotations.warn(
                "sort is ineffective for range queries since results are always ordered by labels",
                call.span,
            )


def _sorted(block: Block) -> Block:
    pairs = [labels.pairs for labels in block.labels]
    order = sorted(range(len(pairs)), key=pairs.__getitem__)
    if order == list(range(len(pairs))):
        return block
    return block.rows(np.array(order, np.int64))


def _keeps_order(expr: Expr) -> bool:
    inner = unwrap(expr)
    if isinstance(inner, Call):
        return inner.name in _ORDERING_CALLS
    return isinstance(inner, Aggregation) and inner.operator in _ORDERING_AGGREGATORS


def _go_type(expr: Expr) -> str:
    kind = type_of(expr)
    return kind if kind in (SCALAR, STRING) else "range vector"
