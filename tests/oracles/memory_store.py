"""A `Querier` over dicts: slow, obvious, and the store of every PromQL test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, filled, is_missing, is_sample
from collector.store.interface import CounterTotals, Slice


class MemoryStore:
    """Series as {timestamp_ms: value}; all series of one metric name share a slice."""

    def __init__(self, families: Mapping[str, Metadata] | None = None) -> None:
        self._series: dict[Labels, dict[int, float]] = {}
        self._began: dict[Labels, dict[int, int]] = {}
        self._slices: dict[str, Slice] = {}
        self._added_ms: list[int] = []
        self._metadata = dict(families or {})
        self._exemplars: list[Exemplar] = []

    def add(self, labels: Labels, timestamps_ms: Sequence[int], values: Sequence[float]) -> None:
        """Put samples; the last word at one timestamp wins."""
        samples = self._series.setdefault(labels, {})
        samples.update(zip(timestamps_ms, values, strict=True))
        self._slices.clear()
        self._added_ms.append(min(timestamps_ms, default=2**62))

    def began(self, labels: Labels, timestamps_ms: Sequence[int], starts: Sequence[int]) -> None:
        """When the counters of these samples began (ms)."""
        self._began.setdefault(labels, {}).update(zip(timestamps_ms, starts, strict=True))
        self._slices.clear()

    def add_histograms(
        self, labels: Labels, timestamps_ms: Sequence[int], samples: Sequence[NativeHistogram]
    ) -> None:
        """Put native histograms, taken apart as ingest does it."""
        for time, sample in zip(timestamps_ms, samples, strict=True):
            for column, value in columns(labels, sample):
                self.add(column, [time], [value])

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """Every sample in `(after_ms, until_ms]` of the matching series."""
        found = [self._cut(part, matchers, after_ms, until_ms) for part in self._all()]
        return [part for part in found if part is not None]

    def _cut(
        self, part: Slice, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> Slice | None:
        within = (part.timestamps_ms > after_ms) & (part.timestamps_ms <= until_ms)
        rows = [i for i, labels in enumerate(part.labels) if matches_all(matchers, labels)]
        if not rows or not within.any():
            return None
        values = np.ascontiguousarray(part.values[np.ix_(rows, within)])
        there = ~is_missing(values).all(axis=1)
        kept = [row for row, keep in zip(rows, there, strict=True) if keep]
        if not kept:
            return None
        values = np.ascontiguousarray(values[there])
        values.flags.writeable = False
        labels = [part.labels[row] for row in kept]
        began = None if part.start_ms is None else part.start_ms[np.ix_(kept, within)]
        return Slice(labels, part.refs[kept], part.timestamps_ms[within], values, began)

    def _all(self) -> list[Slice]:
        if not self._slices and self._series:
            families: dict[str, list[Labels]] = {}
            for labels in self._series:
                families.setdefault(labels.metric_name, []).append(labels)
            refs = {labels: ref for ref, labels in enumerate(self._series)}
            self._slices = {name: self._slice(members, refs) for name, members in families.items()}
        return list(self._slices.values())

    def _slice(self, members: list[Labels], refs: dict[Labels, int]) -> Slice:
        times = sorted({time for labels in members for time in self._series[labels]})
        column = {time: index for index, time in enumerate(times)}
        values = filled((len(members), len(times)))
        for row, labels in enumerate(members):
            for time, value in self._series[labels].items():
                values[row, column[time]] = value
        ids = np.array([refs[labels] for labels in members], np.int64)
        began = None
        if any(labels in self._began for labels in members):
            began = np.zeros(values.shape, np.int64)
            for row, labels in enumerate(members):
                for time, start in self._began.get(labels, {}).items():
                    if time in column:
                        began[row, column[time]] = start
        return Slice(members, ids, np.array(times, np.int64), values, began)

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """Refs of the series that match."""
        hits = [i for i, labels in enumerate(self._series) if matches_all(matchers, labels)]
        return np.array(hits, np.int64)

    def labels_of(self, refs: Int64s) -> list[Labels]:
        """Labels of each ref."""
        known = list(self._series)
        return [known[ref] for ref in refs]

    def last_sample_ms(self, refs: Int64s) -> Int64s:
        """Newest timestamp of each ref."""
        return np.array([max(self._series[one]) for one in self.labels_of(refs)], np.int64)

    def counter_totals(self, refs: Int64s) -> CounterTotals:
        """Not needed by queries."""
        raise NotImplementedError

    def series(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        """Label sets with a sample in the range."""
        found = [
            labels
            for part in self.select(matchers, after_ms, until_ms)
            for row, labels in enumerate(part.labels)
            if is_sample(part.values[row]).any()
        ]
        return sorted(found)

    def label_names(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[str]:
        """Sorted names of their labels."""
        return sorted({name for one in self.series(matchers, after_ms, until_ms) for name in one})

    def label_values(
        self, name: str, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[str]:
        """Sorted values of one label."""
        found = self.series(matchers, after_ms, until_ms)
        return sorted({one[name] for one in found if name in one})

    def add_exemplars(self, *exemplars: Exemplar) -> None:
        """Keep exemplars."""
        self._exemplars.extend(exemplars)

    def exemplars(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[Exemplar]:
        """Those that were added, by series and time."""
        found = [
            one
            for one in self._exemplars
            if matches_all(matchers, one.series) and after_ms < one.timestamp_ms <= until_ms
        ]
        return sorted(found, key=lambda one: (one.series, one.timestamp_ms))

    def metadata(self) -> Mapping[str, Metadata]:
        """What was given."""
        return self._metadata

    def changed_since(self, version: int) -> tuple[int, int]:
        """Every call of `add` is a version."""
        later = self._added_ms[version:] if version >= 0 else self._added_ms
        return len(self._added_ms), min(later, default=2**62)

    def series_version(self) -> int:
        """How many series there are."""
        return len(self._series)


def values_of(samples: Sequence[float]) -> Float64s:
    """A float64 array that keeps NaN payloads."""
    return np.array(samples, np.float64)
