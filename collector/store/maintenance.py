"""What the store does now and then: cut old rows into blocks, checkpoint, forget, compact, copy.

Works on a copy of what the head holds and holds the store's lock for moments only, so that nobody
who appends or asks waits for the disk. Cutting and compacting have a lock each: a merge of hours
doesn't keep the log from being cut.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from collector.model.clock import Clock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Int64s
from collector.store import history, merge
from collector.store.block_store import BlockStore
from collector.store.changes import ALL_OF_TIME_MS, Changes
from collector.store.checkpoint import checkpoints, write_checkpoint
from collector.store.head import Head
from collector.store.head_copy import HeadCopy
from collector.store.log_writer import LogWriter
from collector.store.options import StoreOptions, StoreStatus
from collector.store.recovery import Recovery
from collector.store.retention import cut_time_ms, limit_bytes
from collector.store.sample_windows import is_empty
from collector.store.set_back import SetBack, SetBackWatch
from collector.store.snapshot import remove_unfinished, write_snapshot
from collector.store.steady_time import SteadyTime
from collector.store.tiers import Tier
from collector.store.tombstones import Tombstone, masked
from collector.store.wal import remove_needless

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeadSource:
    """What a block is cut from: everything in memory, without what was deleted."""

    copy: HeadCopy
    tombstones: Sequence[Tombstone]

    def windows(self, from_ms: int, until_ms: int) -> list[merge.Window]:
        """See `Source.windows`."""
        first_ms = max(from_ms, self.copy.from_ms) - 1
        found: list[merge.Window] = []
        for one in sorted(self.copy.chunks, key=lambda one: -one.stripe):
            some = [deleted for deleted in self.tombstones if deleted.number > one.cleaned]
            found += masked(merge.windows([one.part], first_ms, until_ms - 1), some)
        late = merge.windows(self.copy.late, from_ms - 1, until_ms - 1)
        return found + masked(late, self.tombstones)

    def spans(self, before_ms: int, span_ms: int) -> list[tuple[int, int]]:
        """The aligned spans before a time that have samples."""
        chunks = [one.part.times for one in self.copy.chunks]
        times = [one[one >= self.copy.from_ms] for one in chunks]
        times += [part.times for part in self.copy.late]
        found = {span for one in times for span in (one[one < before_ms] // span_ms).tolist()}
        return [(n * span_ms, min((n + 1) * span_ms, before_ms)) for n in sorted(found)]


@dataclass(frozen=True, slots=True)
class Parts:
    """The store's own parts, and the lock that guards head and metadata."""

    directory: Path
    clock: Clock
    options: StoreOptions
    lock: AbstractContextManager[bool]
    head: Head
    log: LogWriter
    blocks: BlockStore
    metadata: dict[str, Metadata]
    changes: Changes
    tiers: Sequence[Tier]

    @property
    def log_directory(self) -> Path:
        """Where segments and checkpoints are."""
        return self.directory / "wal"


