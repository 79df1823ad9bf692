"""`SeriesGate`: which series that nobody has seen yet may be made; shared by every way in.

A series that the store holds always passes: a guard keeps what was there before it. A new one is
held against the limits of the section `limits`; past the values that one label of a metric may
have, the value becomes `__overflow__`, so that sums stay whole while the series stay few. What is
counted holds for the life of the process, as the store's own series do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from collector.ingest.limits import Guards
from collector.model.clock import Clock, SystemClock
from collector.model.errors import LimitError
from collector.model.histogram_columns import COMPONENT
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import Bools, Float64s, Int64s
from collector.store.interface import Appender

OVERFLOW = "__overflow__"
"""What stands for the values that a label may no longer have."""
BURST_SECONDS = 60
"""New series come in bursts (a deployment, a start): so many seconds' worth may come at once."""
TRACK_FROM_RATIO = 0.1
"""Values are counted once a metric has this part of the limit in series: most never do."""
MAX_OFFENDERS = 10_000
"""(reason, metric) pairs that are remembered; further ones are counted by reason only."""

REASONS = (
    "series_limit",
    "target_series_limit",
    "metric_series_limit",
    "new_series_rate",
    "too_many_labels",
    "label_name_too_long",
    "label_value_too_long",
)
"""Why a series is not made; a ref of -1 - i says REASONS[i]."""
(
    SERIES_LIMIT, TARGET_LIMIT, METRIC_LIMIT, RATE, LABELS, NAME_LENGTH, VALUE_LENGTH,
) = range(-1, -1 - len(REASONS), -1)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offenders:
    """Who has most: (name, count) by falling count.

    `labels` names metric and label of those whose values are counted; `refused` reason and metric.
    """

    metrics: list[tuple[str, int]]
    targets: list[tuple[str, int]]
    labels: list[tuple[tuple[str, str], int]]
    refused: list[tuple[tuple[str, str], int]]
    overflown: list[tuple[tuple[str, str], int]]


def reason_of(ref: int) -> str:
    """Why a ref below zero is none."""
    return REASONS[-1 - ref]


