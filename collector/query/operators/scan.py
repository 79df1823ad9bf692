"""Reads selectors from a `Querier`: the newest sample at each step, or windows of samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from collector.model.samples import Int64s, filled
from collector.query.ast import Extension
from collector.query.block import Block, stacked, undropped
from collector.query.kernels import extended
from collector.query.kernels import windows as kernels
from collector.query.operators.interface import Context, Windows, windows_over

_NO_TIME = np.iinfo(np.int64).min


def evaluation_times(context: Context, offset_ms: int, at_ms: int | None) -> Int64s:
    """Where each step looks (int64[t], ms): `@` wins over the step, the offset comes after."""
    times = context.grid.times_ms
    if at_ms is not None:
        times = np.full_like(times, at_ms)
    return times - offset_ms


@dataclass(frozen=True, slots=True)
class Scan:
    """An instant vector selector; with `times`, the samples' times in seconds are the values."""

    matchers: tuple[Matcher, ...]
    offset_ms: int
    at_ms: int | None
    times: bool = False

    def run(self, context: Context) -> Block:
        """The newest sample within the lookback of each step."""
        return self.read_at(context, evaluation_times(context, self.offset_ms, self.at_ms))

    def read_at(self, context: Context, ends: Int64s) -> Block:
        """The newest sample within the lookback of each of these times (int64[t], ascending)."""
        if not len(ends):
            return stacked([], 0)
        starts = ends - context.lookback_ms
        blocks = []
        for found in _read(context, self.matchers, starts, ends):
            shape = (len(found.labels), len(ends))
            context.budget.load(shape[0] * shape[1])
            values = filled(shape)
            bits = kernels.read_only(found.values.view(np.int64))
            if self.times:
                times = np.empty(shape, np.int64)
                stamps = kernels.read_only(found.timestamps_ms)
                kernels.latest_times(bits, stamps, found.lo, found.hi, times)
                some = times != _NO_TIME
                values[some] = times[some] / 1000
            else:
                kernels.latest(bits, found.lo, found.hi, values.view(np.int64))
            blocks.append(undropped(found.labels, values).without_empty_rows())
        return stacked(blocks, len(ends))

    def explain(self) -> str:
        """What is read."""
        return f"scan {', '.join(map(str, self.matchers))}"


@dataclass(frozen=True, slots=True)
class SmoothedScan:
    """An instant vector selector whose values lie on lines between samples."""

    matchers: tuple[Matcher, ...]
    offset_ms: int
    at_ms: int | None

    def run(self, context: Context) -> Block:
        """The value between the samples within the lookback to both sides of each step."""
        at = evaluation_times(context, self.offset_ms, self.at_ms)
        if not len(at):
            return stacked([], 0)
        reach = context.lookback_ms
        blocks = []
        for found in _read(context, self.matchers, at - reach, at + reach):
            out = filled((len(found.labels), len(at)))
            context.budget.load(out.size)
            values = kernels.read_only(found.values)
            stamps = kernels.read_only(found.timestamps_ms)
            middle = np.searchsorted(stamps, at, side="right")
            sides = (found.lo, middle, found.hi)
            into = (out, out.view(np.int64))
            extended.interpolated(stamps, values, values.view(np.int64), *sides, at, *into)
            blocks.append(undropped(found.labels, out).without_empty_rows())
        return stacked(blocks, len(at))

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
        starts = ends - self.range_ms
        before = context.lookback_ms if self.extension else 0
        after = context.lookback_ms if self.extension == "smoothed" else 0
        found = _read(context, self.matchers, starts - before, ends + after)
        for one in found:
            context.budget.load(one.values.size)
        if not self.extension:
            return found
        return [replace(one, starts_ms=starts, ends_ms=ends) for one in found]

    def explain(self) -> str:
        """What is read."""
        return f"scan windows of {self.range_ms} ms of {', '.join(map(str, self.matchers))}"


def _read(
    context: Context, matchers: tuple[Matcher, ...], starts: Int64s, ends: Int64s
) -> list[Windows]:
    slices = context.querier.select(matchers, int(starts.min()), int(ends.max()))
    return [
        windows_over(
            part.labels,
            np.zeros(len(part.labels), np.bool_),
            part.timestamps_ms,
            part.values,
            starts,
            ends,
        )
        for part in slices
    ]
