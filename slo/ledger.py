"""The ledger: bad and total events of every objective, exact to the event, over any window.

Once a tick the increments of all counters (resets mended by the store) are added to each
objective's counts, and the counts are kept as prefix sums at falling resolution: a window is a
subtraction. What was counted is saved with the time of each series' last counted sample, so that a
restart, even by kill -9, counts the samples that came since and no other. A new objective is filled
from the store's history. Counts are float64 and hold whole numbers exactly up to 2^53.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.samples import Bools, Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.backfill import Backfill, Filled
from slo.calendar_window import CalendarWindow
from slo.column_key import column_key, id_of
from slo.late_events import Late, LateEvents, late_increases
from slo.ledger_file import LedgerFile, Rows, Saved, replaced_rows
from slo.members import Members
from slo.objective import Objective, calendars_of, counters_of
from slo.observers import Observers
from slo.sampled import FRESH_MS
from slo.set_back import is_set_back
from slo.silences import RATE_MS, Silences
from slo.slices import Resolution, Slices, pick, resolutions
from slo.tally import Taken, Tally
from slo.timeslices import OpenSlices, Slicer, past_slices, picked, slice_ends
from slo.window import Window

SAVE_EVERY_MS = 60_000
NEVER_MS = -1


@dataclass(frozen=True, slots=True)
class Counts:
    """Events in `(start_ms, end_ms]`: bad and total are float64[objectives], never NaN."""

    start_ms: int
    end_ms: int
    bad: Float64s
    total: Float64s


class Ledger:
    """Counts events of `objectives`; not thread-safe: the engine holds a lock.

    `since_ms` int64[n] is the time from which each objective's events are known, -1 while none
    was seen; `lost_marks` counts series that a restart could not continue where they had been.
    `replaced` has by id the rows of objectives that counted something else before this start.
    """

    replaced: dict[str, Rows]

    since_ms: Int64s
    _keys: list[str]
    _windows: list[Window | CalendarWindow]
    _tally: Tally
    _rings: tuple[Resolution, ...]
    _slices: Slices
    _late: LateEvents
    _silences: Silences
    _bad: Float64s
    _total: Float64s
    _running: Bools  # counted by this run
    _restored: Bools  # counted by a former run, to be continued at its marks
    _counted_ms: int
    _saved_ms: int
    _saved_series: int

    def __init__(
        self,
        objectives: Sequence[Objective],
        querier: Querier,
        directory: Path,
        tick_ms: int,
        engine: QueryEngine | None = None,
    ) -> None:
        """`engine` answers the queries of sampled indicators.

        Raises StorageError when the file of a former run can't be read.
        """
        self._querier = querier
        self._engine = engine
        self._tick_ms = tick_ms
        self._file = LedgerFile(directory)
        self.lost_marks, self.replaced = 0, {}
        self._marks: dict[Labels, int] = {}
        self._start(objectives, Tally(counters_of(objectives)))
        self._restore(self._file.read())

    def tick(self, now_ms: int) -> None:
        """Count what came since the last tick."""
        if is_set_back(self._querier, self._counted_ms, now_ms):
            self._set_back(now_ms)
        taken, before = self._tally.take(self._querier), self._total
        if self._running.all():
            self._count_running(taken, now_ms, self._tally.members)
        else:
            self._adopt(taken, now_ms)
        if len(self._silences.columns):
            self._count_silences(self._total - before, now_ms)
        self._slices.append(now_ms, self._bad, self._total)
        self._counted_ms = max(now_ms, self._counted_ms)
        self.since_ms[(self.since_ms < 0) & self.has_data(now_ms)] = now_ms

    def _set_back(self, now_ms: int) -> None:
        """The clock was ahead: rows dated later go, their events count up to the next row."""
        for one in (self._slices, self._slicer, self._sampler, self._silences):
            one.set_back(now_ms)
        self._counted_ms, self._saved_ms = now_ms, NEVER_MS
        np.minimum(self.since_ms, now_ms, out=self.since_ms)

    def window_counts(self, window_ms: int, now_ms: int) -> Counts:
        """Events of the last `window_ms` up to the last tick, for all objectives at once.

        The window begins at the newest kept row at or before `now_ms - window_ms`.
        """
        row = self._slices.at(now_ms - window_ms)
        if row is None:
            return Counts(now_ms, now_ms, np.zeros_like(self._bad), np.zeros_like(self._total))
        total = np.maximum(self._total - row.total, 0.0)
        bad = np.clip(self._bad - row.bad, 0.0, total)
        return self._with_silences(Counts(row.time_ms, self._counted_ms, bad, total))

    def between(self, start_ms: int, end_ms: int) -> Counts:
        """Events of all objectives from the newest kept row at or before one time to another's."""
        first, last = self._slices.at(start_ms), self._slices.at(end_ms)
        if first is None or last is None or end_ms <= start_ms:
            return Counts(start_ms, start_ms, np.zeros_like(self._bad), np.zeros_like(self._total))
        bad, total = last.bad - first.bad, last.total - first.total
        return self._with_silences(Counts(first.time_ms, last.time_ms, bad, total))

    def cumulative(self, column: int, times_ms: Int64s) -> tuple[Float64s, Float64s]:
        """Bad and total events (float64[t]) that one objective had counted by each time."""
        times, bad, total = self.rows_of(column)
        if not len(times):
            return np.zeros(len(times_ms)), np.zeros(len(times_ms))
        index = np.maximum(np.searchsorted(times, times_ms, side="right") - 1, 0)
        return bad[index], total[index]

    def rows_of(self, column: int) -> tuple[Int64s, Float64s, Float64s]:
        """Times of all rows, ascending, and what one objective had counted by each."""
        times, bad, total = self._slices.column(column)
        if not self._silences.mine[column]:
            return times, bad, total
        silent_bad, silent_total = self._silences.before(column, times)
        return times, bad + silent_bad, total + silent_total

    def late(self, column: int, start_ms: int, end_ms: int) -> tuple[Late, ...]:
        """Which events of `(start_ms, end_ms]` arrived late, the oldest first."""
        return self._late.between(column, start_ms, end_ms)

    def is_silent(self, column: int, start_ms: int, end_ms: int) -> bool:
        """Whether a stretch without samples that counts overlaps `(start_ms, end_ms]`."""
        return self._silences.is_silent(column, start_ms, end_ms)

    def counts_silence(self) -> Bools:
        """Which objectives count a silence now (bool[n])."""
        return self._silences.is_open()

    @property
    def row_times(self) -> Int64s:
        """Times of all rows, ascending: where windows may begin."""
        return self._slices.times()

    @property
    def counted_ms(self) -> int:
        """Time of the last tick, also of a former run's; -1 without any."""
        return self._counted_ms

    @property
    def totals(self) -> tuple[Float64s, Float64s]:
        """Bad and total events that were counted since the ledger began (float64[n] each)."""
        return self._bad, self._total

    def has_data(self, now_ms: int) -> Bools:
        """Which objectives had a sample of their total events lately (bool[n])."""
        counted = self._tally.members.any_total(self._tally.last_ms > now_ms - FRESH_MS)
        return counted | self._sampler.has_data(now_ms)

    def has_bad_series(self) -> Bools:
        """Which objectives have any series for their bad events (bool[n])."""
        found = self._tally.members.any_bad()
        found[self._sampler.columns] = True
        return found

    def replace(self, objectives: Sequence[Objective]) -> None:
        """Count other objectives from the next tick on; those that count the same keep all."""
        places = {key: index for index, key in enumerate(self._keys)}
        sources = np.array([places.get(column_key(one), -1) for one in objectives], np.int64)
        slices, bad, total, since_ms = self._slices, self._bad, self._total, self.since_ms
        running, restored, counted_ms = self._running, self._restored, self._counted_ms
        opened, sampled_ms = self._slicer.open, self._sampler.last_ms
        late, silences = self._late, self._silences
        tally = Tally(counters_of(objectives), self._tally.counted())
        kept, ids = set(sources.tolist()), {one.id for one in objectives}
        gone = {id_of(key): at for key, at in places.items() if at not in kept}
        self.replaced = {id_: self.rows_of(at) for id_, at in gone.items() if id_ in ids}
        self._start(objectives, tally)
        slices.moved_to(self._slices, sources)
        self._bad, self._total = pick(bad, sources), pick(total, sources)
        self.since_ms = np.where(sources < 0, NEVER_MS, pick(since_ms, sources))
        self._running, self._restored = pick(running, sources), pick(restored, sources)
        self._slicer.resume(picked(opened, sources))
        self._sampler.resume(np.where(sources < 0, NEVER_MS, pick(sampled_ms, sources)))
        self._late = late.moved(sources)
        self._silences.resume(silences.rows, silences.seen_ms, sources)
        self._counted_ms = counted_ms

    def save_if_due(self, now_ms: int) -> None:
        """Save when the last time is a minute ago. Raises StorageError."""
        if now_ms - self._saved_ms >= SAVE_EVERY_MS:
            self.save()

    def save(self) -> None:
        """Write what was counted to disk. Raises StorageError."""
        if self._counted_ms < 0 or not self._running.all():
            return
        whole = self._saved_ms < 0 or self._file.has_grown
        try:
            if whole:
                self._file.rewrite(self._to_save(NEVER_MS, 0))
            else:
                self._file.append(self._to_save(self._saved_ms, self._saved_series))
        except StorageError:
            self._saved_ms = NEVER_MS
            raise
        self._saved_ms, self._saved_series = self._counted_ms, len(self._tally.resolver.labels)

    def _start(self, objectives: Sequence[Objective], tally: Tally) -> None:
        columns = len(objectives)
        self._keys = [column_key(one) for one in objectives]
        self._windows = [one.window for one in objectives]
        longest_ms = max((one.duration_ms for one in self._windows), default=0)
        self._rings = resolutions(self._tick_ms, longest_ms)
        self._objectives = tuple(objectives)
        self._tally = tally
        self._slicer = Slicer(objectives)
        self._sampler = Observers(objectives, self._querier, self._engine)
        self._slices = Slices(self._rings, columns, calendars_of(objectives))
        self._late, self._silences = LateEvents(), Silences(objectives)
        self._bad, self._total = np.zeros(columns), np.zeros(columns)
        self.since_ms = np.full(columns, NEVER_MS, np.int64)
        self._running, self._restored = np.zeros(columns, np.bool_), np.zeros(columns, np.bool_)
        self._counted_ms = self._saved_ms = NEVER_MS
        self._saved_series = 0

    def _restore(self, records: Sequence[Saved]) -> None:
        if not records:
            return
        former = {key: index for index, key in enumerate(records[0].columns)}
        self.replaced = replaced_rows(records, set(self._keys))
        sources = np.array([former.get(key, -1) for key in self._keys], np.int64)
        labels: list[Labels] = []
        late = LateEvents()
        for record in records:
            labels += record.series
            late.restore(record.late)
            rows = zip(record.times.tolist(), record.row_bad, record.row_total, strict=True)
            self._slices.restore(
                (time_ms, pick(bad, sources), pick(total, sources)) for time_ms, bad, total in rows
            )
        last = records[-1]
        self._bad, self._total = pick(last.bad, sources), pick(last.total, sources)
        self.since_ms = np.where(sources < 0, NEVER_MS, pick(last.since_ms, sources))
        opened = OpenSlices(last.open_number, last.open_bad, last.open_total)
        self._slicer.resume(picked(opened, sources))
        self._late = late.moved(sources)
        self._silences.resume(last.silences, last.seen_ms, sources)
        self._restored = sources >= 0
        self._marks = dict(zip(labels, last.marks_ms.tolist(), strict=True))
        self._counted_ms = last.as_of_ms

    def _adopt(self, taken: Taken, now_ms: int) -> None:
        """The first count of objectives that this run has not counted before."""
        former_ms = self._counted_ms
        running = self._running
        self._slices.fill_gap(now_ms, self._bad, self._total)
        self._count_running(taken, now_ms, self._tally.members.of(running))
        self._slices.append(now_ms, self._bad, self._total)
        restored = self._restored & ~running
        if restored.any():
            marks = [self._marks.get(labels, NEVER_MS) for labels in self._tally.resolver.labels]
            self._sampler.look_back(restored, now_ms)
            self._fill(taken, restored, former_ms, now_ms, np.array(marks, np.int64))
        fresh = ~running & ~restored
        if fresh.any():
            self._fill(taken, fresh, self._begin_ms(fresh, now_ms), now_ms, None)
        self._running = np.ones_like(running)
        self._marks = {}

    def _count_running(self, taken: Taken, now_ms: int, members: Members) -> None:
        """What came since the last tick of objectives that this run counted before."""
        self._count(now_ms, members.sums(taken.increases), self._running)
        found = late_increases(taken.before_ms, taken.totals.last_ms, taken.increases, now_ms)
        self._note_late(found.of_columns(members))

    def _note_late(self, found: Mapping[int, Late]) -> None:
        self._late.add(found)
        for column, one in found.items():
            self._silences.learn(column, one.from_ms, one.until_ms, one.total)

    def _count_silences(self, counted: Float64s, now_ms: int) -> None:
        """Stretches without samples begin, go on and end; `counted` float64[n] came just now."""
        last_ms = self._tally.members.last_total(self._tally.last_ms)
        last_ms = np.maximum(last_ms, self._sampler.last_ms)
        due = self._silences.due(last_ms, now_ms)
        rates = [self._rate(column, counted[column]) for column in due.tolist()]
        self._silences.fall_silent(due, np.array(rates))
        self._silences.go_on(last_ms, counted, now_ms)

    def _rate(self, column: int, counted: float) -> float:
        """Events a millisecond of the RATE_MS before an objective's last sample."""
        last_ms = int(self._silences.seen_ms[column])
        row = self._slices.at(last_ms - RATE_MS)
        start_ms = max(row.time_ms if row else NEVER_MS, int(self.since_ms[column]))
        events = self._total[column] - counted - (row.total[column] if row else 0.0)
        return float(events) / (last_ms - start_ms) if last_ms > start_ms else 0.0

    def _with_silences(self, raw: Counts) -> Counts:
        if not len(self._silences.rows):
            return raw
        bad, total = self._silences.between(raw.start_ms, raw.end_ms)
        return Counts(raw.start_ms, raw.end_ms, raw.bad + bad, raw.total + total)

    def _begin_ms(self, columns: Bools, now_ms: int) -> int:
        """Where the longest window of some objectives begins."""
        windows = {self._windows[column] for column in np.flatnonzero(columns)}
        return min(min(one.start_ms(now_ms), now_ms - one.duration_ms) for one in windows)

    def _count(self, now_ms: int, events: tuple[Float64s, Float64s], columns: Bools) -> None:
        """Add the events since the last tick, and what the sampled ones of `columns` show."""
        bad, total = events
        for column in self._sampler.columns[columns[self._sampler.columns]].tolist():
            begun = bool(self.since_ms[column] >= 0)
            _, failed, seen = self._sampler.observed(column, self._counted_ms, now_ms, begun)
            bad[column], total[column] = failed.sum(), seen.sum()
        if self._slicer:
            self._close_slices(now_ms)
            self._slicer.add(bad, total)
            bad, total = (np.where(self._slicer.mine, 0.0, one) for one in (bad, total))
        self._add(bad, total)

    def _close_slices(self, now_ms: int) -> None:
        """Slices that are over count from the last tick on: it was the last that they had."""
        bad, total = self._slicer.advance(now_ms)
        if total.any():
            newest_ms = np.array([self._slices.newest_ms], np.int64)
            self._slices.add(newest_ms, bad[None, :], total[None, :])
            self._add(bad, total)

    def _fill(
        self, taken: Taken, columns: Bools, after_ms: int, now_ms: int, marks: Int64s | None
    ) -> None:
        """Count the past of some objectives: together where rows are enough, else one by one."""
        alone = self._slicer.mine.copy()
        alone[self._sampler.columns] = True
        self._fill_rows(taken, columns & ~alone, after_ms, marks)
        for column in np.flatnonzero(columns & alone).tolist():
            self._fill_column(taken, column, after_ms, now_ms, marks)

    def _fill_rows(self, taken: Taken, columns: Bools, after_ms: int, marks: Int64s | None) -> None:
        times = self._slices.times(min(after_ms, self._slices.newest_ms - 1))
        members = self._tally.members.of(columns)
        every = np.arange(len(columns), dtype=np.int64)
        filled = self._read_past(taken, members, every, after_ms, marks, times)
        if len(filled.times):
            self._slices.add(filled.times, filled.bad, filled.total)
            self._add(filled.bad[-1], filled.total[-1])

    def _fill_column(
        self, taken: Taken, column: int, after_ms: int, now_ms: int, marks: Int64s | None
    ) -> None:
        objective = self._objectives[column]
        if column in self._sampler.columns:
            begun = bool(self.since_ms[column] >= 0)
            times, bad, total = self._sampler.observed(column, after_ms, now_ms, begun)
            self._note_first(column, times, total)
        else:
            members, only = self._tally.members.only(column), np.array([column], np.int64)
            ends_ms = slice_ends(objective, after_ms, now_ms)
            filled = self._read_past(taken, members, only, after_ms, marks, ends_ms)
            times = filled.times
            bad, total = (np.diff(one[:, 0], prepend=0) for one in (filled.bad, filled.total))
        if objective.budgeting:
            slicer = Slicer([objective])
            slicer.resume(picked(self._slicer.open, np.array([column])))
            times, bad, total = past_slices(slicer, times, bad, total, now_ms)
            self._slicer.put(column, slicer.open)
        self._slices.add(times, np.cumsum(bad), np.cumsum(total), column)
        self._bad[column] += bad.sum()
        self._total[column] += total.sum()

    def _note_first(self, column: int, times: Int64s, seen: Float64s) -> None:
        if self.since_ms[column] < 0 and seen.any():
            self.since_ms[column] = times[np.flatnonzero(seen)[0]]

    def _read_past(
        self,
        taken: Taken,
        members: Members,
        columns: Int64s,
        after_ms: int,
        marks: Int64s | None,
        times: Int64s,
    ) -> Filled:
        """Events of `members`, whose columns stand for `columns` of the ledger."""
        reading = Backfill(self._tally.resolver, members, taken.totals, after_ms, marks)
        filled = reading.fill(self._querier, times)
        self.lost_marks += filled.lost_marks
        late = filled.late.of_columns(members)
        self._note_late({int(columns[column]): one for column, one in late.items()})
        first_ms = members.first_total(filled.first_ms)
        unseen = (self.since_ms[columns] < 0) & (first_ms >= 0)
        self.since_ms[columns[unseen]] = first_ms[unseen]
        return filled

    def _add(self, bad: Float64s, total: Float64s) -> None:
        self._bad, self._total = self._bad + bad, self._total + total

    def _to_save(self, after_ms: int, series: int) -> Saved:
        rows = self._slices.rows(after_ms)
        shape = (len(rows), len(self._keys))
        return Saved(
            as_of_ms=self._counted_ms,
            columns=self._keys,
            times=np.array([row.time_ms for row in rows], np.int64),
            row_bad=np.array([row.bad for row in rows]).reshape(shape),
            row_total=np.array([row.total for row in rows]).reshape(shape),
            bad=self._bad,
            total=self._total,
            since_ms=self.since_ms,
            series=self._tally.resolver.labels[series:],
            marks_ms=self._tally.last_ms,
            open_number=self._slicer.open.number,
            open_bad=self._slicer.open.bad,
            open_total=self._slicer.open.total,
            late=self._late.rows(after_ms),
            silences=self._silences.rows,
            seen_ms=self._silences.seen_ms,
        )
