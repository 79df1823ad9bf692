"""OTLP points into the store: the known ones at once, the new ones after making their labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from collector.ingest.formats import otlp_metrics
from collector.ingest.formats.otlp_metrics import PointReader, Points
from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.formats.scan.otlp_points import (
    COUNT,
    DELTA,
    EMPTY,
    EXEMPLARS,
    EXPONENTIAL,
    HISTOGRAM,
    KIND,
    RESOURCE_BEGIN,
    RESOURCE_END,
    RESOURCE_NUMBER,
    UNCLEAR,
)
from collector.ingest.limits import MAX_BUCKETS
from collector.ingest.otlp_native import NativePoints
from collector.ingest.point_cache import REASONS, PointCache, Samples
from collector.ingest.stored_totals import StoredTotals
from collector.ingest.write import SampleWriter
from collector.model.errors import InputError
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.samples import Bools, Float64s, Int64s, SampleBatch

MAX_RESOURCES = 100_000
"""Resources that are remembered; past this they are learnt again."""
MAX_TOLD = 3
"""Mistakes that an answer tells in words; all are counted."""

_ADVICE = {
    "bad_histogram": (
        f"a scale below -4, more than {MAX_BUCKETS:,} buckets, or bounds that do not rise or do "
        "not fit the counts"
    ),
    "no_value": "a data point without a value, or a histogram whose buckets don't fit its bounds",
    "no_temporality": "a sum or histogram that says to be neither cumulative nor delta",
    "no_timestamp": "a data point without time_unix_nano",
    "delta_not_newer": "a delta point that is not newer than the one before it of its series",
    "series_limit": "the store holds as many series as storage.max_series allows",
    "target_series_limit": "more series of one sender than limits.series_per_target allows",
    "metric_series_limit": "more series of one metric than limits.series_per_metric allows",
    "new_series_rate": "more new series at once than limits.new_series_per_second allows",
    "too_many_labels": "more labels than limits.labels_per_series allows",
    "label_name_too_long": "longer than limits.label_name_length allows",
    "label_value_too_long": "longer than limits.label_value_length allows",
    "duplicate_in_request": "two points of one series at one time",
}


@dataclass(slots=True)
class _Resource:
    """One resource: where its series live, and what its last row was."""

    source: str
    info_ref: int
    last_refs: Int64s = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(slots=True)
class Outcome:
    """What became of a request: samples stored, data points or samples refused by reason."""

    stored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def tell(self, count: int, error: InputError) -> None:
        """Count what no series can be made of, and remember the words if they are the first."""
        self.refused["bad_name"] += count
        if len(self.told) < MAX_TOLD and str(error) not in self.told:
            self.told.append(str(error))

    def message(self) -> str:
        """Every reason with its count and advice, and the first mistakes in words."""
        parts = [
            f"{count} refused as {reason}" + (f": {_ADVICE[reason]}" if reason in _ADVICE else "")
            for reason, count in sorted(self.refused.items())
            if count
        ]
        return "; ".join([*parts, *self.told])


class OtlpWriter:
    """Writes OTLP metrics requests; safe for many threads, one request at a time."""

    def __init__(
        self,
        writer: SampleWriter,
        promotion: Promotion,
        *,
        totals: StoredTotals | None = None,
        custom_buckets: bool = False,
    ) -> None:
        """`totals`: what delta series had come to before; `custom_buckets`: explicit histograms
        become native ones with custom buckets."""
        self._writer = writer
        self._promotion = promotion
        self._totals = totals
        self._custom_buckets = custom_buckets
        self._native = NativePoints(writer, totals)
        self._cache = PointCache()
        self._resources: dict[bytes, _Resource] = {}
        self._lock = Lock()

    def write(self, body: bytes) -> Outcome:
        """Store a request in protobuf.

        Raises InputError when it is none, LimitError past a limit, StorageError when the store
        can't write.
        """
        points = otlp_metrics.scan(body)
        told: Counter[str] = Counter()
        with self._lock:
            outcome = self._write(points, told)
        for reason, count in outcome.refused.items():
            self._writer.refuse(reason, count)
        outcome.refused.update(told)
        return outcome

    def _write(self, points: Points, told: Counter[str]) -> Outcome:
        outcome = Outcome()
        if not len(points):
            return outcome
        kinds = points.rows[:, KIND]
        outcome.refused["no_value"] = int((kinds == EMPTY).sum())
        outcome.refused["no_temporality"] = int((kinds == UNCLEAR).sum())
        native = kinds == EXPONENTIAL
        if self._custom_buckets:
            native |= kinds == HISTOGRAM
        usable = (points.rows[:, COUNT] > 0) & ~native
        self._cache.make_room(len(points))
        slots = np.where(usable, self._cache.find(points.keys), -1)
        reader = PointReader(points, self._promotion)
        resources = self._resources_of(points, reader, outcome)
        unknown = np.flatnonzero(usable & (slots < 0))
        if len(unknown):
            slots[unknown] = self._learn(points, reader, unknown, resources, outcome)
        samples = self._cache.place(points.rows, slots, points.values)
        for reason, count in zip(REASONS, samples.refused.tolist(), strict=True):
            outcome.refused[reason] += count
        if native.any():
            sources = {number: one.source for number, one in resources.items()}
            chosen = np.flatnonzero(native)
            more = self._native.place(points, reader, chosen, sources, outcome.refused)
            samples = samples.joined(more)
        self._write_samples(samples, resources, outcome, told)
        if points.rows[:, EXEMPLARS].any():
            self._write_exemplars(points, reader, native, resources)
        return outcome

    def _write_exemplars(
        self,
        points: Points,
        reader: PointReader,
        native: Bools,
        resources: dict[int, _Resource],
    ) -> None:
        found: dict[str, list[Exemplar]] = {}
        for point in np.flatnonzero(points.rows[:, EXEMPLARS]).tolist():
            source = resources[int(points.rows[point, RESOURCE_NUMBER])].source
            try:
                told = reader.exemplars(point, native=bool(native[point]))
            except InputError:
                continue
            found.setdefault(source, []).extend(told)
        for source, exemplars in found.items():
            exemplars.sort(key=lambda one: one.timestamp_ms)
            self._writer.exemplars(source, exemplars)

    def _resources_of(
        self, points: Points, reader: PointReader, outcome: Outcome
    ) -> dict[int, _Resource]:
        """The resources of a request by their number."""
        numbers = points.rows[:, RESOURCE_NUMBER]
        found = {}
        for point in [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist()]:
            begin, end = points.rows[point, [RESOURCE_BEGIN, RESOURCE_END]].tolist()
            raw = points.body[begin:end]
            if raw not in self._resources:
                if len(self._resources) >= MAX_RESOURCES:
                    self._resources.clear()
                self._resources[raw] = self._new_resource(reader, point, outcome)
            found[int(numbers[point])] = self._resources[raw]
        return found

    def _new_resource(self, reader: PointReader, point: int, outcome: Outcome) -> _Resource:
        """A resource that no labels can be made of costs its own points, or its info series."""
        source = "otlp//"
        try:
            labels = reader.resource(point)
            source = f"otlp/{labels.get('job', '')}/{labels.get('instance', '')}"
            info = reader.target_info(point)
        except InputError as error:
            outcome.tell(1, error)
            return _Resource(source, -1)
        ref = -1 if info is None else int(self._writer.refs(source, [info])[0])
        return _Resource(source, ref)

    def _learn(
        self,
        points: Points,
        reader: PointReader,
        unknown: Int64s,
        resources: dict[int, _Resource],
        outcome: Outcome,
    ) -> Int64s:
        """Slots of points that were not known, -1 for those that can't be stored."""
        slots = np.full(len(unknown), -1, dtype=np.int64)
        learnt: list[int] = []
        series: dict[str, list[Labels]] = {}
        places: list[tuple[str, int, int]] = []
        for position, point in enumerate(unknown.tolist()):
            try:
                found = reader.series(point)
                self._writer.describe(dict([reader.family(point)]))
            except InputError as error:
                outcome.tell(int(points.rows[point, COUNT]), error)
                continue
            source = resources[int(points.rows[point, RESOURCE_NUMBER])].source
            of_source = series.setdefault(source, [])
            places.append((source, len(of_source), len(found)))
            of_source.extend(found)
            learnt.append(position)
        if not learnt:
            return slots
        refs = {source: self._writer.refs(source, found) for source, found in series.items()}
        blocks = [refs[source][begin : begin + count] for source, begin, count in places]
        counts = np.array([len(block) for block in blocks], dtype=np.int64)
        keys = points.keys[unknown[learnt]]
        slots[learnt] = self._cache.learn(keys, counts, np.concatenate(blocks))
        deltas = slots[learnt][points.rows[unknown[learnt], DELTA] != 0]
        if len(deltas) and self._totals is not None:
            self._recall(self._totals, deltas, series, refs)
        return slots

    def _recall(
        self,
        totals: StoredTotals,
        slots: Int64s,
        series: dict[str, list[Labels]],
        refs: dict[str, Int64s],
    ) -> None:
        """Let delta series go on from what they had come to before a restart."""
        labels_of = {
            ref: labels
            for source, of_source in series.items()
            for ref, labels in zip(refs[source].tolist(), of_source, strict=True)
        }
        asked = self._cache.unheard(slots)
        if len(asked):
            self._cache.recall(asked, totals.last([labels_of[ref] for ref in asked.tolist()]))

    def _write_samples(
        self,
        samples: Samples,
        resources: dict[int, _Resource],
        outcome: Outcome,
        told: Counter[str],
    ) -> None:
        bounds = np.flatnonzero(np.diff(samples.groups)) + 1
        begins = [0, *bounds.tolist()]
        ends = [*bounds.tolist(), len(samples.groups)]
        for begin, end in zip(begins, ends, strict=True):
            if begin == end:
                continue
            resource = resources[int(samples.groups[begin])]
            part = SampleBatch(
                samples.refs[begin:end],
                samples.timestamps_ms[begin:end],
                samples.values[begin:end],
                samples.start_ms[begin:end],
            )
            self._write_resource(resource, part, outcome, told)

    def _write_resource(
        self, resource: _Resource, part: SampleBatch, outcome: Outcome, told: Counter[str]
    ) -> None:
        newest_ms, oldest_ms = int(part.timestamps_ms.max()), int(part.timestamps_ms.min())
        one_time = newest_ms == oldest_ms
        for time_ms in [newest_ms] if one_time else np.unique(part.timestamps_ms).tolist():
            chosen = slice(None) if one_time else np.flatnonzero(part.timestamps_ms == time_ms)
            row = _Row(part.refs[chosen], part.values[chosen], _starts(part)[chosen])
            if time_ms == newest_ms and resource.info_ref >= 0:
                row = row.with_info(resource.info_ref)
            self._write_row(resource, time_ms, row, outcome, told)

    def _write_row(
        self,
        resource: _Resource,
        time_ms: int,
        row: _Row,
        outcome: Outcome,
        told: Counter[str],
    ) -> None:
        if self._writer.gate.has_overflow():
            merged = self._writer.gate.merged(row.refs, row.values, row.start_ms)
            row = _Row(merged[0], merged[1], _known_starts(merged[2], len(merged[0])))
        if np.array_equal(row.refs, resource.last_refs):
            row.refs = resource.last_refs
        else:
            outcome.refused["duplicate_in_request"] += row.drop_duplicates()
            resource.last_refs = row.refs
        outcome.stored += self._writer.row(
            resource.source, time_ms, row.refs, row.values, row.start_ms, told
        )


@dataclass(slots=True, eq=False)
class _Row:
    refs: Int64s
    values: Float64s
    start_ms: Int64s

    def with_info(self, ref: int) -> _Row:
        """The row with `target_info` at its end."""
        refs, values = np.append(self.refs, ref), np.append(self.values, 1.0)
        return _Row(refs, values, np.append(self.start_ms, 0))

    def drop_duplicates(self) -> int:
        """Keep the first sample of each series; answers how many went."""
        _, first = np.unique(self.refs, return_index=True)
        dropped = len(self.refs) - len(first)
        if dropped:
            first.sort()
            self.refs, self.values = self.refs[first], self.values[first]
            self.start_ms = self.start_ms[first]
        return dropped


def _starts(part: SampleBatch) -> Int64s:
    return _known_starts(part.start_ms, len(part))


def _known_starts(start_ms: Int64s | None, count: int) -> Int64s:
    return np.zeros(count, dtype=np.int64) if start_ms is None else start_ms
