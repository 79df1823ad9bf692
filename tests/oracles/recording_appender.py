"""An `Appender` that keeps every sample in a dict: slow, obvious, and easy to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from collector.model.errors import LimitError
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch, is_stale
from collector.store.interface import NOTHING_REFUSED, Refused

STALE_TEXT = "stale"


@dataclass
class Row:
    source: str
    timestamp_ms: int
    refs: Int64s
    values: Float64s


@dataclass
class RecordingAppender:
    """Refuses series past `max_series` and a second sample at one time of a series."""

    max_series: int = 1_000_000
    labels: list[Labels] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    families: dict[str, Metadata] = field(default_factory=dict)
    start_ms: dict[tuple[Labels, int], int] = field(default_factory=dict)
    exemplars: list[Exemplar] = field(default_factory=list)
    _ref_of: dict[Labels, int] = field(default_factory=dict)
    _samples: dict[Labels, dict[int, float | str]] = field(default_factory=dict)

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        new = len(set(labels) - set(self._ref_of))
        if len(self.labels) + new > self.max_series:
            raise LimitError(f"max_series of {self.max_series} reached", advice="raise it")
        return np.array([self._ref(label_set) for label_set in labels], dtype=np.int64)

    def known_refs(self, labels: Sequence[Labels]) -> Int64s:
        return np.array([self._ref_of.get(one, -1) for one in labels], dtype=np.int64)

    def _ref(self, labels: Labels) -> int:
        if labels not in self._ref_of:
            self._ref_of[labels] = len(self.labels)
            self.labels.append(labels)
        return self._ref_of[labels]

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        assert len(refs) == len(values)
        assert len(set(refs.tolist())) == len(refs), "a row has each series once"
        self.rows.append(Row(source, timestamp_ms, refs, values.copy()))
        times = np.full(len(refs), timestamp_ms, dtype=np.int64)
        return self.append(source, SampleBatch(refs, times, values, start_ms))

    def append(self, source: str, batch: SampleBatch) -> Refused:
        starts = np.zeros(len(batch), dtype=np.int64) if batch.start_ms is None else batch.start_ms
        stale = is_stale(batch.values)
        refused = 0
        for k in range(len(batch)):
            labels, time = self.labels[batch.refs[k]], int(batch.timestamps_ms[k])
            series = self._samples.setdefault(labels, {})
            if time in series:
                refused += 1
                continue
            series[time] = STALE_TEXT if stale[k] else float(batch.values[k])
            if starts[k]:
                self.start_ms[labels, time] = int(starts[k])
        return Refused({"duplicate": refused}) if refused else NOTHING_REFUSED

    def append_exemplars(self, source: str, exemplars: Sequence[Exemplar]) -> Refused:
        self.exemplars.extend(exemplars)
        return NOTHING_REFUSED

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        self.families[family] = metadata

    def samples(self, name: str, /, **labels: str) -> list[tuple[int, float | str]]:
        """(time, value or "stale") of the one series with this name and at least these labels."""
        found = [
            series
            for key, series in list(self._samples.items())
            if key.metric_name == name and labels.items() <= dict(key.pairs).items()
        ]
        assert len(found) <= 1, f"{len(found)} series are called {name} {labels}"
        return sorted(found[0].copy().items()) if found else []

    def of(self, labels: Labels) -> list[tuple[int, float | str]]:
        """The samples of exactly this series."""
        return sorted(self._samples.get(labels, {}).copy().items())

    def values(self, name: str, /, **labels: str) -> list[float | str]:
        return [value for _, value in self.samples(name, **labels)]

    def names(self) -> set[str]:
        return {labels.metric_name for labels in list(self._samples)}
