"""Lifecycle: open and recover, append, read, maintain, close.

One lock lets one writer or reader in at a time. Readers leave it before they decode: what they took
with them never changes. Maintenance works on a copy of what the head holds, likewise.
"""

from __future__ import annotations

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
from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import without_component
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch
from collector.store import interface, merge
from collector.store.block_store import BlockStore
from collector.store.changes import Changes
from collector.store.directory_lock import lock_directory
from collector.store.head import Head
from collector.store.interface import NOTHING_REFUSED, Buckets, CounterTotals, Refused, Slice
from collector.store.label_lists import LabelLists
from collector.store.log_writer import LogWriter
from collector.store.maintenance import Maintenance, Parts, checkpoint_log
from collector.store.options import StoreOptions, StoreStatus
from collector.store.recovery import recover
from collector.store.sample_windows import windows_of
from collector.store.self_metrics import StoreMetrics
from collector.store.set_back import MAX_AHEAD_MS
from collector.store.tiers import Range, Tier, kept, read_buckets
from collector.store.wal import Wal, remedy

log = logging.getLogger(__name__)

SERIES_AT_ONCE = 500
"""Series that are made while nobody else may append: some 20 ms."""
MAX_SERIES_IN_BLOCKS = 10
"""Series that ended but have samples in blocks cost half a kilobyte each: so many times
`max_series` of both together.
"""


