"""Functions of windows that buckets answer as samples would, but for the order of additions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.matchers import Matcher
from collector.model.samples import Float64s, Int64s, filled
from collector.query.block import Block, undropped
from collector.query.kernels import buckets as kernels
from collector.query.kernels.over_time import CODES, over_time
from collector.query.kernels.windows import read_only
from collector.query.operators.interface import Context
from collector.store.interface import Buckets, TierQuerier

_COUNTER = ("count", "first", "last", "increase", "first_ms", "last_ms")
_OF_COMPONENT = {
    "count_over_time": ("sum_over_time", "count"),
    "sum_over_time": ("sum_over_time", "sum"),
    "min_over_time": ("min_over_time", "min"),
    "max_over_time": ("max_over_time", "max"),
    "last_over_time": ("last_over_time", "last"),
    "present_over_time": ("present_over_time", "count"),
}
"""The function of a component of the buckets that a function of the samples is."""
_GROWS = frozenset(("count_over_time", "sum_over_time"))
"""What grows with the window's length."""
COUNTERS = frozenset(("rate", "increase"))
EXACT = frozenset(_OF_COMPONENT) | COUNTERS | {"avg_over_time"}


@dataclass(frozen=True, slots=True)
class BucketFunction:
    """One of EXACT over windows of `range_ms`, rounded outwards to whole buckets."""

    name: str
    matchers: tuple[Matcher, ...]
    range_ms: int
    resolution_ms: int

    def run(self, tiers: TierQuerier, ends: Int64s, context: Context) -> Block:
        """The values at steps whose windows end at `ends` (int64[t], ascending).

        Where windows were rounded, sums, counts and increases are the share of the range asked.
        """
        size = self.resolution_ms
        starts = (ends - self.range_ms) // size * size
        ends = -(-ends // size) * size
        after_ms, until_ms = int(starts[0]), int(ends[-1])
        found = tiers.buckets(self.matchers, after_ms, until_ms, size, self._components())
        lo, hi = (starts - after_ms) // size, (ends - after_ms) // size
        context.budget.load(len(found.refs) * (len(found.ends_ms) + len(ends)))
        context.budget.count_read(context.grid.times_ms, (hi - lo) * len(found.refs))
        values = self._values(found, lo, hi, (ends - starts) / self.range_ms)
        return undropped(tiers.labels_of(found.refs), values)

    def _components(self) -> tuple[str, ...]:
        if self.name in COUNTERS:
            return _COUNTER
        return ("count", "sum") if self.name == "avg_over_time" else _OF_COMPONENT[self.name][1:]

    def _values(self, found: Buckets, lo: Int64s, hi: Int64s, widened: Float64s) -> Float64s:
        if self.name in COUNTERS:
            return self._increases(found, lo, hi, widened)
        if self.name == "avg_over_time":
            sums = _over(found, "sum", "sum_over_time", lo, hi)
            return _quotients(sums, _over(found, "count", "sum_over_time", lo, hi))
        name, component = _OF_COMPONENT[self.name]
        values = _over(found, component, name, lo, hi)
        if self.name in _GROWS and (widened != 1).any():
            return _quotients(values, np.broadcast_to(widened, values.shape))
        return values

    def _increases(self, found: Buckets, lo: Int64s, hi: Int64s, widened: Float64s) -> Float64s:
        out = filled((len(found.refs), len(lo)))
        seconds = self.range_ms / 1000 if self.name == "rate" else 1.0
        of = {name: np.ascontiguousarray(found.values[name]) for name in _COUNTER}
        kernels.extrapolated(
            self.resolution_ms,
            found.ends_ms,
            of["count"],
            of["first"],
            of["last"],
            of["increase"],
            of["first_ms"],
            of["last_ms"],
            lo,
            hi,
            widened * seconds,
            out,
            out.view(np.int64),
        )
        return out


def _over(found: Buckets, component: str, name: str, lo: Int64s, hi: Int64s) -> Float64s:
    values = read_only(np.ascontiguousarray(found.values[component]))
    out, none = filled((len(values), len(lo))), np.zeros(len(lo))
    common = (read_only(found.ends_ms), values, values.view(np.int64), lo, hi)
    over_time(CODES[name], *common, 1, none, none, out, out.view(np.int64))
    return out


def _quotients(values: Float64s, by: Float64s) -> Float64s:
    """`values / by`, MISSING where `values` are."""
    out = values.copy()
    np.divide(values, by, out=out, where=~np.isnan(values))
    return out
