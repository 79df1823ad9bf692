"""`histogram_quantile` and its kin, over classic and native histograms.

Rows that differ only by `le` (and name) are one classic histogram.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collector.model import histogram_estimates as estimates
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Float64s, filled, is_missing
from collector.query.block import (
    METADATA_LABELS,
    Block,
    are_histograms,
    merged,
    name_dropped,
    stacked,
    where_histograms,
)
from collector.query.dense_histograms import DenseHistograms
from collector.query.float_text import open_metrics_number
from collector.query.kernels import histogram_quantile as kernels
from collector.query.kernels.dense_histograms import COUNT, SUM
from collector.query.kernels.windows import read_only
from collector.query.operators.interface import Context, Operator, scalar, text, vector
from collector.query.operators.relabel import check_label_name
from collector.query.operators.remarks import Remarks
from collector.query.operators.window_function import warn_of_quantiles
from collector.query.positions import Span


@dataclass(frozen=True, slots=True)
class HistogramFunction:
    """`params` are the scalars: one quantile, or the two bounds of a fraction."""

    name: str
    inner: Operator
    params: tuple[Operator, ...]
    span: Span
    param_span: Span

    def run(self, context: Context) -> Block:
        """One row a histogram."""
        params = [scalar(param, context) for param in self.params]
        if self.name == "histogram_quantile":
            warn_of_quantiles(params[0], self.param_span, context)
        block = vector(self.inner, context)
        return estimated(self.name, block, params, self.span, context)

    def explain(self) -> str:
        """The function."""
        return self.name


@dataclass(frozen=True, slots=True)
class HistogramQuantiles:
    """`histogram_quantiles(v, label, q1, q2, …)`: the quantile's value becomes a label."""

    inner: Operator
    label: Operator
    quantiles: tuple[Operator, ...]
    span: Span
    quantile_spans: tuple[Span, ...]

    def run(self, context: Context) -> Block:
        """One row a histogram and quantile."""
        name = text(self.label, context)
        check_label_name(name, "label name")
        block = vector(self.inner, context)
        blocks = []
        for quantile, span in zip(self.quantiles, self.quantile_spans, strict=True):
            q = scalar(quantile, context)
            warn_of_quantiles(q, span, context)
            found = estimated("histogram_quantile", block, [q], self.span, context)
            value = open_metrics_number(float(q[0])) if len(q) else ""
            labels = [one.merged({name: value}) for one in found.labels]
            blocks.append(Block(labels, found.values, found.dropped))
        return merged(stacked(blocks, len(context.grid)))

    def explain(self) -> str:
        """The function."""
        return "histogram_quantiles"


@dataclass(frozen=True, slots=True)
class HistogramValue:
    """`histogram_count`, `_sum`, `_avg`, `_stddev`, `_stdvar` of native histograms."""

    name: str
    inner: Operator

    def run(self, context: Context) -> Block:
        """One row a series of histograms; floats have no such values."""
        block = vector(self.inner, context)
        out = filled(block.values.shape)
        dense = block.dense
        if dense is not None and self.name in _DENSE_VALUES:
            with np.errstate(all="ignore"):
                found_values = _DENSE_VALUES[self.name](dense.data)
            out[dense.there] = found_values[dense.there]
        elif block.histograms is not None:
            function = _VALUES[self.name]
            for row, step in np.argwhere(are_histograms(block.histograms)).tolist():
                out[row, step] = function(block.histograms[row, step])
        found = Block(block.labels, out, block.dropped).without_empty_rows()
        return name_dropped(found, context.delayed_name_removal)

    def explain(self) -> str:
        """The function."""
        return self.name


def _average(histogram: NativeHistogram) -> float:
    if histogram.count:
        return histogram.sum / histogram.count
    return math.nan if not histogram.sum else math.copysign(math.inf, histogram.sum)


def _standard_deviation(histogram: NativeHistogram) -> float:
    variance = estimates.variance(histogram)
    return math.sqrt(variance) if variance >= 0 else math.nan


_VALUES: dict[str, Callable[[NativeHistogram], float]] = {
    "histogram_count": lambda histogram: histogram.count,
    "histogram_sum": lambda histogram: histogram.sum,
    "histogram_avg": _average,
    "histogram_stddev": _standard_deviation,
    "histogram_stdvar": estimates.variance,
}


_DENSE_VALUES: dict[str, Callable[[Float64s], Float64s]] = {
    "histogram_count": lambda data: data[:, :, COUNT],
    "histogram_sum": lambda data: data[:, :, SUM],
    "histogram_avg": lambda data: data[:, :, SUM] / data[:, :, COUNT],
}


