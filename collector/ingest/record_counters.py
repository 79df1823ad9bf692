"""Counts spans and log records by rules, as they come in, into ordinary counters of the store.

Each record is looked at once and never kept here. What a request adds is written before the request
is answered, so that what was answered is counted and what was not is sent again. A process begins
each counter with a sample of zero, a reset: nothing need be known of the process before it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from collector.ingest.self_metrics import RecordMetrics
from collector.model.clock import Clock
from collector.model.errors import LimitError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.model.record_rule import (
    COUNTED_RECORDS,
    OUTCOME,
    RULE,
    Record,
    RecordKind,
    RecordRule,
)
from collector.model.samples import Float64s
from collector.store.interface import Appender, Querier

SOURCE = "tocsin/records"
OVERFLOW = "__overflow__"
MAX_GROUPS = 1_000
"""Groups of one rule; records of more are counted together, under `__overflow__`."""
GOOD, BAD = "good", "bad"
Key = tuple[str, tuple[str, ...]]
"""A rule's name and a group's values."""


class RecordCounters:
    """The counters of all rules; may be called from any thread."""

    def __init__(
        self, appender: Appender, clock: Clock, metrics: RecordMetrics, newest_ms: int = 0
    ) -> None:
        """`newest_ms`: the newest sample of a former run (`newest_count_ms`); rows come after."""
        self._appender = appender
        self._clock = clock
        self._metrics = metrics
        self._rules: dict[RecordKind, tuple[RecordRule, ...]] = {}
        self._counts: dict[Key, tuple[int, int]] = {}
        self._groups: Counter[str] = Counter()
        self._written_ms = newest_ms
        self._lock = threading.Lock()
        appender.set_metadata(
            COUNTED_RECORDS, Metadata("counter", "Spans and log records that rules count.")
        )

    def apply(self, rules: Sequence[RecordRule]) -> None:
        """Count by these from now on; a rule that is still there goes on counting."""
        with self._lock:
            self._rules = {
                "spans": tuple(one for one in rules if one.kind == "spans"),
                "logs": tuple(one for one in rules if one.kind == "logs"),
            }

    def wants(self, kind: RecordKind) -> bool:
        """Whether any rule counts records of a kind."""
        return bool(self._rules.get(kind))

    def count(self, kind: RecordKind, records: Iterable[Record]) -> int:
        """Count and write; how many records no rule wanted.

        Raises StorageError when the store can't be written: then nothing was counted.
        """
        rules = self._rules.get(kind, ())
        added: dict[Key, list[int]] = {}
        names = {one.name: one for one in rules}
        unwanted = 0
        for record in records:
            unwanted += not _judge(rules, record, added)
        if added:
            with self._lock:
                self._write(names, added)
        return unwanted

    def _write(self, rules: Mapping[str, RecordRule], added: Mapping[Key, Sequence[int]]) -> None:
        now = self._sums(added)
        fresh = [key for key in now if key not in self._counts]
        if fresh:
            fresh = self._append(rules, dict.fromkeys(fresh, (0, 0)))
            for key in fresh:
                self._counts[key] = (0, 0)
                self._groups[key[0]] += 1
        known = {key: counts for key, counts in now.items() if key in self._counts}
        if known:
            self._append(rules, known)
            self._counts.update(known)
        for (name, _), (good, bad) in added.items():
            self._metrics.counted.labels(rules[name].kind).inc(good + bad)

    def _sums(self, added: Mapping[Key, Sequence[int]]) -> dict[Key, tuple[int, int]]:
        """The counters' next values, groups past the limit among `__overflow__`."""
        sums: dict[Key, tuple[int, int]] = {}
        begun: Counter[str] = Counter()
        for (name, values), (good, bad) in added.items():
            key = name, values
            if key not in self._counts and values:
                begun[name] += 1
                if self._groups[name] + begun[name] > MAX_GROUPS:
                    key = name, (OVERFLOW,) * len(values)
            before = sums.get(key, self._counts.get(key, (0, 0)))
            sums[key] = before[0] + good, before[1] + bad
        return sums

    def _append(
        self, rules: Mapping[str, RecordRule], counts: Mapping[Key, tuple[int, int]]
    ) -> list[Key]:
        """Write a row; the keys that could be: a store that is full of series takes no others."""
        labels: list[Labels] = []
        values: list[float] = []
        written: list[Key] = []
        for key, (good, bad) in counts.items():
            labels += _series(rules[key[0]], key)
            values += [good, bad]
            written.append(key)
        try:
            refs = self._appender.refs(SOURCE, labels)
        except LimitError:
            self._metrics.uncounted.labels("series_limit").inc(len(counts))
            return []
        self._written_ms = max(self._clock.now_ms(), self._written_ms + 1)
        row: Float64s = np.array(values, np.float64)
        refused = self._appender.append_row(SOURCE, self._written_ms, refs, row)
        for reason, number in refused.by_reason.items():
            self._metrics.late_rows.labels(reason).inc(number)
        return written


def newest_count_ms(querier: Querier) -> int:
    """Time of the newest sample of any counter of records, 0 without one."""
    refs = querier.match([Matcher("=", METRIC_NAME, COUNTED_RECORDS)])
    return int(querier.last_sample_ms(refs).max(initial=0))


def _judge(rules: Sequence[RecordRule], record: Record, added: dict[Key, list[int]]) -> bool:
    """Add one record to the counts; whether any rule counts it.

    One that is only of the service of a rule adds nothing, but the counter shows that it is alive.
    """
    is_counted = False
    for rule in rules:
        if rule.counts(record.fields):
            tally = added.setdefault((rule.name, rule.group(record.fields)), [0, 0])
            tally[rule.is_bad(record.fields, record.duration_ms)] += 1
            is_counted = True
        elif not rule.labels and rule.concerns(record.fields):
            added.setdefault((rule.name, ()), [0, 0])
    return is_counted


def _series(rule: RecordRule, key: Key) -> list[Labels]:
    own = dict(zip(rule.labels, key[1], strict=True))
    return [
        Labels({**own, METRIC_NAME: COUNTED_RECORDS, RULE: rule.name, OUTCOME: outcome})
        for outcome in (GOOD, BAD)
    ]
