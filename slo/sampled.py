"""Indicators that are looked at, not counted: a query asked at regular times.

At each multiple of `every_ms` the query is evaluated; each series that it answers is one event, bad
unless its value satisfies the comparison, or in part where the value is a ratio. So a probe, a
gauge over its threshold, or the age of a newest result is an event each time it is looked at. NaN
is no observation. What a stretch of the past would have shown is asked by range queries, with the
same answers.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from collector.model.errors import TocsinError
from collector.model.samples import Bools, Float64s, Int64s, is_sample
from collector.query.interface import QueryEngine
from collector.query.values import Matrix
from slo.objective import Objective, SampledIndicator

log = logging.getLogger(__name__)

POINTS_AT_ONCE = 10_000
"""Below the 11,000 steps that one range query may have."""
FRESH_MS = 5 * 60_000
"""Without a sample for as long as a PromQL selector looks back, an objective has no data."""
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


class Sampler:
    """Asks the queries of the objectives that have one; `columns` are their places."""

    def __init__(self, objectives: Sequence[Objective], engine: QueryEngine | None) -> None:
        """Without an engine, sampled indicators see nothing."""
        self._engine = engine
        self._indicators = {
            column: one.indicator
            for column, one in enumerate(objectives)
            if isinstance(one.indicator, SampledIndicator)
        }
        self.columns = np.array(list(self._indicators), np.int64)
        self.last_ms = np.full(len(objectives), -1, np.int64)
        self.fresh_ms = np.full(len(objectives), FRESH_MS, np.int64)
        for column, indicator in self._indicators.items():
            self.fresh_ms[column] = max(FRESH_MS, 2 * indicator.every_ms)
        self.failures: dict[int, str] = {}

    def observed(
        self, column: int, after_ms: int, now_ms: int
    ) -> tuple[Int64s, Float64s, Float64s]:
        """Times in `(after_ms, now_ms]` at which the query was asked, bad and all events at each.

        A query that fails is logged, kept in `failures`, and has seen nothing.
        """
        every_ms = self._indicators[column].every_ms
        first = after_ms // every_ms + 1
        times = np.arange(first * every_ms, now_ms + 1, every_ms, dtype=np.int64)
        bad, total = np.zeros(len(times)), np.zeros(len(times))
        for start in range(0, len(times), POINTS_AT_ONCE):
            some = slice(start, start + POINTS_AT_ONCE)
            bad[some], total[some] = self._ask(column, times[some])
        seen = np.flatnonzero(total)
        if len(seen):
            self.last_ms[column] = max(self.last_ms[column], int(times[seen[-1]]))
        return times, bad, total

    def has_data(self, now_ms: int) -> Bools:
        """Which objectives saw something lately (bool[n])."""
        return np.asarray((self.last_ms >= 0) & (self.last_ms > now_ms - self.fresh_ms))

    def _ask(self, column: int, times: Int64s) -> tuple[Float64s, Float64s]:
        indicator, none = self._indicators[column], np.zeros(len(times))
        if self._engine is None:
            return none, none
        try:
            answer = self._engine.range(
                indicator.query, int(times[0]), int(times[-1]), indicator.every_ms
            )
        except TocsinError as error:
            self.failures[column] = str(error)
            log.warning("the query of an SLO failed: %s", error)
            return none, none
        self.failures.pop(column, None)
        assert isinstance(answer.value, Matrix)  # noqa: S101 # what a range query answers
        return _events(indicator, answer.value, times)


def _share_of_bad(indicator: SampledIndicator, values: Float64s) -> Float64s:
    if indicator.operator == "failure":
        return np.clip(values, 0.0, 1.0)
    if indicator.operator == "success":
        return 1.0 - np.clip(values, 0.0, 1.0)
    good = _COMPARE[indicator.operator](values, indicator.threshold)
    return np.where(good, 0.0, 1.0)


def _events(
    indicator: SampledIndicator, matrix: Matrix, times: Int64s
) -> tuple[Float64s, Float64s]:
    bad, total = np.zeros(len(times)), np.zeros(len(times))
    place = np.searchsorted(times, matrix.timestamps_ms)
    if len(matrix.labels):
        seen = is_sample(matrix.values) & ~np.isnan(matrix.values)
        share = _share_of_bad(indicator, matrix.values)
        total[place] = seen.sum(axis=0)
        bad[place] = np.where(seen, share, 0.0).sum(axis=0)
    return bad, total
