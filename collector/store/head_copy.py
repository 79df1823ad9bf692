"""What a checkpoint keeps of the head: a copy that nothing changes any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.samples import Int64s
from collector.store.overlay import LatePart
from collector.store.prefix_sums import Array
from collector.store.stripe import OpenPart, SealedChunk


@dataclass(frozen=True, slots=True)
class HeadChunk:
    """A part of the stripe `stripe`, of which deletions up to `cleaned` hide nothing."""

    stripe: int
    cleaned: int
    part: SealedChunk | OpenPart


@dataclass(frozen=True, slots=True)
class HeadCopy:
    """Everything that a checkpoint keeps, as it was at one moment; parts are never changed.

    `refs` int64[n] are those of the series that live; `labels` and `totals` run beside them.
    """

    from_ms: int
    cleaned: int
    refs: Int64s
    labels: list[Labels]
    sources: dict[str, int]
    totals: list[Array]
    chunks: list[HeadChunk]
    late: list[LatePart]
    exemplars: list[Exemplar]

    def after(self, cut_ms: int) -> HeadCopy:
        """What is left once everything before `cut_ms` is in blocks."""
        chunks = [one for one in self.chunks if one.part.times[-1] >= cut_ms]
        late = [part.after(cut_ms) for part in self.late if part.times[-1] >= cut_ms]
        return replace(self, from_ms=cut_ms, chunks=chunks, late=late)