class SeriesGate:
    """Makes refs of series through an appender; safe for many threads."""

    def __init__(
        self, appender: Appender, guards: Guards | None = None, clock: Clock | None = None
    ) -> None:
        self._appender = appender
        self._guards = guards or Guards()
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._counted: Bools = np.zeros(0, dtype=np.bool_)
        self._overflowing: set[int] = set()
        self._by_metric: Counter[str] = Counter()
        self._by_target: Counter[str] = Counter()
        self._values: dict[tuple[str, str], set[str]] = {}
        self._refused: Counter[tuple[str, str]] = Counter()
        self._overflown: Counter[tuple[str, str]] = Counter()
        self._tokens = float(self._guards.new_series_per_second * BURST_SECONDS)
        self._filled_seconds = self._clock.monotonic_seconds()

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """Refs of these series (int64[n]); below zero where one may not be made: `reason_of`.

        Different label sets get one ref when a limit made them one: see `is_overflow`.
        """
        refs = self._appender.known_refs(labels)
        with self._lock:
            self._count(source, labels, refs)
            unknown = np.flatnonzero(refs < 0)
            if len(unknown):
                wanted = [labels[i] for i in unknown.tolist()]
                refs[unknown] = self._new_refs(source, wanted)
        return refs

    def essential_refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """The same for series that no guard keeps out, such as `up`; only a full store does."""
        with self._lock:
            refs = self._made(source, labels)
            self._count(source, labels, refs)
        return refs

    def is_overflow(self, refs: Int64s) -> Bools:
        """Mask of the series that stand for many: their samples at one time are added up."""
        if not self._overflowing:
            return np.zeros(len(refs), dtype=np.bool_)
        return np.isin(refs, np.fromiter(self._overflowing, dtype=np.int64))

    def has_overflow(self) -> bool:
        """Whether any series stands for many."""
        return bool(self._overflowing)

    def merged(
        self, refs: Int64s, values: Float64s, start_ms: Int64s | None
    ) -> tuple[Int64s, Float64s, Int64s | None]:
        """A row in which each series that stands for many stands once, with their sum.

        Without such a series the very same arrays; `start_ms` is that of the first.
        """
        if not self._overflowing:
            return refs, values, start_ms
        spilt = self.is_overflow(refs)
        unique, first = np.unique(refs[spilt], return_index=True)
        places = np.flatnonzero(spilt)
        if len(unique) == len(places):
            return refs, values, start_ms
        keep = ~spilt
        keep[places[first]] = True
        summed = values.copy()
        for ref, at in zip(unique.tolist(), places[first].tolist(), strict=True):
            summed[at] = values[refs == ref].sum()
        return refs[keep], summed[keep], None if start_ms is None else start_ms[keep]

    def offenders(self, limit: int = 10) -> Offenders:
        """Who holds most series, values and refusals."""
        with self._lock:
            values = Counter({key: len(found) for key, found in self._values.items()})
            return Offenders(
                self._by_metric.most_common(limit),
                self._by_target.most_common(limit),
                values.most_common(limit),
                self._refused.most_common(limit),
                self._overflown.most_common(limit),
            )

    def _new_refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """Refs of series that the store does not have, one decision each."""
        refs = np.empty(len(labels), dtype=np.int64)
        admitted: dict[Labels, list[int]] = {}
        spilt: set[Labels] = set()
        begun: Counter[str] = Counter()
        self._fill()
        for i, label_set in enumerate(labels):
            bounded = self._bounded(label_set, begun[label_set.metric_name])
            refusal = 0 if bounded in admitted else self._refusal(source, bounded, begun)
            if refusal:
                refs[i] = refusal
                continue
            if bounded is not label_set:
                spilt.add(bounded)
            begun[bounded.metric_name] += bounded not in admitted
            admitted.setdefault(bounded, []).append(i)
        wanted = list(admitted)
        made = self._made(source, wanted)
        for label_set, ref in zip(wanted, made.tolist(), strict=True):
            refs[admitted[label_set]] = ref
            if ref >= 0 and label_set in spilt:
                self._overflowing.add(ref)
        self._tokens -= self._count(source, wanted, made)
        self._note_refusals(labels, refs)
        return refs

    def _refusal(self, source: str, labels: Labels, begun: Counter[str]) -> int:
        """Why one more series may not be made beside those begun, by metric; 0 when it may."""
        guards, under_way, metric = self._guards, begun.total(), labels.metric_name
        shape = _shape_refusal(labels, guards)
        if shape:
            return shape
        limit = guards.series_per_target
        if limit and self._by_target[source] + under_way >= limit:
            return TARGET_LIMIT
        limit = guards.series_per_metric
        if limit and self._by_metric[metric] + begun[metric] >= limit:
            return METRIC_LIMIT
        if guards.new_series_per_second and self._tokens - under_way < 1:
            return RATE
        return 0

    def _bounded(self, labels: Labels, under_way: int) -> Labels:
        """The labels, with `__overflow__` for each value that is one too many; counts values."""
        limit, metric = self._guards.values_per_label, labels.metric_name
        if not limit or self._by_metric[metric] + under_way < limit * TRACK_FROM_RATIO:
            return labels
        spilt = {}
        for name, value in labels.pairs:
            if name in (METRIC_NAME, COMPONENT, "le"):
                continue
            seen = self._values.setdefault((metric, name), set())
            if value in seen:
                continue
            if len(seen) >= limit:
                spilt[name] = OVERFLOW
                self._overflown[metric, name] += 1
            else:
                seen.add(value)
        return labels.merged(spilt) if spilt else labels

    def _made(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """As many refs as the store has room for; the rest is SERIES_LIMIT."""
        try:
            return self._appender.refs(source, labels)
        except LimitError:
            if len(labels) == 1:
                return np.array([SERIES_LIMIT], dtype=np.int64)
        half = len(labels) // 2
        first = self._made(source, labels[:half])
        if first[-1] < 0:
            rest = np.full(len(labels) - half, SERIES_LIMIT, dtype=np.int64)
        else:
            rest = self._made(source, labels[half:])
        return np.concatenate([first, rest])

    def _count(self, source: str, labels: Sequence[Labels], refs: Int64s) -> int:
        """Add series to their target and metric the first time that they are seen."""
        highest = int(refs.max(initial=-1)) + 1
        if highest > len(self._counted):
            grown = np.zeros(highest + highest // 4 - len(self._counted), dtype=np.bool_)
            self._counted = np.concatenate([self._counted, grown])
        counted = 0
        for i in np.flatnonzero(refs >= 0).tolist():
            if not self._counted[refs[i]]:
                self._counted[refs[i]] = True
                self._by_metric[labels[i].metric_name] += 1
                self._by_target[source] += 1
                counted += 1
        return counted

    def _fill(self) -> None:
        rate, now = self._guards.new_series_per_second, self._clock.monotonic_seconds()
        passed = max(0.0, now - self._filled_seconds)
        self._tokens = min(self._tokens + passed * rate, float(rate * BURST_SECONDS))
        self._filled_seconds = now

    def _note_refusals(self, labels: Sequence[Labels], refs: Int64s) -> None:
        for i in np.flatnonzero(refs < 0).tolist():
            key = (reason_of(int(refs[i])), labels[i].metric_name)
            if key not in self._refused and len(self._refused) >= MAX_OFFENDERS:
                key = (key[0], "")
            self._refused[key] += 1


def _shape_refusal(labels: Labels, guards: Guards) -> int:
    """Whether a label set is too large as it is."""
    if guards.labels and len(labels) > guards.labels:
        return LABELS
    for name, value in labels.pairs:
        if guards.label_name_bytes and len(name.encode()) > guards.label_name_bytes:
            return NAME_LENGTH
        if guards.label_value_bytes and len(value.encode()) > guards.label_value_bytes:
            return VALUE_LENGTH
    return 0
