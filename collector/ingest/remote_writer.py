"""Remote-write requests into the store: the known series at once, the new after reading labels.

A series belongs to the source that its `job` and `instance` name, as if it had been scraped here:
series of one target share a stripe, and a counter that is born in a target that was known counts
from zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from collector.ingest.formats.remote_write import HistogramSample, Request, SeriesReader
from collector.ingest.formats.scan.remote_write import EXEMPLARS, EXTRA, HISTOGRAMS
from collector.ingest.key_table import KeyTable
from collector.ingest.row_grouping import Samples, rows
from collector.ingest.series_gate import reason_of
from collector.ingest.write import SampleWriter
from collector.model.errors import InputError
from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import COMPONENT, parts
from collector.model.labels import Labels
from collector.model.samples import STALE, Bools, Float64s, Int64s, SampleBatch

MAX_KEYS = 4_000_000
"""Keys that are remembered; past this they are learnt again, as senders change labels for ever."""
MAX_KEPT_ROWS = 4
"""Arrays of refs that are kept a source: senders cut a target's samples at changing places."""
MAX_TOLD = 3
"""Mistakes that an answer tells in words; all are counted."""

BAD_SERIES, BAD_HISTOGRAM, BAD_EXEMPLAR = "bad_labels", "bad_histogram", "bad_exemplar"

_HISTOGRAMS_ONLY, _NO_SERIES = -1, -2
"""In place of a ref; below _NO_SERIES: the gate's answer, moved by it."""


@dataclass(slots=True)
class Outcome:
    """What became of a request: what was stored, and what was refused by reason."""

    samples: int = 0
    histograms: int = 0
    exemplars: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def tell(self, error: InputError) -> None:
        """Remember the words of a mistake if it is among the first."""
        if len(self.told) < MAX_TOLD:
            self.told.append(str(error))

    def message(self) -> str:
        """Every reason with its count."""
        counts = [f"{count} refused as {name}" for name, count in sorted(self.refused.items())]
        return "; ".join([*counts, *self.told])


@dataclass(slots=True)
class _Source:
    name: str
    kept: list[Int64s] = field(default_factory=list)

    def same_array(self, refs: Int64s) -> Int64s | None:
        """The array that the store saw before, when it had these refs; None if one stands twice."""
        for known in self.kept:
            if len(known) == len(refs) and np.array_equal(known, refs):
                return known
        if len(np.unique(refs)) < len(refs):
            return None
        self.kept = [refs, *self.kept[: MAX_KEPT_ROWS - 1]]
        return refs


