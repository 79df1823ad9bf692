"""Reads selectors from a `Querier`: the newest sample at each step, or windows of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from collector.model.samples import Int64s, filled, is_sample
from collector.query.ast import Extension, Gives
from collector.query.block import (
    Block,
    Cells,
    no_histograms,
    stacked,
    undropped,
    where_histograms,
)
from collector.query.dense_histograms import DenseHistograms
from collector.query.kernels import extended
from collector.query.kernels import windows as kernels
from collector.query.operators.extended_histograms import interpolated_histograms
from collector.query.operators.interface import Context, Windows, windows_over
from collector.query.operators.remarks import Remarks
from collector.query.operators.samples import read_samples, with_resets_noted
from collector.query.positions import NO_SPAN, Span


def evaluation_times(context: Context, offset_ms: int, at_ms: int | None) -> Int64s:
    """Where each step looks (int64[t], ms): `@` wins over the step, the offset comes after."""
    times = context.grid.times_ms
    if at_ms is not None:
        times = np.full_like(times, at_ms)
    return times - offset_ms


@dataclass(frozen=True, slots=True)
class Scan:
    """An instant vector selector; `gives` the samples' values, or times in seconds of them.

    `notes_resets`: histograms say whether they are a reset, by what was read before them.
    """

    matchers: tuple[Matcher, ...]
    offset_ms: int
    at_ms: int | None
    gives: Gives = "value"
    notes_resets: bool = False

    def run(self, context: Context) -> Block:
        """The newest sample within the lookback of each step."""
        return self.read_at(context, evaluation_times(context, self.offset_ms, self.at_ms))

    def read_at(self, context: Context, ends: Int64s) -> Block:
        """The newest sample within the lookback of each of these times (int64[t], ascending)."""
        if not len(ends):
            return stacked([], 0)
        starts = ends - context.lookback_ms
        blocks = []
        windows = read_windows(context, self.matchers, starts, ends, self.notes_resets)
        for found in windows:
            context.budget.load(len(found.labels) * len(ends) * _parts(found))
            if self.gives != "value":
                block = self._times(found, context)
            elif found.cells is not None:
                block = _latest_of_both(found, found.cells)
            else:
                values = filled((len(found.labels), len(ends)))
                bits = kernels.read_only(found.values.view(np.int64))
                kernels.latest(bits, found.lo, found.hi, values.view(np.int64))
                block = undropped(found.labels, values)
            _count_steps(block, context)
            blocks.append(block)
        return in_order(blocks, windows, len(ends))

    def _times(self, found: Windows, context: Context) -> Block:
        columns = latest_columns(found)
        stamps = np.broadcast_to(found.timestamps_ms, found.values.shape)
        there = columns >= 0
        if self.gives == "start time":
            unknown = np.zeros(found.values.shape, np.int64)
            stamps = unknown if found.began_ms is None else found.began_ms
            there &= context.start_timestamps
        values = filled(columns.shape)
        values[there] = np.take_along_axis(stamps, columns, axis=1)[there] / 1000
        return undropped(found.labels, values)

    def explain(self) -> str:
        """What is read."""
        return f"scan {', '.join(map(str, self.matchers))}"


def latest_columns(found: Windows) -> Int64s:
    """The column of the newest sample of each window (int64[n, t]), -1 where there is none."""
    columns = np.empty((len(found.labels), len(found.lo)), np.int64)
    cells = found.values
    if found.cells is not None:
        there = where_histograms(found.cells)
        cells = np.where(there, 0, cells.view(np.int64)).view(np.float64)
    bits = kernels.read_only(cells.view(np.int64))
    kernels.latest_columns(bits, found.lo, found.hi, columns)
    return columns


def _latest_of_both(found: Windows, histograms: Cells) -> Block:
    columns = latest_columns(found)
    if isinstance(histograms, DenseHistograms):
        values = filled(columns.shape)
        return undropped(found.labels, values, histograms.at_columns(columns))
    there = columns >= 0
    values, newest = filled(columns.shape), no_histograms(columns.shape)
    bits = np.take_along_axis(found.values.view(np.int64), columns, axis=1)
    values.view(np.int64)[there] = bits[there]
    newest[there] = np.take_along_axis(histograms, columns, axis=1)[there]
    return undropped(found.labels, values, newest)


@dataclass(frozen=True, slots=True)
class SmoothedScan:
    """An instant vector selector whose values lie on lines between samples."""

    matchers: tuple[Matcher, ...]
    offset_ms: int
    at_ms: int | None
    span: Span = NO_SPAN

    def run(self, context: Context) -> Block:
        """The value between the samples within the lookback to both sides of each step."""
        at = evaluation_times(context, self.offset_ms, self.at_ms)
        if not len(at):
            return stacked([], 0)
        reach = context.lookback_ms
        blocks = []
        windows = read_windows(context, self.matchers, at - reach, at + reach)
        for found in windows:
            out = filled((len(found.labels), len(at)))
            context.budget.load(out.size)
            values = kernels.read_only(found.values)
            stamps = kernels.read_only(found.timestamps_ms)
            middle = np.searchsorted(stamps, at, side="right")
            sides = (found.lo, middle, found.hi)
            into = (out, out.view(np.int64))
            extended.interpolated(stamps, values, values.view(np.int64), *sides, at, *into)
            histograms = None
            if found.histograms is not None:
                said = Remarks(context.annotations, self.span)
                histograms = interpolated_histograms(found, at, out, said)
            blocks.append(undropped(found.labels, out, histograms))
            _count_steps(blocks[-1], context)
        return in_order(blocks, windows, len(at))

    def explain(self) -> str:
        """What is read."""
        return f"smoothed scan {', '.join(map(str, self.matchers))}"


@dataclass(frozen=True, slots=True)
class WindowScan:
    """A range vector selector; an extended one reads a lookback beyond the window's ends."""

    matchers: tuple[Matcher, ...]
    range_ms: int
    offset_ms: int
    at_ms: int | None
    extension: Extension = ""
    notes_resets: bool = False

    @property
    def metric_name(self) -> str:
        """The name that the selector demands, or ""."""
        names = [one.value for one in self.matchers if one.name == METRIC_NAME and one.kind == "="]
        return names[0] if names else ""

    def windows(self, context: Context) -> list[Windows]:
        """The samples in `(step - range, step]` of each step."""
        ends = evaluation_times(context, self.offset_ms, self.at_ms)
        if not len(ends):
            return []
        starts = ends - max(self.range_ms, context.least_range_ms)
        before = context.lookback_ms if self.extension else 0
        after = context.lookback_ms if self.extension == "smoothed" else 0
        reach = (starts - before, ends + after)
        found = read_windows(context, self.matchers, *reach, self.notes_resets)
        for one in found:
            context.budget.load(one.values.size * _parts(one))
            _count_windows(one, context)
        if not self.extension:
            return found
        return [replace(one, starts_ms=starts, ends_ms=ends) for one in found]

    def explain(self) -> str:
        """What is read."""
        return f"scan windows of {self.range_ms} ms of {', '.join(map(str, self.matchers))}"


