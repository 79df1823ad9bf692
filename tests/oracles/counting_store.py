"""A store of counters as a list of single samples: slow, obvious, with totals as the seam says.

`crashed(keep_totals_from_ms)` is the store after kill -9: the same samples, running totals rebuilt
from those that a write-ahead log still had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch, filled, is_sample
from collector.store.interface import NOTHING_REFUSED, CounterTotals, Refused, Slice


class CountingStore:
    """An `Appender` and a `Querier`."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, dict[Labels, float]]] = []
        self._labels: list[Labels] = []
        self._ref: dict[Labels, int] = {}
        self._version = 0
        self._totals: dict[Labels, float] = {}
        self._last: dict[Labels, tuple[int, float]] = {}
        self._sources: set[str] = set()

    def crashed(self, keep_totals_from_ms: int = 0) -> CountingStore:
        after = CountingStore()
        for source, time_ms, values in self.rows:
            after._take(source, time_ms, values, totals=time_ms >= keep_totals_from_ms)
        return after

    def scrape(self, source: str, time_ms: int, values: Mapping[Labels, float]) -> None:
        self._take(source, time_ms, dict(values), totals=True)

    def _take(self, source: str, time_ms: int, values: dict[Labels, float], totals: bool) -> None:
        self.rows.append((source, time_ms, values))
        for labels, value in values.items():
            self._ref_of(labels)
            if totals and is_sample(np.array([value]))[0]:
                self._count(source, labels, time_ms, value)
        if totals:
            self._sources.add(source)

    def _ref_of(self, labels: Labels) -> int:
        if labels not in self._ref:
            self._ref[labels] = len(self._labels)
            self._labels.append(labels)
            self._version += 1
        return self._ref[labels]

    def _count(self, source: str, labels: Labels, time_ms: int, value: float) -> None:
        if labels in self._last:
            before = self._last[labels][1]
            increase = value - before if value >= before else value
        else:
            increase = value if source in self._sources else 0.0
        self._totals[labels] = self._totals.get(labels, 0.0) + increase
        self._last[labels] = (time_ms, value)

    def truth(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> float:
        """Events of the matching series in `(after_ms, until_ms]`, one sample after the other."""
        last: dict[Labels, float] = {}
        sources: set[str] = set()
        events = 0.0
        for source, time_ms, values in self.rows:
            for labels, value in values.items():
                if not is_sample(np.array([value]))[0]:
                    continue
                before = last.get(labels)
                first = value if source in sources else 0.0
                grown = first if before is None else value - before if value >= before else value
                last[labels] = value
                if after_ms < time_ms <= until_ms and matches_all(matchers, labels):
                    events += grown
            sources.add(source)
        return events

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        return np.array([self._ref_of(one) for one in labels], np.int64)

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        named = {self._labels[ref]: float(value) for ref, value in zip(refs, values, strict=True)}
        self._take(source, timestamp_ms, named, totals=True)
        return NOTHING_REFUSED

    def append(self, source: str, batch: SampleBatch) -> Refused:
        raise NotImplementedError

    def append_exemplars(self, source: str, exemplars: Sequence[Exemplar]) -> Refused:
        raise NotImplementedError

    def exemplars(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[Exemplar]:
        raise NotImplementedError

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        pass

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        found = [ref for ref, one in enumerate(self._labels) if matches_all(matchers, one)]
        return np.array(found, np.int64)

    def labels_of(self, refs: Int64s) -> list[Labels]:
        return [self._labels[ref] for ref in refs]

    def changed_since(self, version: int) -> tuple[int, int]:
        raise NotImplementedError

    def series_version(self) -> int:
        return self._version

    def counter_totals(self, refs: Int64s) -> CounterTotals:
        labels = self.labels_of(refs)
        return CounterTotals(
            np.array([self._totals.get(one, 0.0) for one in labels]),
            np.array([self._last.get(one, (-1, 0.0))[0] for one in labels], np.int64),
        )

    def last_sample_ms(self, refs: Int64s) -> Int64s:
        return self.counter_totals(refs).last_ms

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        rows = [row for row in self.rows if after_ms < row[1] <= until_ms]
        refs = self.match(matchers)
        labels = self.labels_of(refs)
        times = sorted({time_ms for _, time_ms, _ in rows})
        cells = filled((len(labels), len(times)))
        index = {one: place for place, one in enumerate(labels)}
        column = {time_ms: place for place, time_ms in enumerate(times)}
        for _, time_ms, values in rows:
            for one, value in values.items():
                if one in index:
                    cells[index[one], column[time_ms]] = value
        return [Slice(labels, refs, np.array(times, np.int64), cells)] if times and labels else []

    def series(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        parts = self.select(matchers, after_ms, until_ms)
        return [
            one
            for part in parts
            for one, values in zip(part.labels, part.values, strict=True)
            if is_sample(values).any()
        ]

    def label_names(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[str]:
        raise NotImplementedError

    def label_values(
        self, name: str, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[str]:
        raise NotImplementedError

    def metadata(self) -> Mapping[str, Metadata]:
        return {}
