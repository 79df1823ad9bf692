"""Decides, as a pure plan, which blocks to merge; then does it.

Blocks that overlap (late samples, imports) are merged as soon as they are seen; else blocks become
one when the longer span that they lie in has passed. Merging writes a new block, which names those
that it replaces, and only then removes them: a start that finds both removes the old ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from collector.model.labels import Labels
from collector.store.block import Block
from collector.store.block_index import BlockMeta
from collector.store.block_writer import Plan, Translation, Written, write_block
from collector.store.merge import Window, windows
from collector.store.tombstones import Tombstone, masked

MAX_OVERLAP_SAMPLES = 2_000_000_000
"""Overlapping blocks that are larger together stay apart: a merge would take hours."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a plan needs to know of a block."""

    name: str
    first_ms: int
    last_ms: int
    samples: int = 0


def plan(extents: Sequence[Extent], spans_ms: Sequence[int], until_ms: int) -> list[str]:
    """Names of the blocks to merge next; empty when nothing is due.

    `spans_ms`: how long blocks become, ascending. Nothing before `until_ms` will be cut any more.
    """
    ordered = sorted(extents, key=lambda one: (one.first_ms, one.last_ms))
    if overlap := _overlapping(ordered):
        return overlap
    for span_ms in spans_ms:
        for number, group in groupby(ordered, key=lambda one: one.first_ms // span_ms):
            end_ms = (number + 1) * span_ms
            inside = [one.name for one in group if one.last_ms < end_ms]
            if len(inside) > 1 and end_ms <= until_ms:
                return inside
    return []


def _overlapping(ordered: Sequence[Extent]) -> list[str]:
    """The first run of blocks of which each begins before those before it end."""
    run: list[Extent] = []
    for one in ordered:
        if run and one.first_ms > max(other.last_ms for other in run):
            if len(run) > 1:
                break
            run = []
        if sum(other.samples for other in run) + one.samples <= MAX_OVERLAP_SAMPLES:
            run.append(one)
    return [one.name for one in run] if len(run) > 1 else []


@dataclass(frozen=True, slots=True)
class BlockSource:
    """What some blocks hold, the first wins; without what was deleted."""

    blocks: Sequence[Block]
    tombstones: Sequence[Tombstone]
    component: str = ""

    def windows(self, from_ms: int, until_ms: int) -> list[Window]:
        """See `Source.windows`."""
        found: list[Window] = []
        for block in self.blocks:
            if block.overlaps(from_ms - 1, until_ms - 1):
                own = windows(block.parts(self.component), from_ms - 1, until_ms - 1)
                some = [one for one in self.tombstones if one.number > block.meta.cleaned]
                found += masked(own, some)
        return found


def merge_blocks(
    directory: Path,
    blocks: Sequence[Block],
    tombstones: Sequence[Tombstone],
    labels: Sequence[Labels],
    part_ms: int,
    translation: Translation | None = None,
) -> Written | None:
    """One block of `blocks`, in their order of precedence; None when nothing is left of them.

    The blocks have been verified. Raises StorageError where there is no room; then all stay.
    """
    numbers = [one.number for one in tombstones]
    meta = BlockMeta(
        first_ms=0,
        last_ms=0,
        samples=0,
        log_number=max(block.meta.log_number for block in blocks),
        generation=max(block.meta.generation for block in blocks) + 1,
        replaces=tuple(block.path.name for block in blocks),
        cleaned=max([*numbers, *(block.meta.cleaned for block in blocks)]),
    )
    first_ms = min(block.first_ms for block in blocks)
    last_ms = max(block.last_ms for block in blocks)
    todo = Plan(first_ms, last_ms + 1, part_ms, meta, labels, translation)
    return write_block(directory, todo, BlockSource(blocks, tombstones))
