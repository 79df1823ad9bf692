"""Lifecycle: open and recover, append, read, maintain, close."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from collector.model.clock import Clock
from collector.model.errors import LimitError, StorageError, Where
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch
from collector.store import wal_record as records
from collector.store.head import Head
from collector.store.interface import NOTHING_REFUSED, CounterTotals, Refused, Slice
from collector.store.options import StoreOptions, StoreStatus
from collector.store.self_metrics import StoreMetrics
from collector.store.wal import Wal, read_segment

log = logging.getLogger(__name__)


class Tsdb:
    """The embedded store: an `Appender` and a `Querier` over one directory.

    One lock lets one writer or reader in at a time; what readers get are copies.
    """

    @classmethod
    def open(
        cls,
        directory: Path,
        clock: Clock,
        options: StoreOptions | None = None,
        registry: CollectorRegistry | None = None,
    ) -> Tsdb:
        """Lock the directory and replay its log. Raises StorageError when it can't be used."""
        metrics = StoreMetrics(registry or CollectorRegistry())
        return cls(directory, clock, options or StoreOptions(), metrics)

    def __init__(
        self, directory: Path, clock: Clock, options: StoreOptions, metrics: StoreMetrics
    ) -> None:
        self._clock = clock
        self._options = options
        self._metrics = metrics
        self._lock = threading.RLock()
        self._lock_file = _lock_directory(directory)
        self._head = Head(options.out_of_order_ms)
        self._metadata: dict[str, Metadata] = {}
        self._layouts: dict[int, Int64s] = {}
        self._layout_of: dict[bytes, int] = {}
        self._last_row: dict[str, tuple[Int64s, int]] = {}
        self._appended = 0
        self._wal = Wal(directory / "wal", fsync=options.fsync)
        self._replay()
        self._begin_segment()

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """See `Appender.refs`."""
        with self._lock:
            return np.array([self._ref(source, one) for one in labels], dtype=np.int64)

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        """See `Appender.append_row`."""
        with self._lock:
            row = records.Row(self._layout(source, refs), timestamp_ms, values, start_ms)
            self._write(records.ROW, records.encode_row(row))
            refused = self._head.append_row(timestamp_ms, refs, values, start_ms)
            self._appended += len(refs) - sum(refused.values())
            return Refused(dict(refused)) if refused else NOTHING_REFUSED

    def append(self, source: str, batch: SampleBatch) -> Refused:
        """See `Appender.append`."""
        refused: Counter[str] = Counter()
        for timestamp_ms in np.unique(batch.timestamps_ms).tolist():
            at = np.flatnonzero(batch.timestamps_ms == timestamp_ms)
            refs, last = np.unique(batch.refs[at][::-1], return_index=True)
            chosen = at[::-1][last]
            starts = None if batch.start_ms is None else batch.start_ms[chosen]
            answer = self.append_row(source, timestamp_ms, refs, batch.values[chosen], starts)
            refused.update(answer.by_reason)
            if len(at) > len(refs):
                refused["duplicate"] += len(at) - len(refs)
        return Refused(dict(refused))

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        """See `Appender.set_metadata`."""
        with self._lock:
            if self._metadata.get(family) != metadata:
                self._metadata[family] = metadata
                self._wal.append(records.METADATA, _metadata_bytes(family, metadata))

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """See `Querier.select`."""
        with self._lock:
            return self._head.select(matchers, after_ms, until_ms)

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """See `Querier.match`."""
        with self._lock:
            return self._head.match(matchers)

    def labels_of(self, refs: Int64s) -> list[Labels]:
        """See `Querier.labels_of`."""
        return [self._head.labels[ref] for ref in refs.tolist()]

    def last_sample_ms(self, refs: Int64s) -> Int64s:
        """See `Querier.last_sample_ms`."""
        with self._lock:
            return self._head.newest_ms[refs]

    def counter_totals(self, refs: Int64s) -> CounterTotals:
        """See `Querier.counter_totals`."""
        with self._lock:
            totals = self._head.totals
            return CounterTotals(totals.total[refs], totals.last_ms[refs])

    def label_names(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[str]:
        """See `Querier.label_names`."""
        return sorted({name for one in self.series(matchers, after_ms, until_ms) for name in one})

    def label_values(
        self, name: str, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[str]:
        """See `Querier.label_values`."""
        found = {one.get(name, "") for one in self.series(matchers, after_ms, until_ms)}
        return sorted(found - {""})

    def series(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        """See `Querier.series`."""
        slices = self.select(matchers, after_ms, until_ms)
        return sorted(labels for one in slices for labels in one.labels)

    def metadata(self) -> Mapping[str, Metadata]:
        """See `Querier.metadata`."""
        with self._lock:
            return dict(self._metadata)

    def series_version(self) -> int:
        """See `Querier.series_version`."""
        return len(self._head.labels)

    def maintain(self) -> None:
        """Forget what is too old, fsync, and begin a new segment when the last one is full."""
        with self._lock:
            before_ms = self._clock.now_ms() - self._options.retention_ms
            self._head.forget(before_ms)
            self._wal.sync()
            if self._wal.segment_bytes > self._options.segment_bytes:
                self._begin_segment()
            for path in self._wal.segments()[:-1]:
                if path.stat().st_mtime * 1000 < before_ms:
                    path.unlink()
            self._metrics.show(self.status())

    def status(self) -> StoreStatus:
        """How full the store is."""
        segments = self._wal.segments()
        return StoreStatus(
            series=len(self._head.labels),
            samples_appended=self._appended,
            oldest_ms=self._head.first_ms(),
            wal_segments=len(segments),
            wal_bytes=sum(path.stat().st_size for path in segments),
        )

    def close(self) -> None:
        """Write everything out and let the directory go."""
        with self._lock:
            self._wal.close()
            os.close(self._lock_file)

    def _ref(self, source: str, labels: Labels) -> int:
        ref = self._head.ref_of.get(labels)
        if ref is not None:
            return ref
        if len(self._head.labels) >= self._options.max_series:
            raise LimitError(
                f"the store holds its limit of {self._options.max_series:,} series",
                advice="raise storage.max_series, or drop labels that grow without bound",
            )
        number = len(self._head.labels)
        self._write(records.SERIES, records.encode_series(number, source, labels))
        return self._head.add_series(source, labels)

    def _layout(self, source: str, refs: Int64s) -> int:
        """The number under which the log knows this list of refs."""
        last = self._last_row.get(source)
        if last is not None and last[0] is refs:
            return last[1]
        key = refs.tobytes()
        number = self._layout_of.get(key)
        if number is None:
            number = len(self._layout_of)
            self._write(records.LAYOUT, records.encode_layout(number, refs))
            self._layout_of[key] = number
        self._last_row[source] = (refs, number)
        return number

    def _write(self, kind: int, payload: bytes) -> None:
        with self._metrics.wal_write_seconds.time():
            self._wal.append(kind, payload)

    def _begin_segment(self) -> None:
        """A segment starts with all that its rows refer to, so that older ones can go."""
        self._wal.begin_segment()
        self._layout_of.clear()
        self._last_row.clear()
        for stripe in self._head.stripes:
            for ref in stripe.refs:
                labels = self._head.labels[ref]
                self._wal.append(records.SERIES, records.encode_series(ref, stripe.source, labels))
        for family, metadata in self._metadata.items():
            self._wal.append(records.METADATA, _metadata_bytes(family, metadata))

    def _replay(self) -> None:
        segments = self._wal.segments()
        for path in segments:
            renumbered: dict[int, int] = {}
            self._layouts.clear()
            for kind, payload in read_segment(path, is_last=path == segments[-1]):
                self._apply(kind, payload, renumbered)

    def _apply(self, kind: int, payload: memoryview, renumbered: dict[int, int]) -> None:
        """`renumbered`: refs of the segment to refs of now (series of lost segments are gone)."""
        if kind == records.SERIES:
            number, source, labels = records.decode_series(payload)
            known = self._head.ref_of.get(labels)
            renumbered[number] = self._head.add_series(source, labels) if known is None else known
        elif kind == records.LAYOUT:
            layout, refs = records.decode_layout(payload)
            self._layouts[layout] = np.array([renumbered[r] for r in refs.tolist()], dtype=np.int64)
        elif kind == records.ROW:
            row = records.decode_row(payload)
            refs = self._layouts[row.layout]
            self._head.append_row(row.timestamp_ms, refs, row.values, row.start_ms)
        elif kind == records.METADATA:
            family, type_, help_, unit = json.loads(bytes(payload))
            self._metadata[family] = Metadata(type_, help_, unit)


def _metadata_bytes(family: str, metadata: Metadata) -> bytes:
    return json.dumps([family, metadata.type, metadata.help, metadata.unit]).encode()


def _lock_directory(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StorageError(
            "another tocsin is using this directory",
            where=Where(str(directory)),
            advice="stop it, or give another --data-dir",
        ) from error
    except OSError as error:
        raise StorageError(
            f"the data directory can't be used: {error.strerror}",
            where=Where(str(directory)),
            advice="check its path and mode, or give another --data-dir",
        ) from error
    return descriptor
