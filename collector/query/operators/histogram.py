"""`histogram_quantile`, `histogram_quantiles` and `histogram_fraction` over classic histograms.

Rows that differ only by `le` (and name) are one histogram. Native histograms will come beside.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from collector.model.labels import Labels
from collector.model.samples import Float64s, filled
from collector.query.block import METADATA_LABELS, Block, merged, name_dropped, stacked
from collector.query.float_text import open_metrics_number
from collector.query.kernels import histogram_quantile as kernels
from collector.query.kernels.windows import read_only
from collector.query.operators.interface import Context, Operator, scalar, text, vector
from collector.query.operators.relabel import check_label_name
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
        return of_classic(self.name, block, params, self.span, context)

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
            found = of_classic("histogram_quantile", block, [q], self.span, context)
            value = open_metrics_number(float(q[0])) if len(q) else ""
            labels = [one.merged({name: value}) for one in found.labels]
            blocks.append(Block(labels, found.values, found.dropped))
        return merged(stacked(blocks, len(context.grid)))

    def explain(self) -> str:
        """The function."""
        return "histogram_quantiles"


def of_classic(
    name: str, block: Block, params: list[Float64s], span: Span, context: Context
) -> Block:
    """Run a function of classic histograms on the rows that have a good `le`."""
    histograms = _histograms(block, span, context)
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
        _note_mending(block, histograms, span, context)
    labels = list(histograms)
    dropped = np.array([block.dropped[rows[0][1]] for rows in histograms.values()], np.bool_)
    found = Block(labels, out, dropped).without_empty_rows()
    return name_dropped(found, context.delayed_name_removal)


def _histograms(
    block: Block, span: Span, context: Context
) -> dict[Labels, list[tuple[float, int]]]:
    """Rows by their labels without `le`, each list by ascending bound."""
    found: dict[Labels, list[tuple[float, int]]] = defaultdict(list)
    for row, labels in enumerate(block.labels):
        bound = parsed_bound(labels.get("le", ""))
        if bound is None:
            context.annotations.warn(
                f'bucket label "le" is missing or has a malformed value of '
                f'"{labels.get("le", "")}" for metric name "{labels.metric_name}"',
                span,
            )
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


def _note_mending(
    block: Block,
    histograms: dict[Labels, list[tuple[float, int]]],
    span: Span,
    context: Context,
) -> None:
    row = next(iter(histograms.values()))[0][1]
    name = block.labels[row].metric_name
    context.annotations.inform(
        "input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        f' for metric name "{name}"',
        span,
    )
