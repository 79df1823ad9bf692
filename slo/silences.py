"""`Silences`: stretches without a sample, counted as good or bad where an objective says so.

A silence is a stretch of more than FRESH_MS between two samples of an objective's total events, or
since the last one. With `no_data: good` or `bad` it has the events that were to be expected,

    max(0, rate x length - what the counters turned out to have counted of it),

spread evenly over it, where `rate` is that of the hour before the last sample. They are never added
to what was counted, but to what a window is told to hold, and are worked out anew for each window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.model.durations import UNITS_MS
from collector.model.samples import Bools, Float64s, Int64s
from slo.objective import Objective
from slo.sampled import FRESH_MS
from slo.slices import pick

RATE_MS = UNITS_MS["h"]
"""How long before its last sample an objective's rate is taken from."""
MAX_SILENCES = 1_000_000
"""Of all objectives, 56 MB: past it the oldest are dropped, those of windows long gone."""
WIDTH = 7
_COLUMN, _FROM, _UNTIL, _RATE, _KNOWN, _BAD, _OPEN = range(WIDTH)


class Silences:
    """Of all objectives; `columns` int64[k] are those whose policy counts silence."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        wanted = [one.no_data if one.budgeting is None else "ignore" for one in objectives]
        self._count = len(wanted)
        self._is_bad = np.array([one == "bad" for one in wanted], np.bool_)
        self.mine: Bools = np.array([one != "ignore" for one in wanted], np.bool_)
        self.columns = np.flatnonzero(self.mine).astype(np.int64)
        self.seen_ms = np.full(self._count, -1, np.int64)
        self.rows: Float64s = np.zeros((0, WIDTH))

    def resume(self, rows: Float64s, seen_ms: Int64s, sources: Int64s) -> None:
        """Go on with those of others: column i has what `sources[i]` had, nothing where -1."""
        self.seen_ms = np.where(sources < 0, -1, pick(seen_ms, sources))
        places = np.full(max(len(seen_ms), 1), -1, np.int64)
        kept = np.flatnonzero(sources >= 0)
        places[sources[kept]] = kept
        moved = rows.copy()
        if len(moved):
            moved[:, _COLUMN] = places[rows[:, _COLUMN].astype(np.int64)]
        self.rows = moved[moved[:, _COLUMN] >= 0]

    def set_back(self, now_ms: int) -> None:
        """Nothing was seen, and no silence was, later than now."""
        self.seen_ms = np.minimum(self.seen_ms, now_ms)
        self.rows[:, [_FROM, _UNTIL]] = np.minimum(self.rows[:, [_FROM, _UNTIL]], now_ms)

    def due(self, last_ms: Int64s, now_ms: int) -> Int64s:
        """Columns that fall silent now: their rates are wanted by `fall_silent` (int64[k])."""
        begins_ms = self.seen_ms[self.columns]
        until_ms = np.where(last_ms[self.columns] > begins_ms, last_ms[self.columns], now_ms)
        silent = (begins_ms >= 0) & (until_ms - begins_ms > FRESH_MS)
        return np.asarray(self.columns[silent & ~self.is_open()[self.columns]])

    def fall_silent(self, columns: Int64s, rates: Float64s) -> None:
        """Begin silences at the last samples of some columns; `rates` are events a millisecond."""
        added = np.zeros((len(columns), WIDTH))
        added[:, _COLUMN], added[:, _RATE], added[:, _OPEN] = columns, rates, 1.0
        added[:, _FROM] = added[:, _UNTIL] = self.seen_ms[columns]
        added[:, _BAD] = self._is_bad[columns]
        self.rows = np.concatenate([self.rows, added])[-MAX_SILENCES:]

    def go_on(self, last_ms: Int64s, counted: Float64s, now_ms: int) -> None:
        """Lengthen the open silences up to now, or end them where samples came.

        `last_ms` int64[n] are the newest samples, -1 without any; `counted` float64[n] are the
        total events that came with this look.
        """
        opened = np.flatnonzero(self.rows[:, _OPEN])
        columns = self._opened(self.rows)
        ended = last_ms[columns] > self.seen_ms[columns]
        self.rows[opened, _UNTIL] = np.where(ended, last_ms[columns], now_ms)
        self.rows[opened, _KNOWN] += counted[columns]
        self.rows[opened[ended], _OPEN] = 0.0
        self.seen_ms = np.maximum(self.seen_ms, last_ms)

    def learn(self, column: int, from_ms: int, until_ms: int, events: float) -> None:
        """Events of a stretch that counters told of once its silence was over."""
        mine = self.rows[:, _COLUMN] == column
        if self.rows[mine, _OPEN].any():
            return  # what comes as it ends is taken off by `go_on`
        mine &= (self.rows[:, _FROM] < until_ms) & (self.rows[:, _UNTIL] > from_ms)
        for row in np.flatnonzero(mine)[-1:].tolist():
            self.rows[row, _KNOWN] += events

    def between(self, start_ms: int, end_ms: int) -> tuple[Float64s, Float64s]:
        """Bad and total events that stand for the silences in `(start_ms, end_ms]` (float64[n])."""
        bad, total = np.zeros(self._count), np.zeros(self._count)
        columns = self.rows[:, _COLUMN].astype(np.int64)
        events = _expected(self.rows, end_ms) - _expected(self.rows, start_ms)
        np.add.at(total, columns, events)
        np.add.at(bad, columns, events * self.rows[:, _BAD])
        return bad, total

    def before(self, column: int, times_ms: Int64s) -> tuple[Float64s, Float64s]:
        """Bad and total events of one column's silences up to each time (float64[t])."""
        mine = self.rows[self.rows[:, _COLUMN] == column]
        events = np.array([_expected(mine, time) for time in times_ms.tolist()])
        events = events.reshape(len(times_ms), len(mine))
        return events @ mine[:, _BAD], events.sum(axis=1)

    def is_silent(self, column: int, start_ms: int, end_ms: int) -> bool:
        """Whether a silence of a column overlaps a stretch."""
        mine = self.rows[self.rows[:, _COLUMN] == column]
        return bool(((mine[:, _FROM] < end_ms) & (mine[:, _UNTIL] > start_ms)).any())

    def is_open(self) -> Bools:
        """Which columns are silent now, and count it (bool[n])."""
        found = np.zeros(self._count, np.bool_)
        found[self._opened(self.rows)] = True
        return found

    def _opened(self, rows: Float64s) -> Int64s:
        return np.asarray(rows[rows[:, _OPEN] > 0, _COLUMN].astype(np.int64))


def _expected(rows: Float64s, time_ms: int) -> Float64s:
    """Events of each silence up to a time."""
    length = rows[:, _UNTIL] - rows[:, _FROM]
    unknown = np.maximum(rows[:, _RATE] * length - rows[:, _KNOWN], 0.0)
    passed = np.clip(time_ms - rows[:, _FROM], 0.0, length)
    share: Float64s = np.divide(passed, length, out=np.zeros(len(rows)), where=length > 0)
    return unknown * share
