"""A query engine over arrays, and ends that remember what they got."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from collector.model.alert import Alert
from collector.model.errors import UnavailableError
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import MISSING, Float64s, Int64s, SampleBatch
from collector.query.values import Answer, Matrix
from collector.store.interface import NOTHING_REFUSED, Refused


class ArrayEngine:
    """Answers `range` from whole series at equal steps; the query is a name in `series`."""

    def __init__(self, start_ms: int, interval_ms: int) -> None:
        self.start_ms = start_ms
        self.interval_ms = interval_ms
        self.series: dict[str, dict[Labels, list[float]]] = {}
        self.is_down = False
        self.steps_asked: list[int] = []

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        if self.is_down:
            raise UnavailableError("the engine is down")
        times = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
        self.steps_asked.append(len(times))
        rows: list[Float64s] = []
        labels: list[Labels] = []
        for label, values in sorted(self.series.get(query, {}).items()):
            row = np.array([self._value(values, int(at)) for at in times])
            if not np.isnan(row).all():
                rows.append(row)
                labels.append(label)
        matrix = np.array(rows).reshape(len(rows), len(times))
        return Answer(Matrix(labels, times, matrix))

    def _value(self, values: Sequence[float], at_ms: int) -> float:
        index = (at_ms - self.start_ms) // self.interval_ms
        return values[index] if 0 <= index < len(values) else MISSING


class Rows:
    """An appender that keeps every row as {labels: value}."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, dict[Labels, float]]] = []
        self.metadata: dict[str, Metadata] = {}
        self._known: list[Labels] = []

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        for label in labels:
            if label not in self._known:
                self._known.append(label)
        return np.array([self._known.index(label) for label in labels], dtype=np.int64)

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        row = {self._known[ref]: float(value) for ref, value in zip(refs, values, strict=True)}
        self.rows.append((source, timestamp_ms, row))
        return NOTHING_REFUSED

    def append(self, source: str, batch: SampleBatch) -> Refused:
        raise NotImplementedError

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        self.metadata[family] = metadata


class Sink:
    """An alert sink that keeps what it got."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts


@pytest.fixture
def engine() -> ArrayEngine:
    return ArrayEngine(start_ms=1_700_000_000_000, interval_ms=5_000)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def sink() -> Sink:
    return Sink()
