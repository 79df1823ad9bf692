"""All blocks of a directory: read, add, compact, forget, delete from. Knows nothing of the head.

The tuple of blocks is replaced, never changed: a reader takes it once and needs no lock.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import Bools, Int64s
from collector.store import compact, merge
from collector.store.block import Block
from collector.store.block_cache import RowGroups
from collector.store.block_directory import open_blocks, precedence
from collector.store.block_index import BlockMeta, read_index
from collector.store.block_writer import Plan, Source, Written, free_path, write_block
from collector.store.compact import Extent
from collector.store.disk import UNFINISHED, remove_directory
from collector.store.retention import too_many, too_old
from collector.store.tombstones import Tombstone, masked, read_tombstones, write_tombstones
from collector.store.wal import sync_directory

log = logging.getLogger(__name__)


class BlockStore:
    """`labels` (by ref) and `ref_of` are those of the store; `part_ms` is what a cut spans."""

    def __init__(
        self,
        directory: Path,
        checkpoint: int,
        labels: Sequence[Labels],
        ref_of: Callable[[Labels], int],
        part_ms: int,
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._labels = labels
        self._ref_of = ref_of
        self._part_ms = part_ms
        self._tombstone_file = directory.parent / "tombstones"
        self._row_groups = RowGroups()
        self._changing = threading.Lock()
        self._compacting = threading.Lock()
        self.blocks, self.unreadable = open_blocks(directory, checkpoint, ref_of, self._row_groups)
        self.tombstones = read_tombstones(self._tombstone_file, ref_of)
        self.head_from_ms = -(2**62)
        """Deletions of this time and later may hide samples in memory; the store keeps it up."""
        self._needless: list[Path] = []
        self._removing = threading.Lock()

    # -- reading --

    def windows(self, after_ms: int, until_ms: int, component: str = "") -> list[merge.Window]:
        """Where the samples in `(after_ms, until_ms]` lie; of two at one time the first wins."""
        return self.source(component).windows(after_ms + 1, until_ms + 1)

    def source(self, component: str = "") -> compact.BlockSource:
        """Everything that is in blocks now."""
        return compact.BlockSource(self.blocks, self.tombstones, component)

    @property
    def damaged(self) -> int:
        """Blocks that are left out of answers, as a whole or in part."""
        return self.unreadable + sum(bool(block.damaged) for block in self.blocks)

    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return sum(block.nbytes for block in self.blocks)

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """No block comes or goes meanwhile."""
        with self._compacting, self._changing:
            yield

    @contextmanager
    def at_rest(self) -> Iterator[bool]:
        """Whether nothing is being merged, and then nothing is meanwhile."""
        mine = self._compacting.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._compacting.release()

    def series(self, count: int) -> Bools:
        """For every ref below `count`, whether a block has a sample of it."""
        there: Bools = np.zeros(count, np.bool_)
        for block in self.blocks:
            for component in block.meta.components:
                for part in block.parts(component):
                    there[part.refs] = True
        return there

    # -- writing --

    def write(
        self, source: Source, spans: Iterable[tuple[int, int]], log_number: int
    ) -> list[Written]:
        """A block for each span `[from_ms, until_ms)`; not read before `add`.

        Raises StorageError when there is no room; then none is left behind.
        """
        self._remove_needless()
        cleaned = max((one.number for one in self.tombstones), default=0)
        meta = BlockMeta(0, 0, 0, log_number, cleaned=cleaned)
        written: list[Written] = []
        try:
            for from_ms, until_ms in spans:
                plan = Plan(from_ms, until_ms, self._part_ms, meta, self._labels)
                if (one := write_block(self.directory, plan, source)) is not None:
                    written.append(one)
        except StorageError:
            self.abandon(written)
            raise
        return written

    def abandon(self, written: Iterable[Written]) -> None:
        """Remove blocks that were written and never added."""
        for one in written:
            self._gone(one.path, partial(remove_directory, one.path))

    def opened(self, written: Iterable[Written]) -> list[Block]:
        """Blocks that were written, ready to be read."""
        return [Block(one.path, one.index, one.refs, self._row_groups) for one in written]

    def add(self, blocks: Iterable[Block]) -> None:
        """From now on they are read."""
        self.replace((), blocks)

    def open(self, path: Path) -> Block:
        """A block as it is on disk. Raises StorageError."""
        return Block.open(path, self._ref_of, self._row_groups)

    def replace(self, old: Iterable[Block], new: Iterable[Block]) -> None:
        """Read `new` in place of `old`, which are removed."""
        gone = list(old)
        with self._changing:
            kept = [block for block in self.blocks if block not in gone]
            self.blocks = precedence([*kept, *new])
        for block in gone:
            self._gone(block.path, block.remove)

    def _gone(self, path: Path, remove: Callable[[], object]) -> None:
        try:
            remove()
        except OSError as error:
            log.warning("%s is needless and stays for now: %s", path, error.strerror)
            self._needless.append(path)

    def _remove_needless(self) -> None:
        """What could not be removed goes before other blocks come: a start would read it again."""
        with self._removing:
            for path in list(self._needless):
                try:
                    if path.exists():
                        remove_directory(path)
                except OSError as error:
                    raise StorageError(
                        f"a block that is needless can't be removed: {error.strerror}",
                        where=Where(str(path)),
                        advice="check the disk and the owner of the directory; it is tried again",
                    ) from error
                self._needless.remove(path)

    def adopt(self, incoming: Path, begin: Callable[[Sequence[Labels]], object]) -> list[Block]:
        """Take over blocks that an import made; `begin` makes the series that are not known.

        A block that can't be read is reported and stays where it is.
        """
        adopted = []
        for path in sorted(incoming.glob("*")) if incoming.is_dir() else ():
            if path.suffix == UNFINISHED:
                continue
            try:
                index = read_index(path)
                begin(index.labels)
                home = free_path(self.directory, index.meta.first_ms, index.meta)
                os.rename(path, home)
                adopted.append(self.open(home))
            except (StorageError, OSError) as error:
                log.error("it is not imported: %s: %s", path, error)
        if adopted:
            sync_directory(self.directory)
            self.replace((), adopted)
        return adopted

    # -- growing old --

    def compact(self, spans_ms: Sequence[int], until_ms: int) -> int:
        """Merge what is due; how many merges it took. Raises StorageError when there is no room.

        A block that turns out to be damaged is reported and left as it is, and the rest goes on.
        """
        done = 0
        with self._compacting:
            self._remove_needless()
            while names := compact.plan(self._extents(), spans_ms, until_ms):
                chosen = [block for block in self.blocks if block.path.name in names]
                if self._verified(chosen):
                    self._merge(chosen)
                    done += 1
            self._drop_tombstones()
        return done

    def clean(self) -> None:
        """Write every block anew that something was deleted from. Raises StorageError."""
        with self._compacting:
            self._remove_needless()
            for block in self.blocks:
                if self._hidden_in(block) and self._verified([block]):
                    self._merge([block])
            self._drop_tombstones()

    def _extents(self) -> list[Extent]:
        return [
            Extent(block.path.name, block.first_ms, block.last_ms, block.samples)
            for block in self.blocks
            if not block.damaged
        ]

    def _verified(self, blocks: Iterable[Block]) -> bool:
        whole = True
        for block in blocks:
            try:
                block.verify()
            except StorageError as error:
                log.error("it is not compacted: %s", error)
                block.damaged.add((-1, -1))
                whole = False
        return whole

    def _merge(self, blocks: Sequence[Block]) -> None:
        written = compact.merge_blocks(
            self.directory, blocks, self.tombstones, self._labels, self._part_ms
        )
        self.replace(blocks, [] if written is None else self.opened([written]))

    def forget(self, before_ms: int, limit_bytes: int, used_bytes: int) -> int:
        """Remove what is past retention by time, then by size; how many blocks."""
        gone = too_old(self.blocks, before_ms)
        kept = [block for block in self.blocks if block not in gone]
        gone += too_many(kept, limit_bytes, used_bytes)
        if gone:
            self.replace(gone, ())
        return len(gone)

    # -- deleting --

    def delete(self, refs: Int64s, from_ms: int, until_ms: int, after: int = 0) -> None:
        """Hide these series' samples in `[from_ms, until_ms]`, durably. Raises StorageError.

        Its number is higher than that of any deletion before, and than `after`.
        """
        with self._changing:
            number = 1 + max(self.last_deletion, after)
            grown = (*self.tombstones, Tombstone(number, refs, from_ms, until_ms))
            write_tombstones(self._tombstone_file, grown, self._labels)
            self.tombstones = grown

    def masked(self, found: list[merge.Window], cleaned: int = 0) -> list[merge.Window]:
        """Windows of the head without what deletions after the number `cleaned` took."""
        some = [one for one in self.tombstones if one.number > cleaned]
        return masked(found, some) if some else found

    @property
    def last_deletion(self) -> int:
        """Numbers of deletions count up: the last one's, also of those that are done with."""
        numbers = [one.number for one in self.tombstones]
        return max(numbers + [block.meta.cleaned for block in self.blocks], default=0)

    def _hidden_in(self, block: Block) -> bool:
        found = merge.windows(
            block.parts(block.meta.components[0]), block.first_ms - 1, block.last_ms
        )
        some = [one for one in self.tombstones if one.number > block.meta.cleaned]
        return any(window.part is not masked([window], some)[0].part for window in found)

    def _drop_tombstones(self) -> None:
        """Forget deletions that hide nothing any more in blocks, and none in memory."""
        with self._changing:
            needed = tuple(
                one
                for one in self.tombstones
                if one.until_ms >= self.head_from_ms
                or any(
                    one.number > block.meta.cleaned
                    and block.overlaps(one.from_ms - 1, one.until_ms)
                    for block in self.blocks
                )
            )
            if len(needed) < len(self.tombstones):
                write_tombstones(self._tombstone_file, needed, self._labels)
                self.tombstones = needed
