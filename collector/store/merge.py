"""One time-ordered, duplicate-free view of parts: each series in exactly one slice.

Series that lie in the same parts share a slice, so their timestamps are shared as well. Values are
decoded straight into the slice's matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Bools, Float64s, Int64s, is_missing
from collector.store.block import Block, BlockPart, Runs
from collector.store.interface import Slice
from collector.store.part import Part

_MIX = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, slots=True)
class Window:
    """The rows `lo` up to `hi` (not included) of a part that are asked for."""

    part: Part
    lo: int
    hi: int

    @property
    def times(self) -> Int64s:
        """Their timestamps."""
        return self.part.times[self.lo : self.hi]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one window gives to one slice: the series `part.refs[rows]`."""

    window: Window
    rows: Int64s

    def fill(self, out: Float64s) -> None:
        self.window.part.fill(self.rows, self.window.lo, self.window.hi, out)


def windows(parts: Iterable[Part], after_ms: int, until_ms: int) -> list[Window]:
    """The parts that have rows in `(after_ms, until_ms]`, with those rows."""
    found = []
    for part in parts:
        times = part.times
        lo, hi = times.searchsorted((after_ms, until_ms), side="right").tolist()
        if hi > lo:
            found.append(Window(part, lo, hi))
    return found


def slices(
    refs: Int64s, found: Sequence[Window], labels_of: Callable[[Int64s], Sequence[Labels]]
) -> list[Slice]:
    """Every sample of `refs` (ascending) in these windows; earlier windows win where two differ."""
    answer = []
    for members, times, values in _filled(_groups(refs, found)):
        kept = _has_sample(values.view(np.int64))
        if not kept.all():
            members, values = members[kept], values[kept]
        if len(members):
            times.flags.writeable = values.flags.writeable = False
            answer.append(Slice(labels_of(members), members, times, values))
    return answer


def present(refs: Int64s, found: Sequence[Window]) -> Int64s:
    """Those of `refs` that have a sample in these windows; decodes only what may have gaps."""
    there = np.zeros(len(refs), np.bool_)
    for window, (mine, rows) in zip(found, _memberships(refs, found), strict=True):
        if window.part.is_dense:
            there[mine] = True
        else:
            values = np.empty((len(rows), window.hi - window.lo))
            window.part.fill(rows, window.lo, window.hi, values)
            there[mine] |= _has_sample(values.view(np.int64))
    return refs[there]


def _memberships(refs: Int64s, found: Sequence[Window]) -> list[tuple[Int64s, Int64s]]:
    """For each window: which of `refs` are in its part, and their rows there."""
    known: dict[int, tuple[Int64s, Int64s]] = {}
    answer = []
    for window in found:
        theirs = window.part.refs
        if id(theirs) not in known:
            known[id(theirs)] = _common(refs, theirs)
        answer.append(known[id(theirs)])
    return answer


def _common(refs: Int64s, theirs: Int64s) -> tuple[Int64s, Int64s]:
    """Positions in `refs` and in `theirs` (both ascending) of what they have in common."""
    if len(theirs) < len(refs):
        rows, mine = _common(theirs, refs)
        return mine, rows
    rows = theirs.searchsorted(refs)
    inside = rows < len(theirs)
    inside[inside] = theirs[rows[inside]] == refs[inside]
    return np.flatnonzero(inside), rows[inside]


def _groups(refs: Int64s, found: Sequence[Window]) -> list[tuple[Int64s, list[_Piece]]]:
    """Series that lie in the same parts, with their rows in each."""
    if not found or not len(refs):
        return []
    memberships = _memberships(refs, found)
    signature: NDArray[np.uint64] = np.zeros(len(refs), np.uint64)
    for number, (mine, _) in enumerate(memberships):
        signature[mine] = (signature[mine] + np.uint64(number + 1)) * _MIX
    different, group = np.unique(signature, return_inverse=True)
    pieces: dict[int, list[_Piece]] = {}
    for window, (mine, rows) in zip(found, memberships, strict=True):
        if not len(mine):
            continue
        groups = group[mine]
        for number in np.unique(groups).tolist():
            chosen = rows if len(different) == 1 else rows[groups == number]
            pieces.setdefault(number, []).append(_Piece(window, chosen))
    return [(refs[group == number], found_in) for number, found_in in sorted(pieces.items())]


