"""`Forecaster`: which budgets run out soon, looked at now and then for those that may.

A budget's alert begins when even the slow end of its forecast lies within the time that is looked
ahead, and ends when its likely end lies well beyond it. It does not begin while the objective pages
or shortly after: then the burn is somebody's already, and its pace says nothing about tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from collector.model.samples import Bools, Int64s
from slo.burning import NEVER_MS
from slo.forecast import HOUR_MS, Cumulative, Forecast, forecast
from slo.judgement import Judgement
from slo.window import Window

LOOK_EVERY_MS = 10 * 60_000
LOOKS_A_TICK = 20
"""Budgets in one tick; those that wait longest come first."""
CLEAR_RATIO = 1.5
"""An alert ends when its budget's likely end is so many times further than alerts look ahead."""
AFTER_PAGE_MS = 6 * HOUR_MS
SHARE_OF_WINDOW = 4
"""No further ahead than this part of the budget's window."""
SEASONS = 4.0
"""How much more than lately may come: the rest is looked at no closer."""


class Forecaster:
    """Not thread-safe: the engine holds a lock."""

    def __init__(self) -> None:
        self._ahead_ms = 0
        self._found: dict[str, tuple[int, Forecast | None]] = {}

    def configure(self, ahead_ms: int) -> None:
        """Look so far ahead from now on; 0 looks at nothing."""
        if ahead_ms != self._ahead_ms:
            self._found = {}
        self._ahead_ms = ahead_ms

    def of(self, id_: str) -> Forecast | None:
        """The last forecast of an objective."""
        return self._found.get(id_, (0, None))[1]

    def running_out(
        self,
        judgement: Judgement,
        cumulative: Callable[[int], Cumulative],
        since_ms: Int64s,
        before: Bools,
    ) -> Bools:
        """Which budgets run out soon (bool[n]); `before` are those of which that was told."""
        if not self._ahead_ms:
            return np.zeros_like(before)
        ids, now_ms = judgement.criteria.ids, judgement.at_ms
        known = judgement.criteria.column_of
        self._found = {one: found for one, found in self._found.items() if one in known}
        may = self._may(judgement) & (since_ms >= 0) | before
        for column in self._due(ids, may, now_ms):
            window = judgement.criteria.objectives[column].window
            allowed = float(judgement.criteria.allowed[column])
            ahead_ms = int(self._reach_ms(judgement, column) * CLEAR_RATIO)
            since = int(since_ms[column])
            found = forecast(window, allowed, cumulative(column), since, now_ms, ahead_ms)
            self._found[ids[column]] = (now_ms, found)
        told = [self._is_told(judgement, column, bool(before[column])) for column in _places(may)]
        mask = np.zeros_like(before)
        mask[_places(may)] = told
        paged = judgement.burning.paged_ms
        free = (paged == NEVER_MS) | (now_ms - paged > AFTER_PAGE_MS)
        return np.asarray(mask & (free | before))

    def _may(self, judgement: Judgement) -> Bools:
        """Those that would spend what is left if it went on several times worse than lately."""
        worst = np.max([*judgement.rates.values(), np.zeros(len(judgement.spent))], axis=0)
        windows = np.zeros(len(judgement.spent))
        for policy in judgement.criteria.policies:
            windows[policy.columns] = policy.window.duration_ms
        ahead = np.minimum(self._ahead_ms, windows / SHARE_OF_WINDOW) * CLEAR_RATIO
        left = 1.0 - judgement.spent
        return np.asarray((left > 0) & (left <= worst * SEASONS * ahead / np.maximum(windows, 1)))

    def _due(self, ids: Sequence[str], may: Bools, now_ms: int) -> list[int]:
        waiting = [
            (self._found.get(ids[column], (NEVER_MS, None))[0], column) for column in _places(may)
        ]
        due = sorted(
            one for one in waiting if one[0] == NEVER_MS or now_ms - one[0] >= LOOK_EVERY_MS
        )
        return [column for _, column in due[:LOOKS_A_TICK]]

    def _reach_ms(self, judgement: Judgement, column: int) -> int:
        """How far ahead an alert looks: of a calendar window as far as it is told to."""
        window = judgement.criteria.objectives[column].window
        if isinstance(window, Window):
            return min(self._ahead_ms, window.duration_ms // SHARE_OF_WINDOW)
        return self._ahead_ms

    def _is_told(self, judgement: Judgement, column: int, before: bool) -> bool:
        if judgement.spent[column] >= 1.0:
            return before  # it has run out: the alert lasts until it has recovered
        looked = self._found.get(judgement.criteria.ids[column])
        if looked is None:
            return before
        found = looked[1]
        if found is None:
            return False
        if before:
            return found.likely_ms is not None
        reach_ms = found.at_ms + self._reach_ms(judgement, column)
        return found.late_ms is not None and found.late_ms <= reach_ms


def _places(mask: Bools) -> list[int]:
    places: list[int] = np.flatnonzero(mask).tolist()
    return places
