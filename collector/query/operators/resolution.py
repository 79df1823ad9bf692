"""Which resolution answers which step: samples, or buckets of a tier. Pure.

Steps whose windows begin before the samples do read the finest tier that reaches back so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from collector.model.durations import format_duration
from collector.model.samples import Int64s
from collector.store.interface import Kept

WORTH_RATIO = 0.5
"""Buckets are read in place of samples where a tier is written for this much of what is asked."""


def levels(kept: Sequence[Kept]) -> list[Kept]:
    """Those that reach further back than every finer one, the samples first."""
    found = [kept[0]]
    for one in kept[1:]:
        if found[-1].after_ms // one.resolution_ms * one.resolution_ms > one.after_ms:
            found.append(one)
    return found


def runs(found: Sequence[Kept], starts: Int64s) -> Iterator[tuple[Kept, slice]]:
    """Neighbouring steps that one level answers; `starts` int64[t] ascending, of their windows."""
    reached = np.array([one.after_ms for one in found])[:, np.newaxis] <= starts
    level = np.where(reached.any(axis=0), reached.argmax(axis=0), len(found) - 1)
    bounds = [0, *(np.flatnonzero(np.diff(level)) + 1).tolist(), len(starts)]
    for lo, hi in pairwise(bounds):
        yield found[int(level[lo])], slice(lo, hi)


def are_whole(resolution_ms: int, range_ms: int, ends: Int64s) -> bool:
    """Whether windows are some whole buckets each."""
    return not (range_ms % resolution_ms or (ends % resolution_ms).any())


def worth_reading(kept: Sequence[Kept], range_ms: int, starts: Int64s, ends: Int64s) -> Kept | None:
    """The coarsest tier of which windows are whole buckets, if it spares reading samples."""
    first, last = int(starts.min()), int(ends.max())
    for one in reversed(kept[1:]):
        written = min(one.until_ms, last) - max(one.after_ms, first)
        if written >= (last - first) * WORTH_RATIO and are_whole(one.resolution_ms, range_ms, ends):
            return one
    return None


def resolution_name(one: Kept) -> str:
    """`samples` or `5m buckets`."""
    if not one.resolution_ms:
        return "samples"
    return f"{format_duration(one.resolution_ms)} buckets"
