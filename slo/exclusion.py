"""`Exclusions`: what corrections take off the counts of every objective, kept up to date.

Events of a stretch come from the ledger's rows while it lasts and some time after, then once from
the store, and are kept. The ledger itself always holds what was counted: without its corrections an
objective has the figures that it had before them, bit by bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from collector.model.errors import TocsinError
from collector.model.samples import Bools, Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.corrections import Corrections, Selector
from slo.excluded import Events, Excluded, Part, excluded
from slo.excluded_events import from_ledger, from_store, has_forgotten, stretch_of
from slo.excluded_file import ExcludedFile, Key, key_of
from slo.ledger import Counts, Ledger
from slo.objective import Objective

SETTLE_MS = 60_000
"""After the end of a stretch, until its last samples have surely come."""
READ_A_TICK = 8
"""Stretches of single objectives that are read from the store in one tick; the ledger's rows serve
the others meanwhile."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one correction is for one objective; `key` is where its events are kept."""

    key: Key
    column: int
    start_ms: int
    end_ms: int


class Exclusions:
    """Not thread-safe: the engine holds a lock."""

    def __init__(
        self,
        corrections: Corrections,
        directory: Path,
        querier: Querier,
        queries: QueryEngine | None,
    ) -> None:
        """Raises StorageError when the events of a former run can't be read."""
        self.corrections = corrections
        self._file = ExcludedFile(directory)
        self._events = self._file.read()
        self._querier = querier
        self._queries = queries
        self._objectives: tuple[Objective, ...] = ()
        self._version = -1
        self._stretches: dict[int, list[_Stretch]] = {}
        self._settled: set[int] = set()
        self.by_column: dict[int, Excluded] = {}

    def update(self, objectives: tuple[Objective, ...], ledger: Ledger, now_ms: int) -> None:
        """Take in corrections, and the events up to now.

        Raises TocsinError when events could not be read or kept; all else was done then.
        """
        if objectives is not self._objectives or self._version != self.corrections.version:
            self._match(objectives, ledger)
        failure = self._keep_some(ledger, now_ms)
        for column, stretches in self._stretches.items():
            if column not in self._settled:
                begun = [one for one in stretches if one.start_ms < now_ms]
                self.by_column[column] = excluded([self._part(one, ledger) for one in begun])
                if all(one.key in self._events for one in stretches):
                    self._settled.add(column)
        if failure is not None:
            raise failure

    def adjusted(self, raw: Counts) -> Counts:
        """Counts of all objectives without what is excluded; the same when nothing is."""
        if not self.by_column:
            return raw
        bad, total = raw.bad.copy(), raw.total.copy()
        for column, one in self.by_column.items():
            off_bad, off_total = one.between(raw.start_ms, raw.end_ms)
            total[column] = max(total[column] - off_total, 0.0)
            bad[column] = min(max(bad[column] - off_bad, 0.0), total[column])
        return Counts(raw.start_ms, raw.end_ms, bad, total)

    def cumulative(
        self, ledger: Ledger, column: int, times_ms: Int64s
    ) -> tuple[Float64s, Float64s]:
        """`Ledger.cumulative` without what is excluded."""
        if column not in self.by_column:
            return ledger.cumulative(column, times_ms)
        times, bad, total = ledger.rows_of(column)
        if not len(times):
            return np.zeros(len(times_ms)), np.zeros(len(times_ms))
        off_bad, off_total = self.by_column[column].before(times)
        index = np.maximum(np.searchsorted(times, times_ms, side="right") - 1, 0)
        kept = (np.maximum.accumulate(bad - off_bad), np.maximum.accumulate(total - off_total))
        return kept[0][index], kept[1][index]

    def ongoing(self, now_ms: int) -> Bools:
        """Which objectives are in an excluded stretch now (bool[n])."""
        found = np.zeros(len(self._objectives), np.bool_)
        for column, one in self.by_column.items():
            found[column] = one.covers(now_ms)
        return found

    def of(self, correction: str) -> dict[str, Events]:
        """The events that a correction excludes, by objective, where they were read already.

        Events that another correction excludes too are in both.
        """
        return {
            self._objectives[one.column].id: self._events[one.key]
            for stretches in self._stretches.values()
            for one in stretches
            if one.key[0] == correction and one.key in self._events
        }

    def matched(self, selector: Selector) -> list[str]:
        """Ids of the objectives that are selected now."""
        return [one.id for one in self._objectives if selector.matches(one)]

    def _match(self, objectives: tuple[Objective, ...], ledger: Ledger) -> None:
        self._objectives, self._version = objectives, self.corrections.version
        self._stretches = {}
        self._settled = set()
        self.by_column = {}
        times = ledger.row_times
        reach_ms = int(times[0]) if len(times) else 0  # no window begins before it
        for correction in self.corrections.in_force:
            if correction.end_ms <= reach_ms:
                continue
            for column, objective in enumerate(objectives):
                if correction.selector.matches(objective):
                    edges = stretch_of(objective, correction.start_ms, correction.end_ms)
                    one = _Stretch(key_of(correction.id, objective), column, *edges)
                    self._stretches.setdefault(column, []).append(one)

    def _keep_some(self, ledger: Ledger, now_ms: int) -> TocsinError | None:
        """Read what is over from the store; the last thing that failed."""
        failure = None
        due = (
            one
            for column, stretches in self._stretches.items()
            if column not in self._settled
            for one in stretches
            if one.key not in self._events and one.end_ms + SETTLE_MS <= now_ms
        )
        for one in islice(due, READ_A_TICK):
            try:
                self._keep(one, ledger)
            except TocsinError as error:
                failure = error
        return failure

    def _keep(self, one: _Stretch, ledger: Ledger) -> None:
        """Read the events of a stretch that is over, and keep them for good."""
        objective, edges = self._objectives[one.column], (one.start_ms, one.end_ms)
        found = from_store(objective, self._querier, self._queries, ledger.row_times, *edges)
        if has_forgotten(found, ledger, one.column, *edges):
            found = from_ledger(ledger, one.column, *edges)
        self._file.append(one.key, found)
        self._events[one.key] = found

    def _part(self, one: _Stretch, ledger: Ledger) -> Part:
        events = self._events.get(one.key)
        if events is None:
            events = from_ledger(ledger, one.column, one.start_ms, one.end_ms)
        return Part(one.start_ms, one.end_ms, events)
