"""Events into slices of time: OpenSLO's Timeslices and RatioTimeslices.

A slice is a stretch of `slice_ms` that ends on a multiple of it. What is counted for the budget is
not its events but the slice: bad when the share of good events is under the slice's own target, or
bad in part (its share of bad events) for ratio-timeslices. A slice without an event is counted as
the objective's policy for it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Bools, Float64s, Int64s
from slo.objective import Objective, Timeslices
from slo.slices import pick

_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class OpenSlices:
    """The slices that are not over: their numbers (int64[n], -1 for none) and events so far."""

    number: Int64s
    bad: Float64s
    total: Float64s


class Slicer:
    """The open slice of each objective that is budgeted by slices; others pass it by."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        found = [one.budgeting for one in objectives]
        self.mine: Bools = np.array([isinstance(one, Timeslices) for one in found], np.bool_)
        slices = [one or Timeslices(1) for one in found]
        self.slice_ms = np.array([one.slice_ms for one in slices], np.int64)
        targets = [one.target for one in slices]
        self._is_ratio = np.array([one is None for one in targets], np.bool_)
        self._numerator = np.array([float(one.numerator) if one else 0.0 for one in targets])
        self._denominator = np.array([float(one.denominator) if one else 1.0 for one in targets])
        self._empty_bad = np.array([float(one.empty == "bad") for one in slices])
        self._empty_total = np.array([float(one.empty != "ignore") for one in slices])
        self.open = _none_open(len(found))

    def __bool__(self) -> bool:
        return bool(self.mine.any())

    def resume(self, opened: OpenSlices) -> None:
        """Go on with the slices of a former run."""
        self.open = OpenSlices(opened.number.copy(), opened.bad.copy(), opened.total.copy())

    def set_back(self, now_ms: int) -> None:
        """None is later than that of now."""
        np.minimum(self.open.number, -(-now_ms // self.slice_ms), out=self.open.number)

    def put(self, column: int, opened: OpenSlices) -> None:
        """Take over the open slice of one objective (arrays of length 1)."""
        self.open.number[column] = opened.number[0]
        self.open.bad[column], self.open.total[column] = opened.bad[0], opened.total[0]

    def advance(self, now_ms: int) -> tuple[Float64s, Float64s]:
        """Bad and total slices (float64[n]) that ended before the slice of `now_ms` began."""
        number = -(-now_ms // self.slice_ms)
        known = self.open.number != _UNKNOWN
        over = self.mine & known & (number > self.open.number)
        bad, total = np.zeros(len(over)), np.zeros(len(over))
        if over.any():
            ended_bad, ended_total = self.closed(self.open.bad, self.open.total)
            passed = number - self.open.number - 1
            bad = np.where(over, ended_bad + passed * self._empty_bad, 0.0)
            total = np.where(over, ended_total + passed * self._empty_total, 0.0)
            self.open.bad[over] = self.open.total[over] = 0.0
        moved = over | (self.mine & ~known)
        self.open.number[moved] = number[moved]
        return bad, total

    def add(self, bad: Float64s, total: Float64s) -> None:
        """Events of the open slices (float64[n]); those of other objectives are left alone."""
        self.open.bad[self.mine] += bad[self.mine]
        self.open.total[self.mine] += total[self.mine]

    def closed(self, bad: Float64s, total: Float64s) -> tuple[Float64s, Float64s]:
        """Slices that had these events (of one objective, or one slice of each) as counts."""
        some, failed = total > 0, np.clip(bad, 0.0, total)
        ratio = np.divide(failed, total, out=np.zeros_like(total), where=some)
        is_bad = (total - failed) * self._denominator < total * self._numerator
        share = np.where(self._is_ratio, ratio, is_bad)
        return np.where(some, share, self._empty_bad), np.where(some, 1.0, self._empty_total)


def _none_open(count: int) -> OpenSlices:
    return OpenSlices(np.full(count, _UNKNOWN, np.int64), np.zeros(count), np.zeros(count))


def picked(opened: OpenSlices, sources: Int64s) -> OpenSlices:
    """The open slices of other objectives: those of `sources` (int64[n]), none where that is -1."""
    number = np.where(sources < 0, _UNKNOWN, pick(opened.number, sources))
    return OpenSlices(number, pick(opened.bad, sources), pick(opened.total, sources))


def slice_ends(objective: Objective, after_ms: int, now_ms: int) -> Int64s:
    """The ends of an objective's slices in `(after_ms, now_ms]`, and now."""
    slice_ms = objective.budgeting.slice_ms if objective.budgeting else now_ms
    first = (after_ms // slice_ms + 1) * slice_ms
    return np.append(np.arange(first, now_ms, slice_ms, dtype=np.int64), now_ms)


def past_slices(
    slicer: Slicer, times: Int64s, bad: Float64s, total: Float64s, now_ms: int
) -> tuple[Int64s, Float64s, Float64s]:
    """Events of the past (float64[t] at `times`, not cumulative) as slices that ended before now.

    `slicer` is of one objective, with the slice that was open before; it is left with the one that
    is open now. Gives the ends of the slices, and bad and total slices at each.
    """
    slice_ms, opened = int(slicer.slice_ms[0]), slicer.open
    now_number = -(-now_ms // slice_ms)
    numbers = -(-times // slice_ms)
    if opened.number[0] != _UNKNOWN:
        numbers = np.concatenate([opened.number, numbers])
        bad, total = np.concatenate([opened.bad, bad]), np.concatenate([opened.total, total])
    if not len(numbers):
        return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    found = np.arange(min(int(numbers.min()), now_number), now_number + 1)
    sums = [_by_number(numbers - found[0], one, len(found)) for one in (bad, total)]
    slicer.put(0, OpenSlices(found[-1:], sums[0][-1:], sums[1][-1:]))
    closed = slicer.closed(sums[0][:-1], sums[1][:-1])
    return found[:-1] * slice_ms, *closed


def _by_number(numbers: Int64s, events: Float64s, count: int) -> Float64s:
    return np.bincount(numbers, events, count).astype(np.float64)
