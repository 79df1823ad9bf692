"""`DenseHistograms`: native histograms that share one layout, as one array.

Almost always all histograms of a selector have the same schema and zero bucket; then whole
pipelines (`histogram_quantile` of a `sum` of a `rate`) run on arrays. Whoever needs histograms one
by one asks for `objects()`, which are made then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.model.histograms import (
    CUSTOM_BUCKETS,
    NativeHistogram,
    ResetHint,
    custom_bound,
    exponential_bound,
)
from collector.model.samples import Bools, Float64s, Int64s
from collector.query.kernels import dense_histograms as kernels
from collector.query.kernels.windows import read_only

Objects = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Layout:
    """What all the histograms have in common; indices of the buckets that any of them uses.

    Both tuples of indices rise.
    """

    schema: int
    zero_threshold: float
    custom_values: tuple[float, ...]
    positive: tuple[int, ...]
    negative: tuple[int, ...]

    @property
    def is_custom(self) -> bool:
        """Bounds are listed, not computed."""
        return self.schema == CUSTOM_BUCKETS

    def bounds(self) -> tuple[Float64s, Float64s]:
        """Lower and upper bounds (float64[b]) of all buckets in the order of values."""
        edge = self.zero_threshold
        pairs = [
            (-self._bound(i), min(-self._bound(i - 1), -edge)) for i in reversed(self.negative)
        ]
        pairs.append((-edge, edge))
        for i in self.positive:
            low = self._bound(i - 1)
            pairs.append((low if self.is_custom else max(low, edge), self._bound(i)))
        both = np.array(pairs, np.float64)
        return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])

    def _bound(self, index: int) -> float:
        if self.is_custom:
            return custom_bound(self.custom_values, index)
        return exponential_bound(self.schema, index)


class DenseHistograms:
    """`data` float64[n, t, c], `there` bool[n, t], `hints` int64[n, t] of one layout.

    The c parts are count, sum, the zero bucket, negative buckets from the lowest, then positive
    ones. Nothing of it may be written to.
    """

    __slots__ = ("_objects", "data", "hints", "layout", "there")

    def __init__(self, layout: Layout, data: Float64s, there: Bools, hints: Int64s) -> None:
        self.layout = layout
        self.data = data
        self.there = there
        self.hints = hints
        self._objects: Objects | None = None

    def rows(self, indices: Int64s | Bools) -> DenseHistograms:
        """Only these rows."""
        return DenseHistograms(
            self.layout, self.data[indices], self.there[indices], self.hints[indices]
        )

    def at_columns(self, columns: Int64s) -> DenseHistograms:
        """For each row the cells at these columns (int64[n, t]; -1: none)."""
        rows = np.arange(len(self.there))[:, np.newaxis]
        there = self.there[rows, columns] & (columns >= 0)
        return DenseHistograms(
            self.layout, self.data[rows, columns], there, self.hints[rows, columns]
        )

    def objects(self) -> Objects:
        """object[n, t]: NativeHistogram or None."""
        if self._objects is None:
            self._objects = np.full(self.there.shape, None, np.object_)
            for row, step in np.argwhere(self.there).tolist():
                self._objects[row, step] = self._object(row, step)
        return self._objects

    def _object(self, row: int, step: int) -> NativeHistogram:
        layout = self.layout
        count, total, zero, *buckets = self.data[row, step].tolist()
        middle = len(layout.negative)
        negative = zip(layout.negative, reversed(buckets[:middle]), strict=True)
        positive = zip(layout.positive, buckets[middle:], strict=True)
        return NativeHistogram(
            layout.schema,
            count,
            total,
            layout.zero_threshold,
            zero,
            tuple((index, n) for index, n in positive if n),
            tuple((index, n) for index, n in negative if n),
            layout.custom_values,
            ResetHint(int(self.hints[row, step])),
        )

    def resets(self) -> Bools:
        """Where a counter was reset since the histogram before it (bool[n, t])."""
        out = np.zeros(self.there.shape, np.bool_)
        kernels.resets(read_only(self.data), read_only(self.there), read_only(self.hints), out)
        return out

    def with_resets_noted(self) -> DenseHistograms:
        """Each histogram of unknown kind told to be a counter reset or not, by the one before."""
        later = np.cumsum(self.there, axis=1) > 1
        unknown = self.there & later & (self.hints == ResetHint.UNKNOWN)
        told = np.where(self.resets(), int(ResetHint.RESET), int(ResetHint.NOT_RESET))
        hints = np.where(unknown, told, self.hints).astype(np.int64)
        return DenseHistograms(self.layout, self.data, self.there, hints)

    def has_hint(self, hint: ResetHint) -> bool:
        """Any of them bears this hint."""
        return bool((self.hints[self.there] == hint).any())

    def rates(
        self,
        times_ms: Int64s,
        windows: tuple[Int64s, Int64s],
        bounds_ms: tuple[Int64s, Int64s],
        seconds: float,
    ) -> DenseHistograms:
        """What counters change by over windows (columns lo, hi), divided by `seconds`."""
        shape = (len(self.there), len(windows[0]))
        out = np.zeros((*shape, self.data.shape[2]))
        there = np.zeros(shape, np.bool_)
        kernels.extrapolated(
            read_only(times_ms),
            read_only(self.data),
            read_only(self.there),
            read_only(self.resets()),
            *windows,
            *bounds_ms,
            seconds,
            out,
            there,
        )
        return DenseHistograms(self.layout, out, there, np.full(shape, int(ResetHint.GAUGE)))

    def summed(self, groups: Int64s, count: int, mean: bool) -> DenseHistograms | None:
        """Sums (or means) of each of `count` groups; None where a number is too large for that."""
        shape = (count, self.there.shape[1])
        out, rest = (np.zeros((*shape, self.data.shape[2])) for _ in range(2))
        members = np.zeros(shape, np.int64)
        kernels.sums(read_only(self.data), read_only(self.there), groups, out, rest, members)
        if mean:
            divisor = np.maximum(members, 1)[:, :, np.newaxis]
            out, rest = out / divisor, rest / divisor
        out = out + rest
        if not np.isfinite(out).all():
            return None
        return DenseHistograms(self.layout, out, members > 0, self._joined_hints(groups, shape))

    def _joined_hints(self, groups: Int64s, shape: tuple[int, int]) -> Int64s:
        """The hint of each sum; resets and no resets may not be among one group's hints."""
        hints = np.full(shape, int(ResetHint.NOT_RESET), np.int64)
        for hint in (ResetHint.UNKNOWN, ResetHint.GAUGE):
            any_of = np.zeros(shape, np.bool_)
            np.logical_or.at(any_of, groups, self.there & (self.hints == hint))
            hints[any_of] = int(hint)
        return hints

    def quantiles(self, q: Float64s) -> Float64s:
        """The q[s]-quantile of each histogram (float64[n, t]); no sum may be NaN."""
        lower, upper = self.layout.bounds()
        out = np.full(self.there.shape, np.nan)
        negatives = len(self.layout.negative)
        custom = self.layout.is_custom
        cells = (read_only(self.data), read_only(self.there))
        kernels.quantiles(read_only(q), *cells, lower, upper, negatives, custom, out)
        return out


def concatenated(parts: Sequence[DenseHistograms]) -> DenseHistograms | None:
    """All rows of several, or None where their layouts differ."""
    if any(part.layout != parts[0].layout for part in parts):
        return None
    return DenseHistograms(
        parts[0].layout,
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.there for part in parts]),
        np.concatenate([part.hints for part in parts]),
    )