def estimated(
    name: str, block: Block, params: list[Float64s], span: Span, context: Context
) -> Block:
    """A quantile or fraction of each histogram; none where one is classic and native at once."""
    remarks = Remarks(context.annotations, span)
    if block.cells is None:
        return of_classic(name, block, params, remarks, context)
    dense = block.dense
    if name == "histogram_quantile" and dense is not None and _is_plain(block, dense):
        out = filled(dense.there.shape)
        out[dense.there] = dense.quantiles(params[0])[dense.there]
        found = Block(block.labels, out, block.dropped).without_empty_rows()
        return name_dropped(found, context.delayed_name_removal)
    floats = block.rows(np.asarray(block.floats().any(axis=1)))
    native = block.rows(np.asarray(where_histograms(block.cells).any(axis=1)))
    classic = of_classic(name, floats, params, remarks, context)
    both = _of_native(name, native, params, remarks, classic)
    return name_dropped(both, context.delayed_name_removal)


def _is_plain(block: Block, dense: DenseHistograms) -> bool:
    """Nothing but histograms, and none that may have NaN observations."""
    sums = dense.data[:, :, SUM][dense.there]
    return not (block.floats().any() or np.isnan(sums).any())


def _of_native(
    name: str, block: Block, params: list[Float64s], remarks: Remarks, classic: Block
) -> Block:
    if block.histograms is None:
        return classic
    out = filled(block.values.shape)
    row_of = {labels: row for row, labels in enumerate(classic.labels)}
    others = classic.values.copy()
    for row, labels in enumerate(block.labels):
        metric = labels.metric_name
        twin = row_of.get(labels, row_of.get(labels.without("le", *METADATA_LABELS)))
        for step in np.flatnonzero(are_histograms(block.histograms[row])).tolist():
            if twin is not None and not is_missing(others[twin : twin + 1, step : step + 1])[0, 0]:
                remarks.classic_beside_native(metric)
                others.view(np.int64)[twin, step] = MISSING_BITS
                continue
            histogram = block.histograms[row, step]
            if name == "histogram_quantile":
                out[row, step] = _quantile(params[0][step], histogram, metric, remarks)
            else:
                bounds = (float(params[0][step]), float(params[1][step]))
                out[row, step] = _fraction(*bounds, histogram, metric, remarks)
    kept = Block(classic.labels, others, classic.dropped).without_empty_rows()
    found = Block(block.labels, out, block.dropped).without_empty_rows()
    return stacked([found, kept], out.shape[1])


def _quantile(q: float, histogram: NativeHistogram, name: str, remarks: Remarks) -> float:
    value = estimates.quantile(float(q), histogram)
    if 0 <= q <= 1 and histogram.count and estimates.has_nan_observations(histogram):
        if math.isnan(value):
            remarks.nan_result(name)
        else:
            remarks.nan_skew(name)
    return value


def _fraction(
    lower: float, upper: float, histogram: NativeHistogram, name: str, remarks: Remarks
) -> float:
    value = estimates.fraction(lower, upper, histogram)
    if not math.isnan(value) and lower < upper and estimates.has_nan_observations(histogram):
        remarks.nan_fraction(name)
    return value


def of_classic(
    name: str, block: Block, params: list[Float64s], remarks: Remarks, context: Context
) -> Block:
    """Run a function of classic histograms on the rows that have a good `le`."""
    histograms = _histograms(block, remarks, context)
    order = np.array([row for rows in histograms.values() for _, row in rows], np.int64)
    bounds = np.array([bound for rows in histograms.values() for bound, _ in rows])
    starts = np.cumsum([0, *(len(rows) for rows in histograms.values())])
    out = filled((len(histograms), len(context.grid)))
    mended = np.zeros(len(histograms), np.int64)
    values = read_only(block.values[order])
    kernels.classic(
        values,
        values.view(np.int64),
        bounds,
        starts,
        name == "histogram_quantile",
        params[0],
        params[-1],
        out,
        out.view(np.int64),
        mended,
    )
    if mended.any():
        first = next(iter(histograms.values()))[0][1]
        remarks.forced_monotonicity(block.labels[first].metric_name)
    labels = list(histograms)
    dropped = np.array([block.dropped[rows[0][1]] for rows in histograms.values()], np.bool_)
    found = Block(labels, out, dropped).without_empty_rows()
    return name_dropped(found, context.delayed_name_removal)


def _histograms(
    block: Block, remarks: Remarks, context: Context
) -> dict[Labels, list[tuple[float, int]]]:
    """Rows by their labels without `le`, each list by ascending bound."""
    found: dict[Labels, list[tuple[float, int]]] = defaultdict(list)
    for row, labels in enumerate(block.labels):
        bound = parsed_bound(labels.get("le", ""))
        if bound is None:
            remarks.bad_bucket(labels.metric_name, labels.get("le", ""))
            continue
        delayed = context.delayed_name_removal
        key = labels.without("le") if delayed else labels.without("le", *METADATA_LABELS)
        found[key].append((bound, row))
    for rows in found.values():
        rows.sort()
    return found


def parsed_bound(text_: str) -> float | None:
    """The number of an `le` label; None when it is not one."""
    try:
        bound = float(text_.replace("_", "x"))
    except ValueError:
        return None
    return None if math.isnan(bound) else bound
