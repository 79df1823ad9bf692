"""sum and avg over groups that hold native histograms: one group and step at a time.

Source: promql/engine.go of Prometheus 3 (`aggregation`).
"""

from __future__ import annotations

import numpy as np

from collector.model.histogram_arithmetic import IncompatibleBucketsError
from collector.model.histogram_sum import HistogramSum
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.samples import MISSING_BITS, Float64s, Int64s
from collector.query.block import Block, Cells, no_histograms, where_histograms
from collector.query.operators.remarks import Remarks


def aggregate_histograms(
    operator: str, block: Block, groups: Int64s, out: Float64s, remarks: Remarks
) -> Cells | None:
    """Put right the cells of `out` (float64[g, t]) whose groups hold histograms.

    `groups` int64[n] is the group of each row of `block`. Gives the sums (or means) of those that
    hold nothing else; a group with both kinds has no value. Operators that know only floats have
    left histograms out, and say so.
    """
    if block.cells is None:
        return None
    there = where_histograms(block.cells)
    if operator not in ("sum", "avg"):
        if there.any():
            remarks.ignored_in_aggregation(operator)
        return None
    dense = block.dense
    if dense is not None and not block.floats().any() and not dense.has_hint(ResetHint.RESET):
        summed = dense.summed(groups, len(out), operator == "avg")
        if summed is not None:
            return summed
    histograms = block.histograms
    if histograms is None:
        return None
    answers = no_histograms(out.shape)
    floats = np.zeros(out.shape, np.int64)
    np.add.at(floats, groups, block.floats())
    members = np.zeros(out.shape, np.int64)
    np.add.at(members, groups, there)
    for group, step in np.argwhere(members > 0).tolist():
        out.view(np.int64)[group, step] = MISSING_BITS
        if floats[group, step]:
            remarks.mixed_kinds_in_aggregation()
            continue
        rows = np.flatnonzero((groups == group) & there[:, step]).tolist()
        cells = [(block.labels[row].metric_name, histograms[row, step]) for row in rows]
        answers[group, step] = _aggregated(operator, cells, remarks)
    return answers


def _aggregated(
    operator: str, cells: list[tuple[str, NativeHistogram]], remarks: Remarks
) -> NativeHistogram | None:
    total = HistogramSum(cells[0][1])
    for name, histogram in cells[1:]:
        try:
            if operator == "sum":
                total.take(histogram)
            else:
                total.take_for_mean(histogram)
        except IncompatibleBucketsError:
            remarks.mixed_schemas(name)
            return None
    if total.collision:
        remarks.collision("aggregation")
    if total.reconciled:
        remarks.reconciled("aggregation")
    return total.total() if operator == "sum" else total.mean()
