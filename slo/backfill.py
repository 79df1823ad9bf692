"""Events of a stretch of the past, read from the store's samples: after a restart, or for a start.

The same rules as a running ledger: a counter that falls has begun again at zero; a series' first
sample counts where the store says so (`Querier.counter_totals`). A series that was counted before
has a mark, the time of the last sample that was: only later samples are events. Each event is put
at its sample's time, into the first row at or after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.durations import UNITS_MS
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from collector.model.samples import Bools, Float64s, Int64s, is_missing
from collector.store.interface import CounterTotals, Querier, Slice
from slo.indicators.counters import metric_names
from slo.late_events import GAP_MS, LateIncreases
from slo.members import Members, Resolver, Selector

CHUNK_MS = 6 * UNITS_MS["h"]
"""How much of the past is in memory at once."""
REFERENCE_MS = UNITS_MS["h"]
"""How far before its stretch a series' last sample is looked for."""
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Filled:
    """Cumulative events at `times` (int64[t], ascending; rows where any came): float64[t, columns].

    `first_ms` int64[series]: the first sample that was seen, -1 without one. `lost_marks`: series
    whose marked sample the store no longer has; they begin anew at their next sample. `late`: what
    came over gaps between samples since the marks.
    """

    times: Int64s
    bad: Float64s
    total: Float64s
    first_ms: Int64s
    lost_marks: int
    late: LateIncreases


class Backfill:
    """One reading of `(after_ms, …]` for some members; `fill` does it."""

    def __init__(
        self,
        resolver: Resolver,
        members: Members,
        totals: CounterTotals,
        after_ms: int,
        marks_ms: Int64s | None = None,
    ) -> None:
        """`marks_ms` int64[series] when others counted up to `after_ms`: -1 for a series without.

        Such a series was born since, so all of its samples count, even those that came late.
        """
        self._resolver = resolver
        self._members = members
        self._totals = totals
        self._after_ms = after_ms
        series = len(resolver.refs)
        used = np.zeros(series, np.bool_)
        used[members.used()] = True
        self._used = used
        self._marks = np.full(series, -1, np.int64) if marks_ms is None else marks_ms
        self._goes_on = marks_ms is not None
        unmarked_ms = -1 if self._goes_on else after_ms
        self._floor = np.where(self._marks >= 0, self._marks, unmarked_ms)
        self._carry = np.full(series, np.nan)
        self._carry_ms = np.full(series, -1, np.int64)
        self._late = LateIncreases(
            np.zeros(series), np.full(series, _NEVER, np.int64), np.full(series, -1, np.int64)
        )
        self._found_mark = np.zeros(series, np.bool_)
        self._counted = np.zeros(series)
        self._begun = np.zeros(series, np.bool_)
        self._seen_before = np.zeros(series, np.bool_)
        self._first_ms = np.full(series, -1, np.int64)
        self._first_value = np.zeros(series)
        self._order = np.argsort(resolver.refs)

    def fill(self, querier: Querier, times: Int64s) -> Filled:
        """The events up to the store's newest sample, put into rows at `times`."""
        shape = (len(times), self._members.columns)
        self._bad, self._total = np.zeros(shape), np.zeros(shape)  # rows take memory as they fill
        self._touched = np.zeros(len(times), np.bool_)
        active = self._used & (self._totals.last_ms > self._floor)
        if len(times) and active.any():
            self._old_references(querier, active)
            start_ms = self._after_ms - REFERENCE_MS
            for matchers in self._selections(active):
                self._read(querier, matchers, start_ms, int(self._totals.last_ms.max()), times)
            self._count_births(times)
        lost = active & (self._marks >= 0) & ~self._found_mark
        bad, total = self._bad[self._touched], self._total[self._touched]
        return Filled(
            times[self._touched],
            np.cumsum(bad, axis=0, out=bad),
            np.cumsum(total, axis=0, out=total),
            self._first_ms,
            int(lost.sum()),
            self._late,
        )

    def _selections(self, active: Bools) -> list[Selector]:
        """One selection a metric: the matchers that all selectors of its series share."""
        names = {self._resolver.labels[i].metric_name for i in np.flatnonzero(active)}
        shared: dict[str, Selector] = {}
        for selector in self._resolver.uses:
            for name in (metric_names(selector) or frozenset()) & names:
                known = shared.get(name, selector)
                shared[name] = tuple(one for one in known if one in selector)
        return [(Matcher("=", METRIC_NAME, name), *shared[name]) for name in sorted(shared)]

    def _old_references(self, querier: Querier, active: Bools) -> None:
        """Series whose mark lies before the stretch that is read: their marked sample alone."""
        old = active & (self._marks >= 0) & (self._marks <= self._after_ms - REFERENCE_MS)
        for position in np.flatnonzero(old).tolist():
            labels = self._resolver.labels[position]
            mark = int(self._marks[position])
            matchers = [Matcher("=", name, value) for name, value in labels.pairs]
            for part in querier.select(matchers, mark - REFERENCE_MS, mark):
                self._take(part, None)

    def _read(
        self, querier: Querier, matchers: Selector, start_ms: int, until_ms: int, times: Int64s
    ) -> None:
        for after_ms in range(start_ms, until_ms, CHUNK_MS):
            parts = querier.select(matchers, after_ms, min(after_ms + CHUNK_MS, until_ms))
            for part in parts:
                self._take(part, times)

    def _take(self, part: Slice, times: Int64s | None) -> None:
        """Count a slice's events; without `times`, only remember its last values."""
        rows, positions = self._rows_of(part)
        if not len(rows):
            return
        values, stamps = part.values[rows], part.timestamps_ms
        new = stamps[None, :] > self._floor[positions][:, None]
        new &= stamps[None, :] <= self._totals.last_ms[positions][:, None]
        known = np.isfinite(values) & (new | (stamps[None, :] <= self._floor[positions][:, None]))
        marked = (stamps[None, :] == self._marks[positions][:, None]) & ~is_missing(values)
        self._found_mark[positions] |= marked.any(axis=1)
        increments, last = increases(np.where(known, values, np.nan), self._carry[positions])
        self._carry[positions] = last
        self._seen_before[positions] |= (known & ~new).any(axis=1)
        self._note_first(positions, known & new, values, stamps, increments)
        counted = np.where(new, increments, 0.0)
        if self._goes_on:
            self._note_late(positions, known, stamps, counted)
        self._counted[positions] += counted.sum(axis=1)
        if times is not None:
            self._put(positions, counted, stamps, times)

    def _rows_of(self, part: Slice) -> tuple[Int64s, Int64s]:
        """Rows of a slice that are wanted, and their positions."""
        if not len(part.refs):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        refs = self._resolver.refs[self._order]
        index = np.minimum(np.searchsorted(refs, part.refs), len(refs) - 1)
        positions = self._order[index]
        rows = np.flatnonzero((refs[index] == part.refs) & self._used[positions])
        return rows, positions[rows]

    def _note_first(
        self,
        positions: Int64s,
        fresh: Bools,
        values: Float64s,
        stamps: Int64s,
        increments: Float64s,
    ) -> None:
        """A series' first sample of the stretch; one whose mark was lost begins there anew."""
        begins = ~self._begun[positions] & fresh.any(axis=1)
        column = fresh.argmax(axis=1)
        rows = np.flatnonzero(begins)
        here = positions[rows]
        self._begun[here] = True
        self._first_ms[here] = stamps[column[rows]]
        self._first_value[here] = values[rows, column[rows]]
        lost = (self._marks[here] >= 0) & ~self._found_mark[here]
        increments[rows[lost], column[rows[lost]]] = 0.0

    def _note_late(
        self, positions: Int64s, known: Bools, stamps: Int64s, counted: Float64s
    ) -> None:
        """Increases over more than GAP_MS without a sample."""
        before_ms, self._carry_ms[positions] = former_ms(known, stamps, self._carry_ms[positions])
        late = (counted > 0) & (before_ms >= 0) & (stamps[None, :] - before_ms > GAP_MS)
        if not late.any():
            return
        found = self._late
        found.events[positions] += np.where(late, counted, 0.0).sum(axis=1)
        first_ms = np.where(late, before_ms, _NEVER).min(axis=1)
        found.from_ms[positions] = np.minimum(found.from_ms[positions], first_ms)
        last_ms = np.where(late, stamps[None, :], -1).max(axis=1)
        found.until_ms[positions] = np.maximum(found.until_ms[positions], last_ms)

    def _put(self, positions: Int64s, counted: Float64s, stamps: Int64s, times: Int64s) -> None:
        row = np.minimum(np.searchsorted(times, stamps, side="left"), len(times) - 1)
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        by_row = np.add.reduceat(counted, starts, axis=1)
        for index, start in enumerate(starts):
            if by_row[:, index].any():
                self._put_row(int(row[start]), positions, by_row[:, index])

    def _put_row(self, row: int, positions: Int64s, events: Float64s) -> None:
        increments = np.zeros(len(self._resolver.refs))
        increments[positions] = events
        bad, total = self._members.sums(increments)
        self._bad[row] += bad
        self._total[row] += total
        self._touched[row] = True

    def _count_births(self, times: Int64s) -> None:
        """What the store counted beyond the increases: the first samples of born series."""
        more = self._totals.total - self._counted
        born = self._used & self._begun & (self._marks < 0) & ~self._seen_before & (more > 0)
        for time_ms in np.unique(self._first_ms[born]):
            here = np.flatnonzero(born & (self._first_ms == time_ms))
            row = min(int(np.searchsorted(times, time_ms)), len(times) - 1)
            self._put_row(row, here, np.minimum(more[here], self._first_value[here]))


