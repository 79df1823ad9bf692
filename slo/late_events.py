"""`LateEvents`: which of each objective's events arrived late, and over what stretch of time.

An increase is late when nothing was heard of its series for more than GAP_MS before: a scrape that
failed, a tocsin that was down, a sender that caught up. The counter lost none of its events, but
when in the gap they happened is not known, so they stand at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from collector.model.samples import Float64s, Int64s
from slo.members import Members
from slo.sampled import FRESH_MS

GAP_MS = FRESH_MS
"""As long as an objective without samples has no data."""
MAX_GAPS = 500
"""Of one objective; past it the two oldest are told as one, with the events of both."""
WIDTH = 5


@dataclass(frozen=True, slots=True)
class Late:
    """Bad and total events that came at `until_ms`; their series were last heard of at `from_ms`.

    Of several series `from_ms` is that of the one which was silent the longest.
    """

    from_ms: int
    until_ms: int
    bad: float
    total: float


@dataclass(frozen=True, slots=True)
class LateIncreases:
    """What came late by series (all [series]): events float64, from and until int64, -1 if none."""

    events: Float64s
    from_ms: Int64s
    until_ms: Int64s

    def of_columns(self, members: Members) -> dict[int, Late]:
        """By objective; those without any late events are left out."""
        if not self.events.any():
            return {}
        bad, total = members.sums(self.events)
        first = members.first(np.where(self.events > 0, self.from_ms, -1))
        last = members.last(np.where(self.events > 0, self.until_ms, -1))
        return {
            column: Late(int(first[column]), int(last[column]), bad[column], total[column])
            for column in np.flatnonzero((bad > 0) | (total > 0)).tolist()
        }


def late_increases(
    before_ms: Int64s, heard_ms: Int64s, increases: Float64s, now_ms: int
) -> LateIncreases:
    """Of one look at all series: when each was heard of before and is now, -1 for never."""
    is_late = (before_ms >= 0) & (heard_ms - before_ms > GAP_MS)
    until_ms = np.where(is_late, now_ms, -1)
    return LateIncreases(np.where(is_late, increases, 0.0), before_ms, until_ms)


class LateEvents:
    """By column of the ledger, in the order in which they came."""

    def __init__(self) -> None:
        self._by_column: dict[int, list[Late]] = {}

    def add(self, found: Mapping[int, Late]) -> None:
        """Take in what one count found late."""
        for column, late in found.items():
            mine = self._by_column.setdefault(column, [])
            mine.append(late)
            if len(mine) > MAX_GAPS:
                mine[:2] = [joined((mine[0], mine[1]))]

    def between(self, column: int, start_ms: int, end_ms: int) -> tuple[Late, ...]:
        """What arrived in `(start_ms, end_ms]`, the oldest first."""
        found = self._by_column.get(column, ())
        return tuple(one for one in found if start_ms < one.until_ms <= end_ms)

    def moved(self, sources: Int64s) -> LateEvents:
        """The same for other columns: column i has what `sources[i]` had, nothing where -1."""
        found = LateEvents()
        found._by_column = {
            column: list(self._by_column[source])
            for column, source in enumerate(sources.tolist())
            if source in self._by_column
        }
        return found

    def rows(self, after_ms: int) -> Float64s:
        """What arrived after a time: float64[k, 5] of column, from, until, bad and total."""
        rows = [
            (column, one.from_ms, one.until_ms, one.bad, one.total)
            for column, mine in self._by_column.items()
            for one in mine
            if one.until_ms > after_ms
        ]
        return np.array(rows, np.float64).reshape(len(rows), WIDTH)

    def restore(self, rows: Float64s) -> None:
        """Take `rows` of a former run in."""
        for column, start_ms, end_ms, bad, total in rows.tolist():
            self.add({int(column): Late(int(start_ms), int(end_ms), bad, total)})


def joined(found: tuple[Late, ...]) -> Late:
    """Several as one: from the first beginning to the last end, with the events of all."""
    return replace(
        found[-1],
        from_ms=min(one.from_ms for one in found),
        bad=sum(one.bad for one in found),
        total=sum(one.total for one in found),
    )
