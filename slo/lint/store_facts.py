"""What an embedded store knows of the series that an objective counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import is_sample
from collector.store.interface import Querier, Slice
from slo.backfill import increases
from slo.window import DAY_MS


class StoreFacts:
    """`SeriesFacts` over a querier at one time."""

    def __init__(self, querier: Querier, now_ms: int) -> None:
        self._querier = querier
        self._now_ms = now_ms
        self._days: dict[tuple[Matcher, ...], tuple[float, int, int]] = {}
        self._types = {name: one.type for name, one in querier.metadata().items()}

    def series(self, matchers: Sequence[Matcher]) -> Sequence[Labels]:
        """See `SeriesFacts.series`."""
        return self._querier.labels_of(self._querier.match(matchers))

    def increase(self, matchers: Sequence[Matcher]) -> float:
        """See `SeriesFacts.increase`; resets are mended."""
        return self._day_of(matchers)[0]

    def falls(self, matchers: Sequence[Matcher]) -> tuple[int, int]:
        """See `SeriesFacts.falls`."""
        return self._day_of(matchers)[1:]

    def _day_of(self, matchers: Sequence[Matcher]) -> tuple[float, int, int]:
        """Events, falls and samples of the last day; each selector is read once."""
        key = tuple(matchers)
        if key not in self._days:
            parts = self._querier.select(matchers, self._now_ms - DAY_MS, self._now_ms)
            read = [_day(part) for part in parts]
            events, falls, samples = (sum(one[i] for one in read) for i in range(3))
            self._days[key] = float(events), int(falls), int(samples)
        return self._days[key]

    def metric_type(self, name: str) -> str:
        """See `SeriesFacts.metric_type`; a family's suffixes are parts of it."""
        for suffix in ("", "_total", "_bucket", "_count", "_sum"):
            family = name.removesuffix(suffix) if suffix else name
            if family in self._types:
                return str(self._types[family])
        return ""


def _day(part: Slice) -> tuple[float, int, int]:
    values = np.where(is_sample(part.values), part.values, np.nan)
    grown, _ = increases(values, np.full(len(values), np.nan))
    seen = [row[~np.isnan(row)] for row in values]
    falls = sum(int((np.diff(row) < 0).sum()) for row in seen)
    return float(grown.sum()), falls, sum(map(len, seen))
