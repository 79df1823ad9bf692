"""Prefix sums of events at falling resolution: any window is the difference of two rows.

A row is what every objective had counted (bad and total, since the ledger began) at one time. The
finest ring keeps a row a tick for some hours, the next one every 5 minutes for three days, one more
an hour for two budget windows, the last a day for 13 months and where a calendar period begins. A
coarse row is the last tick at or before the boundary of its slice. A window begins at the newest
kept row at or before its edge: never shorter than was asked, and longer by one slice at most.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.model.samples import Float64s, Int64s
from slo.calendar_window import CalendarWindow
from slo.window import DAY_MS

Number = TypeVar("Number", bound=np.generic)
NEVER_MS = -1
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
SECONDS_SPAN_MS = 40 * _MINUTE_MS
NEAR_MS, NEAR_SPAN_MS = 15_000, 6 * _HOUR_MS + 30 * _MINUTE_MS
MIDDLE_MS, MIDDLE_SPAN_MS = 5 * _MINUTE_MS, 3 * DAY_MS + 6 * _HOUR_MS
FAR_MS, SHORTEST_FAR_SPAN_MS = _HOUR_MS, 35 * DAY_MS
LAST_MS, LAST_SPAN_MS = DAY_MS, 400 * DAY_MS


@dataclass(frozen=True, slots=True)
class Resolution:
    """One row every `step_ms`, for `span_ms`."""

    step_ms: int
    span_ms: int


def resolutions(tick_ms: int, longest_window_ms: int) -> tuple[Resolution, ...]:
    """The rings of a ledger, finest first; ticks under 15 s get one of their own."""
    far_span_ms = max(SHORTEST_FAR_SPAN_MS, 2 * longest_window_ms + DAY_MS)
    rings = (
        Resolution(max(tick_ms, NEAR_MS), NEAR_SPAN_MS),
        Resolution(MIDDLE_MS, MIDDLE_SPAN_MS),
        Resolution(FAR_MS, far_span_ms),
        Resolution(LAST_MS, LAST_SPAN_MS),
    )
    return (Resolution(tick_ms, SECONDS_SPAN_MS), *rings) if tick_ms < NEAR_MS else rings


@dataclass(frozen=True, slots=True)
class Row:
    """Counts up to `time_ms`: bad and total are float64[columns], read-only views."""

    time_ms: int
    bad: Float64s
    total: Float64s


class Ring:
    """The rows of one resolution, the oldest overwritten first."""

    def __init__(
        self, resolution: Resolution, columns: int, calendars: Sequence[CalendarWindow] = ()
    ) -> None:
        self.resolution = resolution
        self.calendars = calendars
        self.times: list[int] = []
        self._first = 0
        self._is_blank = True
        days = resolution.span_ms // DAY_MS + 1
        self.capacity = resolution.span_ms // resolution.step_ms + 2 + days * len(calendars)
        self.bad = np.zeros((self.capacity, columns))
        self.total = np.zeros((self.capacity, columns))

    def append(self, time_ms: int, bad: Float64s, total: Float64s) -> None:
        """Keep a row, later than all."""
        if len(self.times) == self.capacity:
            del self.times[0]
            self._first = (self._first + 1) % self.capacity
        self.times.append(time_ms)
        place = self._place(len(self.times) - 1)
        if self._is_blank and not (np.count_nonzero(total) or np.count_nonzero(bad)):
            return  # untouched rows of zeros take no memory
        self._is_blank = False
        self.bad[place], self.total[place] = bad, total

    def add(self, times: Int64s, bad: Float64s, total: Float64s, column: int | None) -> None:
        """See `Slices.add`."""
        index = np.searchsorted(times, np.array(self.times, np.int64), side="right") - 1
        touched = np.flatnonzero(index >= 0)
        places = self.places()[touched]
        cells = places if column is None else (places, column)
        self.bad[cells] += bad[index[touched]]
        self.total[cells] += total[index[touched]]
        self._is_blank &= not len(touched)

    def closes_slice(self, time_ms: int, next_ms: int) -> bool:
        """Whether a boundary lies between a row and the next one, so that the row is the last."""
        step_ms = self.resolution.step_ms
        if -(-time_ms // step_ms) < -(-next_ms // step_ms):
            return True
        return any(one.end_ms(time_ms - 1) < next_ms for one in self.calendars)

    def boundaries(self, after_ms: int, now_ms: int) -> set[int]:
        """The ends of slices in `(after_ms, now_ms]`, as far back as the ring goes."""
        step_ms = self.resolution.step_ms
        after_ms = max(after_ms, now_ms - self.resolution.span_ms, 0)
        found = set(range((after_ms // step_ms + 1) * step_ms, now_ms + 1, step_ms))
        for one in self.calendars:
            end_ms = one.end_ms(after_ms)
            while end_ms <= now_ms:
                found.add(end_ms)
                end_ms = one.end_ms(end_ms)
        return found

    def set_back(self, now_ms: int) -> None:
        """Forget rows later than now."""
        del self.times[bisect_right(self.times, now_ms) :]

    def newest(self) -> Row | None:
        """The last row."""
        return self._row(len(self.times) - 1) if self.times else None

    def at(self, time_ms: int) -> Row | None:
        """The newest row at or before a time."""
        index = bisect_right(self.times, time_ms) - 1
        return None if index < 0 else self._row(index)

    def rows_after(self, time_ms: int) -> Iterator[Row]:
        """Every row after a time, oldest first."""
        return (self._row(i) for i in range(bisect_right(self.times, time_ms), len(self.times)))

    def column(self, column: int) -> tuple[Float64s, Float64s]:
        """Bad and total of one objective beside `times`."""
        places = self.places()
        return self.bad[places, column], self.total[places, column]

    def places(self) -> Int64s:
        """Where the row of each of `times` stands."""
        return (self._first + np.arange(len(self.times), dtype=np.int64)) % self.capacity

    def _row(self, index: int) -> Row:
        place = self._place(index)
        return Row(self.times[index], self.bad[place], self.total[place])

    def _place(self, index: int) -> int:
        return (self._first + index) % self.capacity


class Slices:
    """All rings of `columns` objectives."""

    def __init__(
        self, rings: Sequence[Resolution], columns: int, calendars: Sequence[CalendarWindow] = ()
    ) -> None:
        """A row is kept where a period of one of `calendars` begins."""
        self.columns = columns
        self._begun_ms = NEVER_MS
        self._rings = [Ring(resolution, columns) for resolution in rings[:-1]]
        self._rings.append(Ring(rings[-1], columns, calendars))

    @property
    def newest_ms(self) -> int:
        """Time of the newest row, -1 without any."""
        return max((ring.times[-1] for ring in self._rings if ring.times), default=-1)

    def append(self, time_ms: int, bad: Float64s, total: Float64s) -> None:
        """A row; times must grow, an older one is left out."""
        if self._begun_ms == NEVER_MS and (np.count_nonzero(total) or np.count_nonzero(bad)):
            self._begun_ms = time_ms
        finest, *coarser = self._rings
        former = finest.newest()
        if former is None:
            for ring in coarser:
                ring.append(time_ms, bad, total)
        elif time_ms <= former.time_ms:
            return
        else:
            for ring in coarser:
                if ring.times[-1] < former.time_ms and ring.closes_slice(former.time_ms, time_ms):
                    ring.append(former.time_ms, former.bad, former.total)
        finest.append(time_ms, bad, total)

    def set_back(self, now_ms: int) -> None:
        """Forget rows later than now: what they counted is in the next one."""
        self._begun_ms = min(self._begun_ms, now_ms)
        for ring in self._rings:
            ring.set_back(now_ms)

    def at(self, time_ms: int) -> Row | None:
        """The newest row at or before a time; the oldest of all where none is; None without any."""
        found = [row for ring in self._rings if (row := ring.at(time_ms)) is not None]
        if found:
            return max(found, key=lambda row: row.time_ms)
        oldest = [next(ring.rows_after(NEVER_MS)) for ring in self._rings if ring.times]
        return min(oldest, key=lambda row: row.time_ms, default=None)

    def times(self, after_ms: int = -1) -> Int64s:
        """Times of all rows after a time, ascending, each once (int64)."""
        times = {time for ring in self._rings for time in ring.times if time > after_ms}
        return np.array(sorted(times), np.int64)

    def rows(self, after_ms: int = -1) -> list[Row]:
        """Every row after a time once, oldest first; of those before the first event the last."""
        times = self.times(after_ms).tolist()
        begun = len(times) if self._begun_ms == NEVER_MS else bisect_left(times, self._begun_ms)
        kept = times[max(begun - 1, 0) :]
        after_ms = kept[0] - 1 if kept else after_ms
        found = {row.time_ms: row for ring in self._rings for row in ring.rows_after(after_ms)}
        return [found[time] for time in kept]

    def column(self, column: int) -> tuple[Int64s, Float64s, Float64s]:
        """Times, bad and total of one objective, ascending, each time once."""
        parts = [(np.array(ring.times, np.int64), *ring.column(column)) for ring in self._rings]
        times, bad, total = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        unique, first = np.unique(times, return_index=True)
        return unique, bad[first], total[first]

    def fill_gap(self, now_ms: int, bad: Float64s, total: Float64s) -> None:
        """Rows with the same counts where ticks before `now_ms` would have left them."""
        for time_ms in self._grid(self.newest_ms, now_ms - 1):
            self.append(time_ms, bad, total)

    def _grid(self, after_ms: int, now_ms: int) -> list[int]:
        return sorted(set().union(*(ring.boundaries(after_ms, now_ms) for ring in self._rings)))

    def add(self, times: Int64s, bad: Float64s, total: Float64s, column: int | None = None) -> None:
        """Add counts (float64[times, columns]) to the rows at those times and what follows each.

        With `column` they are those of one objective: float64[times].
        """
        if not len(times):
            return
        first_ms = int(times[0])
        self._begun_ms = first_ms if self._begun_ms == NEVER_MS else min(self._begun_ms, first_ms)
        for ring in self._rings:
            ring.add(times, bad, total, column)

    def moved_to(self, other: Slices, sources: Int64s) -> None:
        """Give the rows to other objectives: column i is `sources[i]`, zeros where that is -1."""
        other.restore(
            (row.time_ms, pick(row.bad, sources), pick(row.total, sources)) for row in self.rows()
        )

    def restore(self, rows: Iterable[tuple[int, Float64s, Float64s]]) -> None:
        """Take (time, bad, total) in, oldest first; before the first, nothing was counted."""
        for time_ms, bad, total in rows:
            if self.newest_ms < 0:
                nothing = np.zeros(self.columns)
                self.fill_gap(time_ms, nothing, nothing)
            self.append(time_ms, bad, total)


def pick(values: NDArray[Number], sources: Int64s) -> NDArray[Number]:
    """`values[sources]`, zero where the source is negative."""
    picked = np.zeros(len(sources), values.dtype)
    kept = sources >= 0
    picked[kept] = values[sources[kept]]
    return picked