class Maintenance:
    """Each method may be called from any thread; those that cut wait for each other."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        newest_ms = parts.head.last_ms()
        self._time = SteadyTime(parts.clock, newest_ms, parts.options.retention_ms)
        self._set_back_watch = SetBackWatch(
            parts.clock, partial(is_empty, parts.head, parts.blocks)
        )
        self.lock = threading.Lock()
        self._deleting = threading.Lock()
        remove_unfinished(parts.directory)

    def run(self) -> None:
        """fsync, cut, checkpoint, retention. Raises StorageError; the next call tries again."""
        parts = self._parts
        with self.lock:
            parts.log.wal.sync()
            now_ms = self._time.now_ms()
            cut_ms = cut_time_ms(parts.head.first_ms(), now_ms, parts.options.head_ms)
            if cut_ms is not None or parts.log.wal.segment_bytes > parts.options.segment_bytes:
                self.cut(cut_ms)
                parts.head.chunk_file.rest()  # all of it was read for the checkpoint
            gone = self.forget(now_ms - parts.options.retention_ms)
            if gone or cut_ms is not None:
                self._forget_series(now_ms - parts.options.retention_ms)

    def cut(self, cut_ms: int | None) -> None:
        """Rows before `cut_ms` to blocks, all others to a checkpoint; then the old log can go."""
        parts = self._parts
        with parts.lock:
            number = parts.log.wal.number + 1
            parts.log.begin_segment(number)
            head, metadata = parts.head, dict(parts.metadata)
            copy = head.copy() if cut_ms is None else head.begin_cut(cut_ms)
        if cut_ms is None:
            checkpoint_log(parts.log, parts.log_directory, number, copy, metadata)
        else:
            self._cut_blocks(cut_ms, number, copy, metadata)

    def _cut_blocks(
        self, cut_ms: int, number: int, copy: HeadCopy, metadata: Mapping[str, Metadata]
    ) -> None:
        parts = self._parts
        source = HeadSource(copy, parts.blocks.tombstones)
        spans = source.spans(cut_ms, parts.options.head_ms)
        written = parts.blocks.write(source, spans, number)
        try:
            left = copy.after(cut_ms)
            is_safe = write_checkpoint(parts.log_directory, number, left, metadata)
        except StorageError:
            parts.blocks.abandon(written)
            raise
        opened = parts.blocks.opened(written)
        with parts.lock:
            parts.head.cut(cut_ms, copy.late)
            parts.blocks.add(opened)
            parts.blocks.head_from_ms = cut_ms
        if is_safe:
            remove_before(parts.log, parts.log_directory, number)

    def follow_clock(self, row_ms: int) -> bool:
        """Go on from the clock's time before a row is stored, if it was ahead and is set right.

        Under the store's lock. Whether it did; not while rows are cut, the next row asks again.
        Raises StorageError when the log can't be written: then all is as it was.
        """
        parts = self._parts
        if not self.lock.acquire(blocking=False):
            return False
        try:
            newest_ms, cleaned = parts.head.newest_ms, parts.blocks.last_deletion
            found = self._set_back_watch.seen(row_ms, newest_ms, cleaned)
            if found is None:
                return False
            parts.log.set_back(found)
            parts.head.set_back(found)
            parts.blocks.head_from_ms = parts.head.from_ms
            return True
        finally:
            self.lock.release()

    def forget(self, before_ms: int) -> int:
        """Drop what is past retention, by time and by size; how many blocks."""
        parts, options = self._parts, self._parts.options
        with parts.lock:
            held = parts.head.nbytes(), len(parts.head.overlay)
            parts.head.forget(before_ms)
            parts.head.overlay.forget(before_ms)
            if held != (parts.head.nbytes(), len(parts.head.overlay)):
                parts.changes.note(ALL_OF_TIME_MS)
        limit = 0
        if options.retention_bytes or options.retention_percentage:
            disk_bytes = shutil.disk_usage(parts.directory).total
            limit = limit_bytes(options.retention_bytes, options.retention_percentage, disk_bytes)
        used = log_bytes(parts.log, parts.log_directory)
        gone = parts.blocks.forget(before_ms, limit, used)
        if gone:
            with parts.lock:
                parts.changes.note(ALL_OF_TIME_MS)
        return gone

    def _forget_series(self, before_ms: int) -> None:
        """Let go of series that have no sample any more; of none while blocks are being merged."""
        parts = self._parts
        with parts.blocks.at_rest() as is_at_rest, parts.lock:
            if is_at_rest:
                there = parts.blocks.series(len(parts.head.labels))
                for tier in parts.tiers:
                    there |= tier.blocks.series(len(parts.head.labels))
                if parts.head.forget_series(there, before_ms):
                    parts.log.forget_layouts()

    def compact(self) -> int:
        """Take over what was imported and merge what is due; how many merges.

        Raises StorageError; the next call tries again.
        """
        self.adopt()
        parts = self._parts
        done = parts.blocks.compact(parts.options.block_spans_ms, parts.head.from_ms)
        until_ms = parts.head.from_ms - parts.options.out_of_order_window_ms
        for tier in parts.tiers:
            raw = parts.blocks.blocks
            done += tier.write(raw, parts.blocks.source(), until_ms)
            tier.forget(self._time.now_ms())
        return done

    def adopt(self) -> None:
        """Read from now on what an import left."""
        parts = self._parts
        adopted = parts.blocks.adopt(parts.directory / history.DIRECTORY, self._begin_series)
        with parts.lock:
            for block in adopted:
                parts.changes.note(block.first_ms)

    def _begin_series(self, labels: Sequence[Labels]) -> None:
        """Series that come with a block; no limit is asked, for they are in no memory but this."""
        parts = self._parts
        with parts.lock:
            known = parts.head.ref_of
            begun = [one for one in labels if one not in known]
            if begun:
                parts.log.series(len(parts.head.labels), begun)
                for one in begun:
                    parts.head.add_series(one)

    def delete(self, refs: Int64s, there: Int64s, from_ms: int, until_ms: int) -> None:
        """Hide what `there` (refs) have in blocks and memory, and `refs` in tiers.

        Raises StorageError.
        """
        parts = self._parts
        newest = [parts.head.last_ms(), *(block.last_ms for block in parts.blocks.blocks)]
        if len(there):
            self._delete(there, from_ms, min(until_ms, max(newest)))
        for tier in parts.tiers:
            if len(refs) and any(b.overlaps(from_ms - 1, until_ms) for b in tier.blocks.blocks):
                tier.delete(refs, from_ms, min(until_ms, max(newest)))
        with parts.lock:
            parts.changes.note(from_ms)

    def _delete(self, refs: Int64s, from_ms: int, until_ms: int) -> None:
        parts = self._parts
        with self._deleting:
            with parts.lock:
                before = max(parts.blocks.last_deletion, parts.head.cleaned)
                if until_ms > parts.head.newest_ms:
                    aside = SetBack.deletion(before + 1)
                    parts.log.set_back(aside)
                    parts.head.set_back(aside)
            parts.blocks.delete(refs, from_ms, until_ms, before)

    def status(self, appended: int, recovery: Recovery) -> StoreStatus:
        """How full the store is; `appended`: samples since the start."""
        parts = self._parts
        head, stores = parts.head, [parts.blocks, *(tier.blocks for tier in parts.tiers)]
        with parts.lock:
            oldest = [head.first_ms(), *(one.first_ms for s in stores for one in s.blocks)]
            return StoreStatus(
                series=head.labels.living,
                active_series=head.active,
                samples_appended=appended,
                oldest_ms=min((time for time in oldest if time >= 0), default=-1),
                newest_ms=head.last_ms(),
                head_bytes=head.nbytes(),
                wal_bytes=log_bytes(parts.log, parts.log_directory),
                blocks=sum(len(one.blocks) for one in stores),
                block_bytes=sum(one.nbytes() for one in stores),
                damaged_blocks=sum(one.damaged for one in stores),
                tombstones=len(parts.blocks.tombstones),
                damaged_records=recovery.damaged,
                torn_bytes=recovery.torn_bytes,
                exemplars=len(head.exemplars),
            )

    def snapshot(self, skip_head: bool) -> str:
        """See `Administrator.snapshot`."""
        parts = self._parts
        with self.lock, parts.blocks.unchanging():
            with parts.lock:
                number, copy = parts.log.wal.number, parts.head.copy()
                metadata = dict(parts.metadata)
            if skip_head:
                copy = replace(copy, chunks=[], late=[])
            now_ms = parts.clock.now_ms()
            blocks = {"blocks": parts.blocks.blocks}
            for tier in parts.tiers:
                home = tier.blocks.directory
                blocks[str(home.relative_to(parts.directory))] = tier.blocks.blocks
            return write_snapshot(parts.directory, now_ms, blocks, number, copy, metadata)


def checkpoint_log(
    log_writer: LogWriter,
    directory: Path,
    number: int,
    copy: HeadCopy,
    metadata: Mapping[str, Metadata],
) -> None:
    """A checkpoint of all that was in memory when segment `number` began, in place of the log
    before it. Raises StorageError; then all is as it was.
    """
    if write_checkpoint(directory, number, copy, metadata):
        remove_before(log_writer, directory, number)


def log_bytes(log_writer: LogWriter, directory: Path) -> int:
    """Size of segments and checkpoints."""
    paths = [*log_writer.wal.segments(), *checkpoints(directory)]
    return sum(path.stat().st_size for path in paths)


def remove_before(log_writer: LogWriter, directory: Path, number: int) -> None:
    """The log and the checkpoints that a later checkpoint made needless."""
    log_writer.wal.remove_before(number)
    for path in checkpoints(directory):
        if int(path.stem) < number:
            remove_needless(path)
