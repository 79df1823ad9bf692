"""Writes a block, a span of time that never changes again, into a temporary directory, fsyncs it
and renames it: a block is there as a whole or not at all.

The files are open Parquet (FORMAT.md lists the columns). A block's time is cut into parts, aligned
as blocks in memory are, so that a short range reads little of a long block. In a part, series are
sorted by labels: those of one metric lie together.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import Int64s
from collector.store import merge
from collector.store.block_files import write_series
from collector.store.block_index import SAMPLE_FILES, BlockIndex, BlockMeta, encode_index
from collector.store.block_rows import Matrix, RowWriter
from collector.store.disk import UNFINISHED, NewFile, remove_directory
from collector.store.wal import sync_directory

SERIES_AT_ONCE = 4096
"""Series that are unpacked at a time: bounds the memory of writing a block."""


class Source(Protocol):
    """What a block is made of."""

    def windows(self, from_ms: int, until_ms: int) -> list[merge.Window]:
        """All samples in `[from_ms, until_ms)`."""
        ...


Translation = Callable[[int, Sequence[Matrix]], list[Matrix]]
"""What is written in place of samples: component c of series i has the number c * count + i."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A block to write: `[from_ms, until_ms)`, in parts of `part_ms`. Of `meta` the span, samples
    and files are found out by writing. `labels` by ref.
    """

    from_ms: int
    until_ms: int
    part_ms: int
    meta: BlockMeta
    labels: Sequence[Labels]
    translation: Translation | None = None
    offset_ms: int = 0

    def parts(self) -> list[tuple[int, int]]:
        """Bounds of the parts, `offset_ms` after multiples of their length."""
        since_ms = self.from_ms - self.offset_ms
        first = since_ms // self.part_ms * self.part_ms + self.offset_ms
        bounds = [*range(first, self.until_ms, self.part_ms), self.until_ms]
        return [(max(lo, self.from_ms), hi) for lo, hi in pairwise(bounds)]


@dataclass(frozen=True, slots=True)
class Written:
    """A block on disk: `refs` int64[n] are those of `index.labels`."""

    path: Path
    index: BlockIndex
    refs: Int64s


def write_block(directory: Path, plan: Plan, source: Source) -> Written | None:
    """Write it below `directory`; None when there is no sample in the span.

    Raises StorageError; then nothing is left behind.
    """
    path = free_path(directory, plan.from_ms, plan.meta)
    temporary = path.with_suffix(UNFINISHED)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        os.mkdir(temporary)
        if (written := _write(temporary, plan, source)) is not None:
            os.rename(temporary, path)
            _sync_or_undo(path)
            return Written(path, *written)
    except OSError as error:
        raise StorageError(
            f"a block can't be written: {error.strerror or error}",
            where=Where(str(directory)),
            advice="free some disk space; nothing is lost, it is tried again",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return None


def _sync_or_undo(path: Path) -> None:
    try:
        sync_directory(path.parent)
    except OSError:
        with suppress(OSError):
            remove_directory(path)
        raise


def free_path(directory: Path, from_ms: int, meta: BlockMeta) -> Path:
    """A name that no block has, of the kind that FORMAT.md tells."""
    generation = meta.generation
    while True:
        name = f"{max(from_ms, 0):015}-{meta.log_number:010}-{generation:05}"
        if not (directory / name).exists():
            return directory / name
        generation += 1


def _write(directory: Path, plan: Plan, source: Source) -> tuple[BlockIndex, Int64s] | None:
    parts = [(bounds, source.windows(*bounds)) for bounds in plan.parts()]
    everyone = np.arange(len(plan.labels), dtype=np.int64)
    there = np.zeros(len(plan.labels), np.bool_)
    for _, found in parts:
        there[merge.present(everyone, found)] = True
    some = np.flatnonzero(there).tolist()
    refs = np.array(sorted(some, key=lambda ref: plan.labels[ref].pairs), np.int64)
    if not len(refs):
        return None
    writer = RowWriter(directory)
    try:
        for part, (_, found) in enumerate(parts):
            for first in range(0, len(refs), SERIES_AT_ONCE):
                places = np.arange(first, min(first + SERIES_AT_ONCE, len(refs)))
                writer.add(part, _matrices(plan, places, refs, found))
        sizes = {}
        for name, file in zip(SAMPLE_FILES, writer.files, strict=True):
            if (size := file.close()) is not None:
                sizes[name] = size
    finally:
        for file in writer.files:
            file.abandon()
    if not sizes:
        return None
    labels = [plan.labels[ref] for ref in refs.tolist()]
    written = write_series(directory / "series.parquet", labels, plan.meta.components)
    sizes["series.parquet"] = written.size, written.crc32
    index = _index(writer, plan, labels, sizes)
    with NewFile(directory / "index") as new:
        for piece in encode_index(index):
            new.write(piece)
    sync_directory(directory)
    return index, refs


def _matrices(
    plan: Plan, some: Int64s, refs: Int64s, found: list[merge.Window]
) -> Sequence[Matrix]:
    """The samples of the series `some` (places in `refs`, which are in the order of labels)."""
    order = np.argsort(refs[some])
    ascending = refs[some][order]
    matrices = [
        Matrix(some[order[ascending.searchsorted(one.refs)]], one.timestamps_ms, one.values)
        for one in merge.slices(ascending, found, lambda _: [])
    ]
    return matrices if plan.translation is None else plan.translation(len(refs), matrices)


def _index(
    writer: RowWriter, plan: Plan, labels: list[Labels], sizes: dict[str, tuple[int, int]]
) -> BlockIndex:
    entries = writer.entries
    meta = replace(
        plan.meta,
        first_ms=min(int(times[0]) for times in entries.times),
        last_ms=max(int(times[-1]) for times in entries.times),
        samples=sum(writer.rows),
        files=sizes,
    )
    stale: Int64s = np.concatenate([np.empty(0, np.int64), *entries.stale])
    return BlockIndex(
        meta,
        labels,
        np.concatenate(entries.series).astype(np.uint32),
        np.concatenate(entries.file).astype(np.uint8),
        np.concatenate(entries.exponent).astype(np.uint8),
        np.concatenate(entries.pattern).astype(np.uint32),
        np.array([len(times) for times in entries.times], np.int64),
        np.concatenate(entries.times),
        (
            np.array(writer.files[0].groups, np.int64),
            np.array(writer.files[1].groups, np.int64),
        ),
        stale,
    )
