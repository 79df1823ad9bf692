"""Which row of the ledger each window began at, for every tick of a stretch of the past at once.

`Slices` keeps a row a tick in its finest ring and the last tick before each boundary in the coarser
ones, the oldest overwritten first; a window begins at the newest kept row at or before its edge.
Here the same is worked out for a ledger that has ticked at given times, without keeping any row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.model.samples import Int64s
from slo.calendar_window import CalendarWindow
from slo.slices import Resolution, Ring


class RowPlaces:
    """The rows of a ledger that ticked at `ticks_ms` (int64[t], ascending, at least one)."""

    def __init__(
        self,
        ticks_ms: Int64s,
        rings: Sequence[Resolution],
        calendars: Sequence[CalendarWindow] = (),
    ) -> None:
        self._ticks_ms = ticks_ms
        made = [Ring(one, 0) for one in rings[:-1]]
        made.append(Ring(rings[-1], 0, calendars))
        every = np.arange(len(ticks_ms), dtype=np.int64)
        finest, *coarser = made
        self._kept = [(every, finest.capacity, every + 1)]
        for ring in coarser:
            rows = _rows_of(ring, ticks_ms)
            # a coarse row is kept once the next tick is there
            self._kept.append((rows, ring.capacity, np.maximum(np.searchsorted(rows, every), 1)))

    def at(self, edges_ms: Int64s) -> Int64s:
        """For each tick the index of the row that `Slices.at` finds for its edge (int64[t])."""
        newest = np.full(len(self._ticks_ms), -1, np.int64)
        oldest = np.full(len(self._ticks_ms), len(self._ticks_ms), np.int64)
        for rows, capacity, kept in self._kept:
            first = np.maximum(kept - capacity, 0)
            found = np.searchsorted(self._ticks_ms[rows], edges_ms, side="right") - 1
            found = np.minimum(found, kept - 1)
            here = np.where(found >= first, rows[np.maximum(found, 0)], -1)
            newest = np.maximum(newest, here)
            oldest = np.minimum(oldest, rows[first])
        return np.where(newest >= 0, newest, oldest)


def _rows_of(ring: Ring, ticks_ms: Int64s) -> Int64s:
    """The first tick, and each that is the last at or before a boundary and not the newest."""
    step_ms = ring.resolution.step_ms
    first, last = int(ticks_ms[0]), int(ticks_ms[-1])
    edges_ms = [np.arange(-(-first // step_ms) * step_ms, last, step_ms, dtype=np.int64)]
    edges_ms += [_ends(one, first, last) for one in ring.calendars]
    rows = np.searchsorted(ticks_ms, np.concatenate(edges_ms), side="right") - 1
    return np.unique(np.append(rows[rows < len(ticks_ms) - 1], 0))


def _ends(window: CalendarWindow, first_ms: int, last_ms: int) -> Int64s:
    ends = [window.end_ms(first_ms - 1)]
    while ends[-1] < last_ms:
        ends.append(window.end_ms(ends[-1]))
    return np.array(ends[:-1], np.int64)


def period_starts(window: CalendarWindow, ticks_ms: Int64s) -> Int64s:
    """Where the period of each tick began (int64[t])."""
    starts = [window.start_ms(int(ticks_ms[0]))]
    while (end_ms := window.end_ms(starts[-1])) <= ticks_ms[-1]:
        starts.append(end_ms)
    begun = np.array(starts, np.int64)
    return begun[np.searchsorted(begun, ticks_ms, side="right") - 1]
