"""Reads buckets of a tier where samples are gone, or where that is the same and costs less."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from collector.model.matchers import Matcher
from collector.model.samples import Int64s, filled
from collector.query.ast import Extension
from collector.query.block import Block, any_histograms, no_histograms
from collector.query.grid import Grid
from collector.query.operators.bucket_function import COUNTERS, EXACT, BucketFunction
from collector.query.operators.interface import Context, Operator, Windows, vector
from collector.query.operators.kept_samples import KeptSamples
from collector.query.operators.resolution import (
    are_whole,
    levels,
    resolution_name,
    runs,
    worth_reading,
)
from collector.query.operators.samples import COLUMNS
from collector.query.operators.scan import WindowScan, evaluation_times
from collector.query.operators.window_function import WindowFunction
from collector.query.positions import NO_SPAN, Span
from collector.store.interface import Kept, TierQuerier

APPROXIMATE = "samples are gone, values are approximations from"


@dataclass(frozen=True, slots=True)
class Tiered:
    """A selector (`range_ms` 0), or a function of a range selector's windows.

    `reaches`: it reads a lookback beyond its windows (anchored, smoothed). `read` is what was read
    when it ran.
    """

    inner: Operator
    matchers: tuple[Matcher, ...]
    range_ms: int
    offset_ms: int
    at_ms: int | None
    reaches: bool
    span: Span
    read: dict[str, None] = field(default_factory=dict, compare=False)

    def run(self, context: Context) -> Block:
        """The inner operator's value, step by step of the finest resolution that is left."""
        ends = evaluation_times(context, self.offset_ms, self.at_ms)
        kept = context.tiers.kept() if context.tiers is not None and len(ends) else ()
        if context.tiers is None or len(kept) < 2:
            return vector(self.inner, context)
        range_ms = self.range_ms or context.lookback_ms
        starts = ends - range_ms - self.reaches * context.lookback_ms
        pieces = []
        for level, steps in runs(levels(kept), starts):
            if not level.resolution_ms and self._is_exact(context):
                level = worth_reading(kept, self.range_ms, starts[steps], ends[steps]) or level
            self.read[resolution_name(level)] = None
            part = context.on(_part(context.grid, steps))
            if level.resolution_ms:
                pieces.append(self._from_buckets(context.tiers, level, ends[steps], part))
            else:
                pieces.append(vector(self.inner, part))
        return pieces[0] if len(pieces) == 1 else side_by_side(pieces, len(ends))

    def explain(self) -> str:
        """The inner operator's, and what it read."""
        return told(self.inner.explain(), self.read)

    def _is_exact(self, context: Context) -> bool:
        """Whether whole buckets say what samples say: never of histograms and start timestamps."""
        if isinstance(self.inner, WindowFunction):
            name = self.inner.name
            if name not in EXACT or (name in COUNTERS and context.start_timestamps):
                return False
        return not self.reaches and not self._histograms(context)

    def _histograms(self, context: Context) -> bool:
        querier = context.querier
        columns = querier.match(COLUMNS)
        return len(columns) > 0 and bool(np.isin(querier.match(self.matchers), columns).any())

    def _from_buckets(
        self, tiers: TierQuerier, level: Kept, ends: Int64s, context: Context
    ) -> Block:
        size, exact = level.resolution_ms, self._is_exact(context)
        whole = are_whole(size, self.range_ms, ends)
        if not (exact and whole):
            _say_so(level, self.span, context)
        if exact and isinstance(self.inner, WindowFunction):
            function = BucketFunction(self.inner.name, self.matchers, self.range_ms, size)
            return self.inner.finished(function.run(tiers, ends, context), context)
        wider = 0 if whole and not self.range_ms else size
        return vector(
            self.inner,
            replace(
                context,
                reader=KeptSamples(tiers, size),
                lookback_ms=context.lookback_ms + wider,
                least_range_ms=2 * size,
                shared={},
            ),
        )


@dataclass(frozen=True, slots=True)
class RawWindows:
    """A range selector that is the whole query: samples, or those that buckets kept."""

    inner: WindowScan
    read: dict[str, None] = field(default_factory=dict, compare=False)

    @property
    def range_ms(self) -> int:
        """The windows' length."""
        return self.inner.range_ms

    @property
    def extension(self) -> Extension:
        """The inner source's."""
        return self.inner.extension

    @property
    def metric_name(self) -> str:
        """The name that the selector demands, or ""."""
        return self.inner.metric_name

    def windows(self, context: Context) -> list[Windows]:
        """The inner source's windows, of the finest resolution that is left."""
        if context.tiers is None or not len(context.grid):
            return self.inner.windows(context)
        ends = evaluation_times(context, self.inner.offset_ms, self.inner.at_ms)
        ((level, _),) = runs(levels(context.tiers.kept()), ends[:1] - self.range_ms)
        self.read[resolution_name(level)] = None
        if not level.resolution_ms:
            return self.inner.windows(context)
        _say_so(level, NO_SPAN, context)
        reader = KeptSamples(context.tiers, level.resolution_ms)
        return self.inner.windows(replace(context, reader=reader))

    def explain(self) -> str:
        """The inner source's, and what it read."""
        return told(self.inner.explain(), self.read)


def _say_so(level: Kept, span: Span, context: Context) -> None:
    context.annotations.inform(f"{APPROXIMATE} {resolution_name(level)}", span)


def told(text: str, read: Iterable[str]) -> str:
    """What an operator says of itself, with the resolutions that it read."""
    names = " and ".join(read)
    return f"{text}, from {names}" if names else text


def _part(grid: Grid, steps: slice) -> Grid:
    times = grid.times_ms[steps]
    return Grid(int(times[0]), int(times[-1]), grid.step_ms)


def side_by_side(pieces: Sequence[Block], steps: int) -> Block:
    """Blocks of neighbouring steps as one; series are the same where labels are."""
    keys = [list(zip(one.labels, one.dropped.tolist(), strict=True)) for one in pieces]
    row_of = {key: row for row, key in enumerate(dict.fromkeys(chain.from_iterable(keys)))}
    values = filled((len(row_of), steps))
    histograms, at = no_histograms(values.shape), 0
    for one, its in zip(pieces, keys, strict=True):
        end = at + one.values.shape[1]
        rows = [row_of[key] for key in its]
        values.view(np.int64)[rows, at:end] = one.values.view(np.int64)
        if one.histograms is not None:
            histograms[rows, at:end] = one.histograms
        at = end
    dropped = np.array([gone for _, gone in row_of], np.bool_)
    return Block([labels for labels, _ in row_of], values, dropped, any_histograms(histograms))