def read_windows(
    context: Context,
    matchers: tuple[Matcher, ...],
    starts: Int64s,
    ends: Int64s,
    notes_resets: bool = False,
) -> list[Windows]:
    """All series that match, with windows `(start, end]` over their samples."""
    reach = (int(starts.min()), int(ends.max()))
    found = read_samples(context.reader or context.querier, matchers, *reach)
    context.budget.has_read_histograms |= any(part.cells is not None for part in found)
    return [
        windows_over(
            part.labels,
            np.zeros(len(part.labels), np.bool_),
            part.timestamps_ms,
            part.values,
            starts,
            ends,
            with_resets_noted(part.cells) if notes_resets else part.cells,
            part.began_ms if context.start_timestamps else None,
            part.refs,
        )
        for part in found
    ]


def _parts(found: Windows) -> int:
    """How many numbers each cell has: one, or all the counts of a histogram."""
    return 1 if found.dense is None else found.dense.data.shape[2]


def in_order(blocks: Sequence[Block], windows: Sequence[Windows], steps: int) -> Block:
    """The blocks that were made of these windows as one, without empty rows.

    Series come in the order of their refs, wherever the store has them: so what depends on it (the
    last bit of a sum, which of equals `topk` takes) is the same whatever range is asked for.
    """
    whole = stacked(blocks, steps)
    refs = [one.refs for one in windows if one.refs is not None]
    if len(blocks) < 2 or len(refs) < len(blocks):
        return whole.without_empty_rows()
    order = np.argsort(np.concatenate(refs), kind="stable")
    return whole.rows(order[whole.filled_rows()[order]])


def _count_steps(block: Block, context: Context) -> None:
    """One sample a series and step; which steps have none is looked at only if it is asked for."""
    budget, times = context.budget, context.grid.times_ms
    if budget.read_at is None:
        budget.count_read(times, np.full(len(times), len(block.labels), np.int64))
    else:
        budget.count_read(times, block.present().sum(axis=0))


def _count_windows(found: Windows, context: Context) -> None:
    """Every sample of every window; gaps are looked at only if it is asked for."""
    budget, times = context.budget, context.grid.times_ms
    if budget.read_at is None:
        budget.count_read(times, (found.hi - found.lo) * len(found.labels))
        return
    there = is_sample(found.values).sum(axis=0)
    if found.cells is not None:
        there += where_histograms(found.cells).sum(axis=0)
    before = np.concatenate([[0], np.cumsum(there)])
    budget.count_read(times, before[found.hi] - before[found.lo])
