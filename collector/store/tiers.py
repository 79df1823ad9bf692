"""Downsampled tiers: blocks of buckets that outlive the samples they were made of.

A tier is written span by span, once a span has passed and no late sample can come into it, and
again when samples were imported into it. Where it has none yet, buckets are made of the samples as
they are asked for: the answer is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.model.errors import InputError
from collector.model.samples import Bools, Float64s, Int64s, filled, is_missing
from collector.store import merge
from collector.store.block import Block
from collector.store.block_index import BlockMeta
from collector.store.block_rows import Matrix
from collector.store.block_store import BlockStore
from collector.store.block_writer import Plan, write_block
from collector.store.compact import BlockSource
from collector.store.disk import make_directory
from collector.store.downsample import (
    COMPONENTS,
    IMPLIED,
    downsample,
    implied,
    without_implied,
)
from collector.store.head import Head
from collector.store.interface import Buckets, Kept, Slice
from collector.store.options import TierOptions

PART_BUCKETS = 288
"""Buckets that lie together on disk: a day of five minutes."""
MAX_BUCKETS = 100_000
"""Buckets of a series that are asked for at once: eleven years of hours."""
Select = Callable[[Int64s, int, int], list[Slice]]
"""All samples of some series (refs) in a range `(after_ms, until_ms]`."""


class Tier:
    """The blocks of one resolution."""

    def __init__(
        self,
        directory: Path,
        options: TierOptions,
        span_ms: int,
        head: Head,
    ) -> None:
        make_directory(directory / options.name)
        self.options = options
        self._span_ms = span_ms
        self._labels = head.labels
        self._part_ms = PART_BUCKETS * options.resolution_ms
        home = directory / options.name / "blocks"
        self.blocks = BlockStore(home, 2**62, head.labels, head.add_series, self._part_ms)
        self.blocks.head_from_ms = 2**62

    def write(self, raw: Sequence[Block], source: BlockSource, until_ms: int) -> int:
        """Bring the tier up to what is in blocks before `until_ms`; how many spans were written.

        Raises StorageError.
        """
        done = 0
        for number in sorted({block.first_ms // self._span_ms for block in raw}):
            from_ms, end_ms = number * self._span_ms, (number + 1) * self._span_ms
            some = [block for block in raw if block.overlaps(from_ms, end_ms)]
            samples = sum(block.samples for block in some)
            old = self._of(number)
            if end_ms <= until_ms and samples > sum(block.meta.made_of for block in old):
                self._write_span(from_ms, end_ms, samples, old, source)
                done += 1
        return done

    def _write_span(
        self, from_ms: int, end_ms: int, samples: int, old: Sequence[Block], source: BlockSource
    ) -> None:
        meta = BlockMeta(
            0,
            0,
            0,
            log_number=0,
            generation=max((block.meta.generation + 1 for block in old), default=0),
            replaces=tuple(block.path.name for block in old),
            cleaned=max((one.number for one in self.blocks.tombstones), default=0),
            resolution_ms=self.options.resolution_ms,
            components=COMPONENTS,
            made_of=samples,
        )
        plan = Plan(
            from_ms + 1, end_ms + 1, self._part_ms, meta, self._labels, self._buckets, offset_ms=1
        )
        written = write_block(self.blocks.directory, plan, source)
        # read back: a series may have gone, and come again by this, since its samples were read
        self.blocks.replace(old, [] if written is None else [self.blocks.open(written.path)])

    def _buckets(self, count: int, matrices: Sequence[Matrix]) -> list[Matrix]:
        found = []
        for one in matrices:
            ends, values = downsample(one.times, one.values, self.options.resolution_ms)
            found += [
                Matrix(one.numbers + number * count, ends, matrix)
                for number, matrix in enumerate(without_implied(values))
            ]
        return found

    def _of(self, number: int) -> list[Block]:
        return [
            block
            for block in self.blocks.blocks
            if (block.last_ms - 1) // self._span_ms == number and not block.damaged
        ]

    def forget(self, now_ms: int) -> None:
        """Remove what is past the tier's retention."""
        self.blocks.forget(now_ms - self.options.retention_ms, 0, 0)

    def delete(self, refs: Int64s, from_ms: int, until_ms: int) -> None:
        """Hide every bucket that the range touches. Raises StorageError."""
        resolution_ms = self.options.resolution_ms
        last_ms = -(-until_ms // resolution_ms) * resolution_ms
        self.blocks.delete(refs, from_ms, last_ms)

    def kept(self) -> Kept | None:
        """What it has blocks of, None where it has none."""
        blocks, resolution_ms = self.blocks.blocks, self.options.resolution_ms
        if not blocks:
            return None
        after_ms = min(block.first_ms for block in blocks) - resolution_ms
        until_ms = max(block.last_ms for block in blocks)
        return Kept(resolution_ms, after_ms, after_ms if self.blocks.tombstones else until_ms)

    def gaps(self, after_ms: int, until_ms: int) -> list[tuple[int, int]]:
        """The ranges `(lo, hi]` that it has no block of."""
        first, last = after_ms // self._span_ms, (until_ms - 1) // self._span_ms
        absent = [number for number in range(first, last + 1) if not self._of(number)]
        return [
            (max(number * self._span_ms, after_ms), min((number + 1) * self._span_ms, until_ms))
            for number in absent
        ]


def kept(raw: Sequence[Block], head_from_ms: int, tiers: Sequence[Tier]) -> list[Kept]:
    """See `TierQuerier.kept`; `head_from_ms`: what is older is in blocks, or gone."""
    first_ms = min((block.first_ms for block in raw), default=head_from_ms)
    found = [one for tier in tiers if (one := tier.kept()) is not None]
    return [
        Kept(0, first_ms - 1, 2**62),
        *sorted(found, key=lambda one: one.resolution_ms),
    ]


@dataclass(frozen=True, slots=True)
class Range:
    """The buckets in `(after_ms, until_ms]`. Raises InputError when they are not whole or many."""

    after_ms: int
    until_ms: int
    resolution_ms: int

    def __post_init__(self) -> None:
        ends = self.after_ms, self.until_ms
        if any(one % self.resolution_ms for one in ends) or self.until_ms < self.after_ms:
            raise InputError("buckets begin and end at multiples of their resolution")
        if self.count > MAX_BUCKETS:
            raise InputError(f"{self.count:,} buckets a series; the limit is {MAX_BUCKETS:,}")

    @property
    def count(self) -> int:
        """How many there are."""
        return (self.until_ms - self.after_ms) // self.resolution_ms

    @property
    def ends_ms(self) -> Int64s:
        """When each ends."""
        return self.after_ms + self.resolution_ms * np.arange(1, self.count + 1)


def read_buckets(
    tiers: Sequence[Tier], grid: Range, components: Sequence[str], refs: Int64s, select: Select
) -> Buckets:
    """See `TierQuerier.buckets`; `refs` ascending, of `tiers` the first is read if there is one."""
    read = set(components)
    if read & set(IMPLIED):
        read |= {"first", "last"}
    values = {name: filled((len(refs), grid.count)) for name in read}

    def put(name: str, some: Int64s, ends: Int64s, found: Float64s) -> None:
        columns = (ends - grid.after_ms) // grid.resolution_ms - 1
        cells = np.ix_(refs.searchsorted(some), columns)
        values[name].view(np.int64)[cells] = found.view(np.int64)

    gaps = [(grid.after_ms, grid.until_ms)]
    for tier in tiers[:1]:
        gaps = tier.gaps(grid.after_ms, grid.until_ms)
        for name in read:
            windows = tier.blocks.windows(grid.after_ms, grid.until_ms, name)
            for one in merge.slices(refs, windows, lambda _: []):
                put(name, one.refs, one.timestamps_ms, one.values)
    for lo_ms, hi_ms in gaps:
        for one in select(refs, lo_ms, hi_ms):
            ends, found = downsample(one.timestamps_ms, one.values, grid.resolution_ms)
            for name in read:
                put(name, one.refs, ends, found[COMPONENTS.index(name)])
    for name in read & set(IMPLIED):
        told = implied(name, values["first"], values["last"])
        np.copyto(values[name].view(np.int64), told.view(np.int64), where=is_missing(values[name]))
    there: Bools = np.zeros(len(refs), np.bool_)
    for name in components:
        there |= merge.has_sample(values[name])
    kept = {name: values[name][there] for name in components}
    return Buckets(refs[there], grid.ends_ms, kept)