def _filled(
    groups: Sequence[tuple[Int64s, list[_Piece]]],
) -> Iterator[tuple[Int64s, Int64s, Float64s]]:
    """Series, times and values of each group; blocks are read once for all groups together."""
    layouts = [_layout(pieces) for _, pieces in groups]
    sizes = [
        len(members) * len(times) for (members, _), (times, _) in zip(groups, layouts, strict=True)
    ]
    flat = np.empty(sum(sizes))
    wanted: dict[int, tuple[Block, list[Runs]]] = {}
    answer = []
    base = 0
    for (members, pieces), (times, is_plain), size in zip(groups, layouts, sizes, strict=True):
        values = flat[base : base + size].reshape(len(members), len(times))
        if is_plain:
            _place(values, base, pieces, wanted)
        else:
            _interleave(values, times, pieces)
        answer.append((members, times, values))
        base += size
    for block, runs in wanted.values():
        block.read(_joined(runs), flat)
    yield from answer


def _layout(pieces: list[_Piece]) -> tuple[Int64s, bool]:
    """The timestamps of pieces; whether they follow each other (sorts them so)."""
    ordered = sorted(pieces, key=lambda piece: int(piece.window.times[0]))
    times = np.concatenate([piece.window.times for piece in ordered])
    if len(times) > 1 and (times[1:] <= times[:-1]).any():
        return np.unique(times), False
    pieces[:] = ordered
    return times, True


def _place(
    values: Float64s,
    base: int,
    pieces: Sequence[_Piece],
    wanted: dict[int, tuple[Block, list[Runs]]],
) -> None:
    """Fill the columns of each piece; what lies in blocks is noted in `wanted` instead."""
    at, width = 0, values.shape[1]
    for piece in pieces:
        part, lo, hi = piece.window.part, piece.window.lo, piece.window.hi
        if isinstance(part, BlockPart):
            into = base + at + width * np.arange(len(piece.rows))
            runs = part.runs(piece.rows, lo, hi, into)
            wanted.setdefault(id(part.block), (part.block, []))[1].append(runs)
        else:
            piece.fill(values[:, at : at + hi - lo])
        at += hi - lo


def _joined(runs: list[Runs]) -> Runs:
    return Runs(
        np.concatenate([one.entries for one in runs]),
        np.concatenate([one.los for one in runs]),
        np.concatenate([one.counts for one in runs]),
        np.concatenate([one.into for one in runs]),
    )


def _interleave(values: Float64s, times: Int64s, pieces: Sequence[_Piece]) -> None:
    """Pieces whose timestamps lie between each other; the first piece's sample wins."""
    values.view(np.int64)[:] = MISSING_BITS
    for piece in reversed(pieces):
        part = np.empty((len(values), len(piece.window.times)))
        piece.fill(part)
        columns = times.searchsorted(piece.window.times)
        keep = is_missing(part)
        part[keep] = values[:, columns][keep]
        values[:, columns] = part


def has_sample(values: Float64s) -> Bools:
    """Which rows of float64[n, t] have a cell that is not MISSING."""
    return np.asarray(_has_sample(values.view(np.int64)))


@njit(cache=True, nogil=True)
def _has_sample(bits):  # type: ignore[no-untyped-def]
    """Which rows have a cell that is not MISSING."""
    out = np.zeros(bits.shape[0], np.bool_)
    for i in range(bits.shape[0]):
        for j in range(bits.shape[1]):
            if bits[i, j] != MISSING_BITS:
                out[i] = True
                break
    return out
