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
from slo.excluded_events import from_ledger, has_forgotten
from slo.excluded_file import ExcludedFile, Key, key_of
from slo.excluded_sums import ExcludedSums
from slo.ledger import Counts, Ledger
from slo.objective import Objective
from slo.store_events import from_store, stretch_of

SETTLE_MS = 60_000
"""After the end of a stretch, until its last samples have surely come."""
READ_A_TICK = 25
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
        self._standing: dict[tuple[int, int], Int64s] = {}
        self._by_column: dict[int, Excluded] = {}
        self._sums = ExcludedSums({})

    def update(self, objectives: tuple[Objective, ...], ledger: Ledger, now_ms: int) -> None:
        """Take in corrections, and the events up to now.

        Raises TocsinError when events could not be read or kept; all else was done then.
        """
        if objectives is not self._objectives or self._version != self.corrections.version:
            self._match(objectives, ledger)
        failure = self._keep_some(ledger, now_ms)
        if len(self._settled) < len(self._stretches):
            self._take_in(ledger, now_ms)
        if failure is not None:
            raise failure

    def _take_in(self, ledger: Ledger, now_ms: int) -> None:
        """What is excluded now of the objectives with stretches that were not read yet."""
        standing: dict[tuple[int, int], list[int]] = {}
        for column, stretches in self._stretches.items():
            if column in self._settled:
                continue
            begun = [one for one in stretches if one.start_ms < now_ms]
            first = stretches[0]
            if len(stretches) == len(begun) == 1 and first.key not in self._events:
                standing.setdefault((first.start_ms, first.end_ms), []).append(column)
                continue
            self._by_column[column] = excluded([self._part(one, ledger) for one in begun])
            if all(one.key in self._events for one in stretches):
                self._settled.add(column)
        self._standing = {edges: np.array(found, np.int64) for edges, found in standing.items()}
        self._sums = ExcludedSums(self._by_column)

    def adjusted(self, ledger: Ledger, raw: Counts) -> Counts:
        """Counts of all objectives without what is excluded; the same when nothing is."""
        if not self._stretches:
            return raw
        bad, total = raw.bad.copy(), raw.total.copy()
        for (start_ms, end_ms), columns in self._standing.items():
            found = ledger.between(max(start_ms, raw.start_ms), min(end_ms, raw.end_ms))
            _take_off(bad, total, columns, (found.bad[columns], found.total[columns]))
        if len(self._sums.columns):
            off = self._sums.between(raw.start_ms, raw.end_ms)
            _take_off(bad, total, self._sums.columns, off)
        return Counts(raw.start_ms, raw.end_ms, bad, total)

    def of_column(self, ledger: Ledger, column: int) -> Excluded | None:
        """What is excluded of one objective, if anything is."""
        for edges, columns in self._standing.items():
            if column in columns:
                events = from_ledger(ledger, column, *edges)
                return excluded([Part(*edges, events)])
        return self._by_column.get(column)

    def cumulative(
        self, ledger: Ledger, column: int, times_ms: Int64s
    ) -> tuple[Float64s, Float64s]:
        """`Ledger.cumulative` without what is excluded."""
        found = self.of_column(ledger, column)
        if found is None:
            return ledger.cumulative(column, times_ms)
        times, bad, total = ledger.rows_of(column)
        if not len(times):
            return np.zeros(len(times_ms)), np.zeros(len(times_ms))
        off_bad, off_total = found.before(times)
        index = np.maximum(np.searchsorted(times, times_ms, side="right") - 1, 0)
        kept = (np.maximum.accumulate(bad - off_bad), np.maximum.accumulate(total - off_total))
        return kept[0][index], kept[1][index]

    def ongoing(self, now_ms: int) -> Bools:
        """Which objectives are in an excluded stretch now (bool[n])."""
        found = np.zeros(len(self._objectives), np.bool_)
        for column, one in self._by_column.items():
            found[column] = one.covers(now_ms)
        for (start_ms, end_ms), columns in self._standing.items():
            found[columns] = start_ms < now_ms <= end_ms
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
        self._standing, self._by_column = {}, {}
        self._sums = ExcludedSums({})
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
        if ledger.is_silent(one.column, *edges) or has_forgotten(found, ledger, one.column, *edges):
            found = from_ledger(ledger, one.column, *edges)
        self._file.append(one.key, found)
        self._events[one.key] = found

    def _part(self, one: _Stretch, ledger: Ledger) -> Part:
        events = self._events.get(one.key)
        if events is None:
            events = from_ledger(ledger, one.column, one.start_ms, one.end_ms)
        return Part(one.start_ms, one.end_ms, events)


def _take_off(
    bad: Float64s, total: Float64s, columns: Int64s, off: tuple[Float64s, Float64s]
) -> None:
    """Subtract of some columns, never below nothing nor to more bad events than there are."""
    total[columns] = np.maximum(total[columns] - off[1], 0.0)
    bad[columns] = np.clip(bad[columns] - off[0], 0.0, total[columns])