def increases(values: Float64s, carry: Float64s) -> tuple[Float64s, Float64s]:
    """Increase at each sample over the one before it, and each series' last sample.

    `values` float64[n, t], NaN where no sample; `carry` float64[n] is the sample before the first,
    NaN for none. A fall is a reset: the whole value is the increase.
    """
    padded = np.concatenate([carry[:, None], values], axis=1)
    there = ~np.isnan(padded)
    columns = np.where(there, np.arange(padded.shape[1]), 0)
    latest = np.maximum.accumulate(columns, axis=1)
    before = np.take_along_axis(padded, latest[:, :-1], axis=1)
    grown = np.where(values >= before, values - before, values)
    grown[~there[:, 1:] | np.isnan(before)] = 0.0
    return grown, np.take_along_axis(padded, latest[:, -1:], axis=1)[:, 0]


def former_ms(there: Bools, stamps: Int64s, carry_ms: Int64s) -> tuple[Int64s, Int64s]:
    """When each sample's predecessor was (int64[n, t], -1 for none), and each series' last sample.

    `there` bool[n, t] at `stamps` int64[t]; `carry_ms` int64[n] is the sample before, -1 for none.
    """
    times = np.where(there, stamps[None, :], -1)
    latest = np.maximum.accumulate(np.concatenate([carry_ms[:, None], times], axis=1), axis=1)
    return latest[:, :-1], latest[:, -1]