class RemoteWriter:
    """Writes requests of both versions; safe for many threads, one request at a time."""

    def __init__(self, writer: SampleWriter) -> None:
        self._writer = writer
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._table = KeyTable()
        self._count = 0
        self._ref: Int64s = np.empty(0, dtype=np.int64)
        self._source_of: Int64s = np.empty(0, dtype=np.int64)
        self._labels: dict[int, Labels] = {}
        self._columns: dict[int, dict[str, int]] = {}
        self._sources: list[_Source] = []
        self._source_number: dict[str, int] = {}

    def write(self, request: Request) -> Outcome:
        """Store a request; what can't be stored is counted and told, the rest is stored.

        Raises InputError when its metadata is malformed, StorageError when the store can't write.
        """
        reader = SeriesReader(request)
        with self._lock:
            self._writer.describe(reader.families())
            return self._write(request, reader)

    def _write(self, request: Request, reader: SeriesReader) -> Outcome:
        outcome = Outcome()
        slots = self._slots(request, reader, outcome)
        owners = slots[request.owners]
        fine = owners >= 0
        refs = np.where(fine, self._ref[owners], _NO_SERIES) if len(self._ref) else owners
        starts = request.start_ms if request.start_ms.any() else None
        samples = Samples(
            refs, self._sources_at(owners), request.timestamps_ms, request.values, starts
        )
        stored = refs >= 0
        if not stored.all():
            samples = samples.part(np.flatnonzero(stored))
        outcome.samples += self._append(samples, outcome)
        if (request.series[:, EXTRA] > 0).any():
            self._write_extras(request, reader, slots, outcome)
        return outcome

    def _sources_at(self, slots: Int64s) -> Int64s:
        return self._source_of[slots] if len(self._source_of) else slots

    def _refuse(self, outcome: Outcome, reason: str, count: int) -> None:
        """Count what does not even get to the store, which counts what it refuses itself."""
        self._writer.refuse(reason, count)
        outcome.refused[reason] += count

    def _tell(self, outcome: Outcome, reason: str, count: int, error: InputError) -> None:
        self._refuse(outcome, reason, count)
        outcome.tell(error)

    # -- series --

    def _slots(self, request: Request, reader: SeriesReader, outcome: Outcome) -> Int64s:
        """The slot of each series of a request, -1 for those that can't be stored."""
        if len(self._table) + len(request.keys) > MAX_KEYS:
            self._forget()
        slots = self._table.find(request.keys)
        unknown = slots < 0
        if len(self._ref):
            # a series that had but histograms and has floats now needs a ref of its own
            unknown |= (self._ref[slots] == _HISTOGRAMS_ONLY) & _has_samples(request)
        missing = np.flatnonzero(unknown)
        if len(missing):
            slots[missing] = self._learn(request, reader, missing, outcome)
        return slots

    def _learn(
        self, request: Request, reader: SeriesReader, missing: Int64s, outcome: Outcome
    ) -> Int64s:
        slots = np.full(len(missing), -1, dtype=np.int64)
        counts = np.bincount(request.owners, minlength=len(request.series))
        of_source: dict[int, list[tuple[int, Labels]]] = {}
        for position, row in enumerate(missing.tolist()):
            try:
                labels = reader.labels(row)
                family = reader.metadata(row)
            except InputError as error:
                self._tell(outcome, BAD_SERIES, max(int(counts[row]), 1), error)
                continue
            if family is not None:
                self._writer.describe(dict([family]))
            of_source.setdefault(self._source(labels), []).append((position, labels))
        for source, found in of_source.items():
            self._take_in(source, found, request, missing, counts, slots)
        for position in np.flatnonzero(slots < -1).tolist():
            reason = _reason(int(slots[position]))
            self._refuse(outcome, reason, int(counts[missing[position]]))
        return np.maximum(slots, -1)

    def _take_in(
        self,
        source: int,
        found: list[tuple[int, Labels]],
        request: Request,
        missing: Int64s,
        counts: Int64s,
        slots: Int64s,
    ) -> None:
        """Give series of one source their slots; those without room in the store get none."""
        positions = np.array([position for position, _ in found], dtype=np.int64)
        floats = counts[missing[positions]] > 0
        refs = np.full(len(found), _HISTOGRAMS_ONLY, dtype=np.int64)
        wanted = [labels for (_, labels), is_float in zip(found, floats, strict=True) if is_float]
        if wanted:
            got = self._writer.refs(self._sources[source].name, wanted)
            refs[floats] = np.where(got < 0, got + _NO_SERIES, got)
        refused = refs <= _NO_SERIES
        kept = np.flatnonzero(~refused)
        slots[positions[refused]] = refs[refused]
        begun = np.arange(self._count, self._count + len(kept), dtype=np.int64)
        self._grow(len(kept))
        self._ref[begun], self._source_of[begun] = refs[kept], source
        slots[positions[kept]] = begun
        self._table.learn(request.keys[missing[positions[kept]]], begun)

    def _grow(self, more: int) -> None:
        self._count += more
        lacking = self._count - len(self._ref)
        if lacking > 0:
            nothing = np.full(lacking + self._count // 4, _NO_SERIES, dtype=np.int64)
            self._ref = np.concatenate([self._ref, nothing])
            self._source_of = np.concatenate([self._source_of, nothing])

    def _source(self, labels: Labels) -> int:
        name = f"remote_write/{labels.get('job', '')}/{labels.get('instance', '')}"
        number = self._source_number.get(name)
        if number is None:
            number = self._source_number[name] = len(self._sources)
            self._sources.append(_Source(name))
        return number

    # -- samples --

    def _append(self, samples: Samples, outcome: Outcome) -> int:
        return sum(self._append_row(row, outcome.refused) for row in rows(samples))

    def _append_row(self, row: Samples, refused: Counter[str]) -> int:
        source = self._sources[int(row.sources[0])]
        refs = source.same_array(row.refs)
        if refs is None and self._writer.gate.has_overflow():
            refs = source.same_array(self._writer.gate.merged(row.refs, row.values, None)[0])
            refs = None if refs is None else row.refs
        if refs is None:
            batch = SampleBatch(row.refs, row.timestamps_ms, row.values, row.start_ms)
            return self._writer.batch(source.name, batch, refused)
        at_ms = int(row.timestamps_ms[0])
        return self._writer.row(source.name, at_ms, refs, row.values, row.start_ms, refused)

    # -- histograms and exemplars --

    def _write_extras(
        self, request: Request, reader: SeriesReader, slots: Int64s, outcome: Outcome
    ) -> None:
        extras = request.series[:, EXTRA]
        cells = _Cells()
        for row in np.flatnonzero((extras > 0) & (slots >= 0)).tolist():
            slot = int(slots[row])
            labels = self._labels.get(slot)
            if labels is None:
                labels = self._labels[slot] = reader.labels(row)
            if extras[row] & HISTOGRAMS:
                self._expand(reader, row, slot, labels, cells, outcome)
            if extras[row] & EXEMPLARS:
                self._write_exemplars(reader, row, slot, labels, outcome)
        if cells.histograms:
            self._append_histograms(cells, outcome)

    def _expand(
        self,
        reader: SeriesReader,
        row: int,
        slot: int,
        labels: Labels,
        cells: _Cells,
        outcome: Outcome,
    ) -> None:
        try:
            histograms = reader.histograms(row)
        except InputError as error:
            self._tell(outcome, BAD_HISTOGRAM, 1, error)
            return
        known = self._columns.setdefault(slot, {})
        source = int(self._source_of[slot])
        for one in histograms:
            if isinstance(one, InputError):
                self._tell(outcome, BAD_HISTOGRAM, 1, one)
                continue
            cut = _columns_of(one, known)
            refs = self._column_refs(source, labels, known, [name for name, _ in cut])
            if min(refs) < 0:
                self._refuse(outcome, reason_of(min(refs)), 1)
                continue
            cells.add(source, one, refs, [value for _, value in cut])

    def _column_refs(
        self, source: int, labels: Labels, known: dict[str, int], names: list[str]
    ) -> list[int]:
        fresh = [name for name in names if name not in known]
        if fresh:
            wanted = [labels.merged({COMPONENT: name}) for name in fresh]
            refs = self._writer.refs(self._sources[source].name, wanted).tolist()
            made = dict(zip(fresh, refs, strict=True))
            known.update((name, ref) for name, ref in made.items() if ref >= 0)
            return [known[name] if name in known else made[name] for name in names]
        return [known[name] for name in names]

    def _append_histograms(self, cells: _Cells, outcome: Outcome) -> None:
        samples = cells.samples()
        refused: Counter[str] = Counter()
        before, outcome.refused = outcome.refused, refused
        stored = self._append(samples, outcome)
        outcome.refused = before
        # columns stand or fall together but for a sender's mistakes: the share is the number
        outcome.histograms += stored * cells.histograms // max(len(samples), 1)
        for reason, count in refused.items():
            outcome.refused[reason] += max(1, count * cells.histograms // len(samples))

    def _write_exemplars(
        self, reader: SeriesReader, row: int, slot: int, labels: Labels, outcome: Outcome
    ) -> None:
        try:
            told = reader.exemplars(row, labels)
        except InputError as error:
            told = [error]
        found = [one for one in told if isinstance(one, Exemplar)]
        for one in told:
            if isinstance(one, InputError):
                self._tell(outcome, BAD_EXEMPLAR, 1, one)
        source = self._sources[int(self._source_of[slot])].name
        outcome.exemplars += self._writer.exemplars(source, found)


def _reason(place: int) -> str:
    return reason_of(place - _NO_SERIES)


def _has_samples(request: Request) -> Bools:
    return np.bincount(request.owners, minlength=len(request.series)) > 0


def _columns_of(one: HistogramSample, known: dict[str, int]) -> list[tuple[str, float]]:
    """The columns that a histogram fills; a stale marker ends all that are known."""
    if one.histogram is None:
        return [(name, STALE) for name in (known or ("count",))]
    return parts(one.histogram)


class _Cells:
    """The columns of the histograms of a request, gathered."""

    def __init__(self) -> None:
        self.histograms = 0
        self._refs: list[int] = []
        self._values: list[Float64s] = []
        self._sources: list[int] = []
        self._times: list[int] = []
        self._starts: list[int] = []

    def add(self, source: int, one: HistogramSample, refs: list[int], values: list[float]) -> None:
        """One histogram's columns."""
        count = len(refs)
        self.histograms += 1
        self._refs += refs
        self._values.append(np.array(values, dtype=np.float64))
        self._sources += [source] * count
        self._times += [one.timestamp_ms] * count
        self._starts += [one.start_ms] * count

    def samples(self) -> Samples:
        """All of them as columns."""
        starts = np.array(self._starts, dtype=np.int64)
        return Samples(
            np.array(self._refs, dtype=np.int64),
            np.array(self._sources, dtype=np.int64),
            np.array(self._times, dtype=np.int64),
            np.concatenate(self._values),
            starts if starts.any() else None,
        )
