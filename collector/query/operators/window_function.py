"""Applies a kernel over windows: rate and its kin, `*_over_time`, regressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.histograms import ResetHint
from collector.model.samples import Bools, Float64s, Int64s, filled
from collector.query.block import Block, Cells, name_dropped
from collector.query.dense_histograms import DenseHistograms
from collector.query.float_text import shortest
from collector.query.functions import FUNCTIONS
from collector.query.kernels import extended, over_time, rate, regression, started
from collector.query.kernels.windows import read_only
from collector.query.operators.extended_histograms import apply_extended
from collector.query.operators.histogram_windows import apply_to_histograms
from collector.query.operators.interface import (
    Context,
    Operator,
    Windows,
    WindowSource,
    scalar,
)
from collector.query.operators.remarks import Remarks
from collector.query.operators.scan import in_order
from collector.query.positions import Span

_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_EXTRAPOLATED = frozenset(("rate", "increase", "delta"))
_STARTED = {
    "rate": started.EXTRAPOLATED,
    "increase": started.EXTRAPOLATED,
    "irate": started.LAST_TWO,
    "resets": started.RESETS,
}
"""Functions of counters that start timestamps change."""


@dataclass(frozen=True, slots=True)
class WindowFunction:
    """A function of the family `window`; `params` are its scalars, in order.

    `name_is_unused`: who takes the answer does not look at the metric's name, so it may stay.
    """

    name: str
    source: WindowSource
    params: tuple[Operator, ...]
    span: Span
    source_span: Span
    param_span: Span
    name_is_unused: bool = False

    def run(self, context: Context) -> Block:
        """Its value at each step, MISSING where a window has too few samples."""
        params = [scalar(param, context) for param in self.params]
        self._check(params, context)
        steps = len(context.grid)
        blocks = []
        found = self.source.windows(context)
        for windows in found:
            context.budget.load(len(windows.labels) * steps)
            values = self._apply(windows, params, context)
            cells = self._histograms(windows, values, context)
            blocks.append(Block(windows.labels, values, windows.dropped, cells))
        return self.finished(in_order(blocks, found, steps), context)

    def finished(self, block: Block, context: Context) -> Block:
        """The values, however they were found, under the names that they go by."""
        if self.name in ("rate", "increase"):
            self._note_gauges(block, context)
        if self.name_is_unused or FUNCTIONS[self.name].keeps_name:
            return block
        return name_dropped(block, context.delayed_name_removal)

    def explain(self) -> str:
        """The function."""
        return self.name

    def _apply(self, windows: Windows, params: list[Float64s], context: Context) -> Float64s:
        steps = len(context.grid)
        out = filled((len(windows.labels), steps))
        values = read_only(windows.values)
        bits = values.view(np.int64)
        times = read_only(windows.timestamps_ms)
        common = (times, values, bits, windows.lo, windows.hi)
        if self.source.extension:
            self._apply_extended(windows, common, out)
        elif windows.began_ms is not None and self.name in _STARTED:
            self._apply_started(windows, windows.began_ms, out, context)
        elif self.name in _EXTRAPOLATED:
            seconds = self.source.range_ms / 1000 if self.name == "rate" else 1.0
            bounds = (windows.starts_ms, windows.ends_ms)
            is_counter = self.name != "delta"
            rate.extrapolated(*common, *bounds, is_counter, seconds, out, out.view(np.int64))
        elif self.name in ("irate", "idelta"):
            rate.last_two(*common, self.name == "irate", out, out.view(np.int64))
        elif self.name in ("deriv", "predict_linear"):
            ahead = params[0] if params else np.zeros(steps)
            predicts = self.name == "predict_linear"
            into = (out, out.view(np.int64))
            regression.regressions(*common, context.grid.times_ms, ahead, predicts, *into)
        else:
            zeros = np.zeros(steps)
            first = params[0] if params else zeros
            second = params[1] if len(params) > 1 else zeros
            at_least = 2 if self.name in over_time.NEEDS_TWO else 1
            over_time.over_time(
                over_time.CODES[self.name],
                *common,
                at_least,
                first,
                second,
                out,
                out.view(np.int64),
            )
        return out

    def _histograms(self, windows: Windows, out: Float64s, context: Context) -> Cells | None:
        """The cells of the answer that are histograms; puts floats right where they took part."""
        if windows.cells is None:
            return None
        dense = self._dense_rates(windows)
        if dense is not None:
            return dense
        remarks = Remarks(context.annotations, self.source_span)
        if self.source.extension:
            smoothed = self.source.extension == "smoothed"
            seconds = self.source.range_ms / 1000 if self.name == "rate" else 1.0
            return apply_extended(self.name, windows, smoothed, seconds, out, remarks)
        return apply_to_histograms(self.name, windows, self.source.range_ms, out, remarks)

    def _dense_rates(self, windows: Windows) -> DenseHistograms | None:
        """rate and increase of counters of one layout; None for all that needs a closer look."""
        dense = windows.dense
        if dense is None or self.name not in ("rate", "increase") or self.source.extension:
            return None
        if windows.began_ms is not None or dense.has_hint(ResetHint.GAUGE):
            return None
        seconds = self.source.range_ms / 1000 if self.name == "rate" else 1.0
        bounds = (windows.starts_ms, windows.ends_ms)
        return dense.rates(windows.timestamps_ms, (windows.lo, windows.hi), bounds, seconds)

    def _apply_started(
        self, windows: Windows, began_ms: Int64s, out: Float64s, context: Context
    ) -> None:
        values = read_only(windows.values)
        contradicts = np.zeros(len(windows.labels), np.int64)
        started.started(
            _STARTED[self.name],
            read_only(windows.timestamps_ms),
            values,
            values.view(np.int64),
            read_only(began_ms),
            windows.lo,
            windows.hi,
            windows.starts_ms,
            windows.ends_ms,
            self.source.range_ms / 1000 if self.name == "rate" else 1.0,
            out,
            out.view(np.int64),
            contradicts,
        )
        for row in np.flatnonzero(contradicts).tolist():
            name = windows.labels[row].metric_name
            Remarks(context.annotations, self.source_span).start_overlaps(name)

    def _apply_extended(
        self,
        windows: Windows,
        common: tuple[Int64s, Float64s, Int64s, Int64s, Int64s],
        out: Float64s,
    ) -> None:
        kind = {"changes": extended.CHANGES, "resets": extended.RESETS}.get(
            self.name, extended.RATE
        )
        seconds = self.source.range_ms / 1000 if self.name == "rate" else 1.0
        extended.extended(
            kind,
            *common,
            windows.starts_ms,
            windows.ends_ms,
            self.source.extension == "smoothed",
            self.name != "delta",
            seconds,
            out,
            out.view(np.int64),
        )

    def _check(self, params: list[Float64s], context: Context) -> None:
        if self.name == "quantile_over_time":
            warn_of_quantiles(params[0], self.param_span, context)
        if self.name == "double_exponential_smoothing":
            for label, values in zip(("smoothing", "trend"), params, strict=True):
                bad: Bools = (values <= 0) | (values >= 1)
                if bad.any():
                    short = "sf" if label == "smoothing" else "tf"
                    worst = float(values[bad][0])
                    raise EvaluationError(
                        f"invalid {label} factor. Expected: 0 < {short} < 1, got: {worst:f}"
                    )

    def _note_gauges(self, block: Block, context: Context) -> None:
        if block.cells is not None:
            block = block.rows(np.asarray(block.floats().any(axis=1)))
        if not block.labels:
            return
        known = self.source.metric_name
        for name in {known} if known else {labels.metric_name for labels in block.labels}:
            if name and not name.endswith(_COUNTER_SUFFIXES):
                context.annotations.inform(
                    "metric might not be a counter, name does not end in "
                    f'_total/_sum/_count/_bucket: "{name}"',
                    self.source_span,
                )


def warn_of_quantiles(values: Float64s, span: Span, context: Context) -> None:
    """Warn of each distinct quantile outside of [0, 1]."""
    bad = np.isnan(values) | (values < 0) | (values > 1)
    for value in dict.fromkeys(shortest(float(value)) for value in values[bad]):
        context.annotations.warn(f"quantile value should be between 0 and 1, got {value}", span)
