"""What objectives see that are not made of counters: queries that are asked, slices of composites.

A ledger asks each for the events of a stretch of time, in the past as it runs, with the same
answers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from collector.model.errors import TocsinError
from collector.model.samples import Bools, Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.composite import SETTLE_MS, CompositeIndicator
from slo.objective import Objective
from slo.sampled import FRESH_MS, Sampler
from slo.store_events import slices_of

log = logging.getLogger(__name__)
_NO_TIMES = np.zeros(0, np.int64)


class Observers:
    """Of some objectives; `columns` are the places of those that are observed, not counted."""

    def __init__(
        self, objectives: Sequence[Objective], querier: Querier, engine: QueryEngine | None
    ) -> None:
        """`engine` answers queries; without it sampled indicators see nothing."""
        self._sampler = Sampler(objectives, engine)
        self._querier, self._engine = querier, engine
        self._composites = {
            column: one
            for column, one in enumerate(objectives)
            if isinstance(one.indicator, CompositeIndicator)
        }
        found = [*self._sampler.columns.tolist(), *self._composites]
        self.columns = np.array(sorted(found), np.int64)
        self._fresh_ms = self._sampler.fresh_ms.copy()
        for column, one in self._composites.items():
            assert isinstance(one.indicator, CompositeIndicator)  # noqa: S101 # as chosen above
            self._fresh_ms[column] = FRESH_MS + 2 * one.indicator.every_ms
        self.last_ms = self._sampler.last_ms

    def resume(self, last_ms: Int64s) -> None:
        """Go on from where each was last seen (int64[n], -1 for never)."""
        self.last_ms = self._sampler.last_ms = last_ms

    def set_back(self, now_ms: int) -> None:
        """Nothing was seen later than now."""
        np.minimum(self.last_ms, now_ms, out=self.last_ms)

    def observed(
        self, column: int, after_ms: int, now_ms: int, has_begun: bool = True
    ) -> tuple[Int64s, Float64s, Float64s]:
        """Times in `(after_ms, now_ms]` of what was seen, bad and all events at each.

        Unless it `has_begun`, a composite begins with the first slice in which a part had events.
        What can't be read is logged and has seen nothing.
        """
        one = self._composites.get(column)
        if one is None:
            return self._sampler.observed(column, after_ms, now_ms)
        assert isinstance(one.indicator, CompositeIndicator)  # noqa: S101 # as chosen above
        try:
            ends, found = slices_of(one.indicator, self._querier, self._engine, after_ms, now_ms)
        except TocsinError as error:
            log.warning("the parts of %s can't be read: %s", one.id, error)
            return _NO_TIMES, np.zeros(0), np.zeros(0)
        times, seen = ends + SETTLE_MS, np.flatnonzero(found.is_seen)
        if len(seen):
            self.last_ms[column] = max(self.last_ms[column], int(times[seen[-1]]))
        first = 0 if has_begun else int(seen[0]) if len(seen) else len(times)
        return times[first:], found.bad[first:], found.total[first:]

    def look_back(self, columns: Bools, now_ms: int) -> None:
        """Find out whether some had data lately, which a restart does not know."""
        for column in self.columns[columns[self.columns]].tolist():
            self.observed(column, now_ms - int(self._fresh_ms[column]), now_ms)

    def has_data(self, now_ms: int) -> Bools:
        """Which objectives saw something lately (bool[n])."""
        lately = (self.last_ms >= 0) & (self.last_ms > now_ms - self._fresh_ms)
        composites = np.zeros(len(lately), np.bool_)
        composites[list(self._composites)] = True
        return np.where(composites, lately, self._sampler.has_data(now_ms))