class Tsdb:
    """The embedded store: an `Appender` and a `Querier` over one directory."""

    @classmethod
    def open(
        cls,
        directory: Path,
        clock: Clock,
        options: StoreOptions | None = None,
        registry: CollectorRegistry | None = None,
    ) -> Tsdb:
        """Lock the directory and read back what it holds.

        Raises StorageError when it can't be used. A log that is damaged is read as far as it goes;
        `status()` tells what is lost. On a full disk what is there is served, appending raises
        StorageError, and `maintain()` begins once there is room.
        """
        lock = lock_directory(directory)
        try:
            return cls(directory, clock, options or StoreOptions(), registry, lock)
        except OSError as error:
            os.close(lock)
            raise StorageError(
                f"the data directory can't be used: {error.strerror}",
                where=Where(str(error.filename or directory)),
                advice=remedy(error),
            ) from error
        except BaseException:
            os.close(lock)
            raise

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        options: StoreOptions,
        registry: CollectorRegistry | None,
        lock_descriptor: int,
    ) -> None:
        self._clock = clock
        self._options = options
        self._metrics = StoreMetrics(registry or CollectorRegistry())
        self._lock_descriptor = lock_descriptor
        self._lock = threading.RLock()
        self._log_directory = directory / "wal"
        self._log_directory.mkdir(exist_ok=True)
        self._head = Head(
            options.out_of_order_window_ms, options.max_exemplars, self._log_directory
        )
        self._recovery = recover(self._log_directory, self._head)
        self._metadata = self._recovery.metadata
        self._blocks = BlockStore(
            directory / "blocks",
            self._recovery.checkpoint,
            self._head.labels,
            self._head.add_series,
            options.head_ms,
        )
        self._blocks.head_from_ms = self._head.from_ms
        self._tiers = [
            Tier(directory / "tiers", tier, options.tier_span_ms, self._head)
            for tier in options.tiers
        ]
        self._changes = Changes()
        self._label_lists = LabelLists(self._head.labels)
        self._appended = 0
        self._closed = False
        self._log = LogWriter(Wal(self._log_directory, options.fsync))
        self._refusal: StorageError | None = None
        try:
            self._begin_log()
        except StorageError as error:
            self._refusal = error
            log.error("what is there is served, and nothing is stored: %s", error)
        self._maintenance = Maintenance(
            Parts(
                directory,
                clock,
                options,
                self._lock,
                self._head,
                self._log,
                self._blocks,
                self._metadata,
                self._changes,
                tuple(self._tiers),
            )
        )
        if self._refusal is None:
            self._maintenance.adopt()
        self._metrics.show(self.status())

    def _begin_log(self) -> None:
        """A process writes to segments of its own, after a checkpoint of what it found."""
        number = self._recovery.next_number
        if number > self._recovery.checkpoint:
            self._checkpoint(number)
        self._log.begin_segment(number)
        self._refusal = None

    def _checkpoint(self, number: int) -> None:
        directory, copy = self._log_directory, self._head.copy()
        checkpoint_log(self._log, directory, number, copy, self._metadata)

    # -- Appender --

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """See `Appender.refs`."""
        while True:
            with self._lock:
                known = self._head.ref_of
                begun = list(dict.fromkeys(one for one in labels if one not in known))
                if not begun:
                    return np.array([known[one] for one in labels], np.int64)
                self._check_room(len(begun))
                self._check_open()
            for first in range(0, len(begun), SERIES_AT_ONCE):
                self._begin_series(begun[first : first + SERIES_AT_ONCE])

    def _begin_series(self, labels: Sequence[Labels]) -> None:
        with self._lock:
            begun = [one for one in labels if one not in self._head.ref_of]
            if begun:
                self._log.series(len(self._head.labels), begun)
                for one in begun:
                    self._head.add_series(one)

    def known_refs(self, labels: Sequence[Labels]) -> Int64s:
        """See `Appender.known_refs`."""
        with self._lock:
            known = self._head.ref_of
            return np.array([known.get(one, -1) for one in labels], np.int64)

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        """See `Appender.append_row`."""
        values = np.ascontiguousarray(values, np.float64)
        with self._lock:
            self._check_open()
            if not self._log.knows(source, refs):
                if self._head.labels.is_dead(refs).any():
                    refs = self.refs(source, self.labels_of(refs))
                if len(np.unique(refs)) < len(refs):
                    times = np.full(len(refs), timestamp_ms, np.int64)
                    return self.append(source, SampleBatch(refs, times, values, start_ms))
            if timestamp_ms < self._head.newest_ms - MAX_AHEAD_MS:
                self._metrics.set_backs.inc(self._maintenance.follow_clock(timestamp_ms))
            started = self._clock.monotonic_seconds()
            self._log.row(source, timestamp_ms, refs, values, start_ms)
            self._metrics.wal_write_seconds.observe(self._clock.monotonic_seconds() - started)
            refused = self._head.append_row(source, timestamp_ms, refs, values, start_ms)
            self._changes.note(timestamp_ms)
            self._count(len(refs), refused)
            return NOTHING_REFUSED if refused is None else Refused(dict(refused))

    def append(self, source: str, batch: SampleBatch) -> Refused:
        """See `Appender.append`."""
        refused: Counter[str] = Counter()
        left = np.argsort(batch.timestamps_ms, kind="stable")
        while len(left):
            at_ms = int(batch.timestamps_ms[left[0]])
            row = left[batch.timestamps_ms[left] == at_ms]
            refs, first = np.unique(batch.refs[row], return_index=True)
            chosen = row[first]
            starts = None if batch.start_ms is None else batch.start_ms[chosen]
            answer = self.append_row(source, at_ms, refs, batch.values[chosen], starts)
            refused.update(answer.by_reason)
            again = np.setdiff1d(row, chosen, assume_unique=True)
            left = np.concatenate([again, left[len(row) :]])
        return Refused(dict(refused)) if refused else NOTHING_REFUSED

    def append_exemplars(self, source: str, exemplars: Sequence[Exemplar]) -> Refused:
        """See `Appender.append_exemplars`."""
        with self._lock:
            taken, refused = self._head.exemplars.admitted(exemplars, self._head.newest_ms)
            if taken:
                self._check_open()
                self._log.exemplars(taken)
                self._head.exemplars.add(taken)
            self._metrics.count_exemplars(len(taken), refused)
            return Refused(refused) if refused else NOTHING_REFUSED

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        """See `Appender.set_metadata`."""
        with self._lock:
            if self._metadata.get(family) != metadata:
                self._check_open()
                self._log.metadata(family, metadata)
                self._metadata[family] = metadata

    def _check_room(self, count: int) -> None:
        limit = self._options.max_series
        if self._head.labels.living + count > limit * MAX_SERIES_IN_BLOCKS:
            raise LimitError(
                f"blocks hold series {MAX_SERIES_IN_BLOCKS} times over the limit of {limit:,}",
                advice="shorten storage.retention_time, or drop labels that change all the time",
            )
        if self._head.active + count > limit:
            raise LimitError(
                f"the store holds its limit of {limit:,} series",
                advice="raise storage.max_series, or drop labels that grow without bound",
            )

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("the store is closed", advice="tocsin is stopping; send it later")
        if self._refusal is not None:
            raise self._refusal

    def _count(self, samples: int, refused: Counter[str] | None) -> None:
        if refused:
            for reason, count in refused.items():
                self._metrics.refused.labels(reason).inc(count)
                samples -= count
        self._appended += samples
        self._metrics.samples.inc(samples)

    # -- Querier --

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """See `Querier.select`."""
        return self._samples(self.match(matchers), after_ms, until_ms)

    def kept(self) -> list[interface.Kept]:
        """See `TierQuerier.kept`."""
        return kept(self._blocks.blocks, self._head.from_ms, self._tiers)

    def buckets(
        self,
        matchers: Sequence[Matcher],
        after_ms: int,
        until_ms: int,
        resolution_ms: int,
        components: Sequence[str],
    ) -> Buckets:
        """See `TierQuerier.buckets`."""
        tiers = [tier for tier in self._tiers if tier.options.resolution_ms == resolution_ms]
        grid = Range(after_ms, until_ms, resolution_ms)
        return read_buckets(tiers, grid, components, self.match(matchers), self._samples)

    def _samples(self, refs: Int64s, after_ms: int, until_ms: int) -> list[Slice]:
        windows = self._windows_of(refs, after_ms, until_ms)
        return merge.slices(refs, windows, self._label_lists.of)

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """See `Querier.match`."""
        with self._lock:
            return self._head.postings.match(matchers)

    def labels_of(self, refs: Int64s) -> list[Labels]:
        """See `Querier.labels_of`."""
        labels = self._head.labels
        return [labels[ref] for ref in refs.tolist()]

    def last_sample_ms(self, refs: Int64s) -> Int64s:
        """See `Querier.last_sample_ms`; a stale marker is no sample."""
        with self._lock:
            return self._head.totals.sample_ms[refs]

    def counter_totals(self, refs: Int64s) -> CounterTotals:
        """See `Querier.counter_totals`."""
        with self._lock:
            totals = self._head.totals
            return CounterTotals(totals.total[refs], totals.last_ms[refs])

    def label_names(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[str]:
        """See `Querier.label_names`."""
        found = self._present(matchers, after_ms, until_ms)
        return sorted({name for one in found for name in one})

    def label_values(
        self, name: str, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[str]:
        """See `Querier.label_values`."""
        found = self._present(matchers, after_ms, until_ms)
        return sorted({one.get(name, "") for one in found} - {""})

    def series(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        """See `Querier.series`."""
        return sorted(self._present(matchers, after_ms, until_ms))

    def exemplars(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[Exemplar]:
        """See `Querier.exemplars`."""
        with self._lock:
            return self._head.exemplars.select(matchers, after_ms, until_ms)

    def metadata(self) -> Mapping[str, Metadata]:
        """See `Querier.metadata`."""
        with self._lock:
            return dict(self._metadata)

    def changed_since(self, version: int) -> tuple[int, int]:
        """See `Querier.changed_since`."""
        with self._lock:
            return self._changes.since(version)

    def series_version(self) -> int:
        """See `Querier.series_version`."""
        return len(self._head.labels)

    def series_by_label(self) -> dict[str, dict[str, int]]:
        """How many series have each value, by label name: what fills the index."""
        with self._lock:
            lists = self._head.postings.lists()
        return {name: {v: len(refs) for v, refs in lists[name].items()} for name in lists}

    def _present(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        refs, windows = self._windows(matchers, after_ms, until_ms)
        return self.labels_of(merge.present(refs, windows))

    def _windows(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> tuple[Int64s, list[merge.Window]]:
        """The series that match and where their samples of a range lie, newest places first."""
        refs = self.match(matchers)
        return refs, self._windows_of(refs, after_ms, until_ms)

    def _windows_of(self, refs: Int64s, after_ms: int, until_ms: int) -> list[merge.Window]:
        with self._lock:
            return windows_of(self._head, self._blocks, refs, after_ms, until_ms)

    # -- lifecycle --

    def maintain(self) -> None:
        """Call it each minute or so: fsync, cut old rows into blocks, checkpoint, retention.

        Raises StorageError when the disk is full; what was there stays, and the next call tries
        again.
        """
        try:
            if self._refusal is not None:
                with self._lock:
                    self._begin_log()
            self._maintenance.run()
        finally:
            self._metrics.show(self.status())

    def compact(self) -> None:
        """Call it each minute or so, in a thread of its own: merge blocks, write tiers.

        May take long and keeps nobody from writing, reading or maintaining. Raises StorageError
        when the disk is full; what was there stays, and the next call tries again.
        """
        try:
            self._metrics.compactions.inc(self._maintenance.compact())
        except StorageError:
            self._metrics.compactions_failed.inc()
            raise
        finally:
            self._metrics.show(self.status())

    # -- Administrator --

    def delete(self, matchers: Sequence[Matcher], from_ms: int, until_ms: int) -> int:
        """See `Administrator.delete`; samples that come later are not hidden."""
        refs, windows = self._windows(matchers, from_ms - 1, until_ms)
        there = merge.present(refs, windows)
        self._check_open()
        self._maintenance.delete(refs, there, from_ms, until_ms)
        return len({without_component(one) for one in self.labels_of(there)})

    def clean_tombstones(self) -> None:
        """See `Administrator.clean_tombstones`."""
        self._blocks.clean()

    def snapshot(self, skip_head: bool) -> str:
        """See `Administrator.snapshot`."""
        return self._maintenance.snapshot(skip_head)

    def status(self) -> StoreStatus:
        """How full the store is."""
        return self._maintenance.status(self._appended, self._recovery)

    def close(self) -> None:
        """Checkpoint, so that the next start is quick, and let the directory go."""
        with self._maintenance.lock, self._lock:
            if self._closed:
                return
            self._closed = True
            number = self._log.wal.number + 1
            try:
                if self._refusal is not None:
                    raise self._refusal
                self._checkpoint(number)
            except StorageError as error:
                log.warning("closing without a checkpoint, the next start replays: %s", error)
            self._log.wal.close()
            os.close(self._lock_descriptor)
