"""What delta series had come to before a restart: their last values in the store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.model.clock import Clock
from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import NativeHistogram
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s, is_sample
from collector.store.interface import Querier

LOOK_BACK_MS = 6 * 3_600_000
"""A sender that was silent for longer begins again from zero, as one that was restarted does."""


class StoredTotals:
    """Asks the store once for each series that is met again."""

    def __init__(self, querier: Querier, clock: Clock) -> None:
        self._querier = querier
        self._clock = clock

    def last(self, labels: Sequence[Labels]) -> Float64s:
        """The newest value of each series (float64[n]), NaN where there is none."""
        by_name: dict[str, dict[Labels, int]] = {}
        for i, one in enumerate(labels):
            by_name.setdefault(one.metric_name, {})[one] = i
        found = np.full(len(labels), np.nan)
        now_ms = self._clock.now_ms()
        for name, wanted in by_name.items():
            matchers = [Matcher("=", METRIC_NAME, name)]
            for part in self._querier.select(matchers, now_ms - LOOK_BACK_MS, now_ms):
                for row, one in enumerate(part.labels):
                    if one in wanted:
                        values = part.values[row][is_sample(part.values[row])]
                        if len(values):
                            found[wanted[one]] = values[-1]
        return found

    def last_histogram(self, labels: Labels) -> NativeHistogram | None:
        """The newest native histogram of a series, None where there is none."""
        now_ms = self._clock.now_ms()
        matchers = [Matcher("=", name, value) for name, value in labels.pairs]
        columns: dict[str, dict[int, float]] = {}
        for part in self._querier.select(matchers, now_ms - LOOK_BACK_MS, now_ms):
            times = part.timestamps_ms.tolist()
            for row, one in enumerate(part.labels):
                if one.get(COMPONENT) and without_component(one) == labels:
                    there = np.flatnonzero(is_sample(part.values[row])).tolist()
                    cells = {times[at]: float(part.values[row, at]) for at in there}
                    columns.setdefault(one[COMPONENT], {}).update(cells)
        if not columns.get("count"):
            return None
        newest_ms = max(columns["count"])
        present = {name: cells[newest_ms] for name, cells in columns.items() if newest_ms in cells}
        values = np.array(list(present.values()), dtype=np.float64).reshape(-1, 1)
        (found,) = assembled(list(present), values)
        return found if isinstance(found, NativeHistogram) else None
