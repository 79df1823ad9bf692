"""`RemoteQuerier`: the store's reading side over a remote engine; what the SLO ledger counts from.

Samples are read as they are, by instant queries on range selectors. Counters are followed: each
look reads what came since the last one, and a sample that is lower than the one before it is a
reset, as in the store's own running totals. Series get refs in the order in which they are met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import RLock
from typing import cast, get_args

import numpy as np

from collector.model.clock import Clock
from collector.model.errors import InputError
from collector.model.exemplar import Exemplar
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.metadata import Metadata, MetricType
from collector.model.samples import Float64s, Int64s
from collector.query.remote import RemoteEngine, selector_text
from collector.query.values import RawSeries
from collector.store.interface import CounterTotals, Slice

LOOK_FOR_SERIES_MS = 60_000
"""How often series that are born are looked for."""
PRESENT_MS = 3_600_000
"""A series is there when it had a sample within this time."""
OVERLAP_MS = 120_000
"""Read again at each look: samples reach a remote store late."""
FIRST_LOOK_MS = 300_000
"""How far back the first look at a counter goes for its baseline: PromQL's lookback."""
UNKNOWN_CHANGE_MS = -(2**62)


class RemoteQuerier:
    """Implements `Querier`; safe from any thread."""

    def __init__(self, engine: RemoteEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = RLock()
        self._labels: list[Labels] = []
        self._ref_of: dict[Labels, int] = {}
        self._counters: dict[str, _Counters] = {}

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """See `Querier.select`; a slice for each series. Raises UnavailableError."""
        raw = self._raw(matchers, after_ms, until_ms)
        found = []
        for labels, (times, values) in zip(raw.labels, raw.samples, strict=True):
            keep = times > after_ms  # servers before Prometheus 3 include the left bound
            if keep.any():
                refs = np.array([self._ref(labels)], np.int64)
                row = np.ascontiguousarray(values[keep]).reshape(1, -1)
                found.append(Slice([labels], refs, times[keep], row))
        return found

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """See `Querier.match`; of those that were there within the last hour, or met before."""
        now_ms = self._clock.now_ms()
        for labels in self._engine.series([matchers], now_ms - PRESENT_MS, now_ms):
            self._ref(labels)
        with self._lock:
            hits = [ref for ref, labels in enumerate(self._labels) if matches_all(matchers, labels)]
        return np.array(hits, np.int64)

    def labels_of(self, refs: Int64s) -> list[Labels]:
        """See `Querier.labels_of`."""
        return [self._labels[ref] for ref in refs.tolist()]

    def last_sample_ms(self, refs: Int64s) -> Int64s:
        """See `Querier.last_sample_ms`."""
        return self.counter_totals(refs).last_ms

    def counter_totals(self, refs: Int64s) -> CounterTotals:
        """See `Querier.counter_totals`: looks at every metric that the refs are of."""
        labels = self.labels_of(refs)
        with self._lock:
            for name in sorted({one.metric_name for one in labels}):
                self._look(name)
            kept = [self._counters[one.metric_name].of.get(one, _NEVER) for one in labels]
        return CounterTotals(
            np.array([one.total for one in kept], np.float64),
            np.array([one.last_ms for one in kept], np.int64),
        )

    def label_names(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[str]:
        """See `Querier.label_names`."""
        return self._engine.label_names([matchers], after_ms + 1, until_ms)

    def label_values(
        self, name: str, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[str]:
        """See `Querier.label_values`."""
        return self._engine.label_values(name, [matchers], after_ms + 1, until_ms)

    def series(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        """See `Querier.series`."""
        return self._engine.series([matchers], after_ms + 1, until_ms)

    def exemplars(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[Exemplar]:
        """None: they are not asked of a remote store."""
        return []

    def metadata(self) -> Mapping[str, Metadata]:
        """See `Querier.metadata`; where sources differ, what the first says."""
        return {
            family: Metadata(_type(entries[0]), entries[0]["help"], entries[0].get("unit", ""))
            for family, entries in self._engine.metadata().items()
            if entries
        }

    def changed_since(self, version: int) -> tuple[int, int]:
        """All may have changed: nobody tells."""
        return 0, UNKNOWN_CHANGE_MS

    def series_version(self) -> int:
        """Grows each minute: series may have been born."""
        return self._clock.now_ms() // LOOK_FOR_SERIES_MS

    def _ref(self, labels: Labels) -> int:
        with self._lock:
            ref = self._ref_of.setdefault(labels, len(self._labels))
            if ref == len(self._labels):
                self._labels.append(labels)
            return ref

    def _raw(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> RawSeries:
        value = self._engine.instant(
            f"{selector_text(matchers)}[{until_ms - after_ms}ms]", until_ms
        ).value
        if not isinstance(value, RawSeries):
            raise InputError("the remote store answers a range selector with another type")
        return value

    def _look(self, name: str) -> None:
        now_ms = self._clock.now_ms()
        counters = self._counters.setdefault(name, _Counters())
        since_ms = FIRST_LOOK_MS
        if counters.looked_ms >= 0:
            since_ms = now_ms - counters.looked_ms + OVERLAP_MS
        raw = self._raw((Matcher("=", METRIC_NAME, name),), now_ms - since_ms, now_ms)
        for labels, (times, values) in zip(raw.labels, raw.samples, strict=True):
            counters.count(labels, times, values)
        counters.looked_ms = now_ms


class _Counter:
    """Of one series: what it counted, and its last sample."""

    __slots__ = ("last_ms", "last_value", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.last_ms = -1
        self.last_value = 0.0


_NEVER = _Counter()


class _Counters:
    """The series of one metric, and when it was looked at last (-1: not yet)."""

    def __init__(self) -> None:
        self.of: dict[Labels, _Counter] = {}
        self.looked_ms = -1

    def count(self, labels: Labels, times: Int64s, values: Float64s) -> None:
        """Add the increases of samples later than the last; a new series began at zero, unless
        this is the first look.
        """
        counter = self.of.get(labels)
        if counter is None:
            counter = self.of[labels] = _Counter()
        later = (times > counter.last_ms) & np.isfinite(values)
        times, values = times[later], values[later]
        if not len(values):
            return
        if counter.last_ms < 0:
            before = 0.0 if self.looked_ms >= 0 else float(values[0])
        else:
            before = counter.last_value
        steps = np.diff(values, prepend=before)
        counter.total += float(np.where(steps < 0, values, steps).clip(0.0).sum())
        counter.last_ms, counter.last_value = int(times[-1]), float(values[-1])


def _type(entry: Mapping[str, str]) -> MetricType:
    known = get_args(MetricType)
    return cast(MetricType, entry["type"]) if entry["type"] in known else "unknown"
