"""The one road into the store: what is admitted is appended, what is refused is counted and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from collector.ingest.limits import MAX_FUTURE_MS
from collector.ingest.series_gate import SeriesGate
from collector.model.clock import Clock, SystemClock
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch
from collector.self_metrics import IngestMetrics
from collector.store.interface import Appender

Origin = Literal["scrape", "otlp", "remote_write"]

TOO_FAR = "too_far_in_the_future"


class SampleWriter:
    """Appends rows and batches of one origin, and counts them."""

    def __init__(
        self,
        appender: Appender,
        metrics: IngestMetrics,
        origin: Origin,
        clock: Clock | None = None,
        gate: SeriesGate | None = None,
    ) -> None:
        self._appender = appender
        self._metrics = metrics
        self._origin = origin
        self._clock = clock or SystemClock()
        self.gate = gate or SeriesGate(appender, clock=self._clock)
        self._samples = metrics.samples.labels(origin)

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """Refs of these series (int64[n]); below zero where a limit keeps one out: `reason_of`."""
        return self.gate.refs(source, labels)

    def essential_refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """The same for series about the source itself, which no guard keeps out."""
        return self.gate.essential_refs(source, labels)

    def known_refs(self, labels: Sequence[Labels]) -> Int64s:
        """Refs of the series that there are (int64[n]), -1 for others."""
        return self._appender.known_refs(labels)

    def now_ms(self) -> int:
        """The time by the clock that samples are held against."""
        return self._clock.now_ms()

    def row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
        told: Counter[str] | None = None,
    ) -> int:
        """Append one row; answers how many samples the store took. Raises StorageError.

        `told` gets what was refused, by reason, for who must answer for it.
        """
        if timestamp_ms > self._latest_ms():
            refused: Mapping[str, int] = {TOO_FAR: len(refs)}
        else:
            refs, values, start_ms = self.gate.merged(refs, values, start_ms)
            answer = self._appender.append_row(source, timestamp_ms, refs, values, start_ms)
            refused = answer.by_reason
        if told is not None:
            told.update(refused)
        return self._count(len(refs), refused)

    def batch(self, source: str, batch: SampleBatch, told: Counter[str] | None = None) -> int:
        """Append samples at any timestamps; the same."""
        offered, far = len(batch), Counter[str]()
        near = batch.timestamps_ms <= self._latest_ms()
        if not near.all():
            far[TOO_FAR] = offered - int(near.sum())
            starts = None if batch.start_ms is None else batch.start_ms[near]
            batch = SampleBatch(
                batch.refs[near], batch.timestamps_ms[near], batch.values[near], starts
            )
        answer = self._appender.append(source, batch)
        refused = far + Counter(answer.by_reason)
        if told is not None:
            told.update(refused)
        return self._count(offered, refused)

    def _latest_ms(self) -> int:
        """No sample is taken from after this: it would make every true one out of order."""
        return self._clock.now_ms() + MAX_FUTURE_MS

    def _count(self, offered: int, refused: Mapping[str, int]) -> int:
        for reason, count in refused.items():
            self.refuse(reason, count)
        taken = offered - sum(refused.values())
        self._samples.inc(taken)
        return taken

    def refuse(self, reason: str, count: int) -> None:
        """Count samples that do not go to the store."""
        if count:
            self._metrics.refused.labels(self._origin, reason).inc(count)

    def exemplars(self, source: str, exemplars: Sequence[Exemplar]) -> int:
        """Hand exemplars to the store; answers how many were not refused."""
        if not exemplars:
            return 0
        refused = self._appender.append_exemplars(source, exemplars)
        for reason, count in refused.by_reason.items():
            self.refuse(reason, count)
        kept = len(exemplars) - sum(refused.by_reason.values())
        self._metrics.exemplars.labels(self._origin).inc(kept)
        return kept

    def describe(self, families: Mapping[str, Metadata]) -> None:
        """Hand over what metric families say of themselves."""
        for family, metadata in families.items():
            self._appender.set_metadata(family, metadata)
