"""Binary operators where a side is a native histogram: one pair of cells at a time.

Histograms are added, subtracted and compared for equality; they are multiplied and divided by
numbers, and cut at numbers (`</`, `>/`). All else gives no sample and a remark. Source:
promql/engine.go of Prometheus 3 (`vectorElemBinop`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from collector.model.histogram_arithmetic import (
    Combined,
    IncompatibleBucketsError,
    add,
    subtract,
)
from collector.model.histogram_trim import trimmed_above, trimmed_below
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.samples import MISSING_BITS, Bools, Float64s
from collector.query.block import Histograms, are_histograms, no_histograms
from collector.query.operators.remarks import Remarks

TRIMS = ("</", ">/")
"""Operators that need a histogram on the left; no others do."""

Sample = float | NativeHistogram


def scaled(histograms: Histograms | None, factor: float) -> Histograms | None:
    """Every histogram times a number."""
    if histograms is None:
        return None
    out = no_histograms(histograms.shape)
    for row, step in np.argwhere(are_histograms(histograms)).tolist():
        out[row, step] = histograms[row, step].times(factor)
    return out


def apply_with_histograms(
    operator: str,
    lefts: tuple[Float64s, Histograms | None],
    rights: tuple[Float64s, Histograms | None],
    met: Bools,
    return_bool: bool,
    out: Float64s,
    remarks: Remarks,
) -> Histograms:
    """Put right the cells of `out` float64[n, t] in which a side is a histogram.

    Each side is (floats, histograms), of one shape with `met` bool[n, t], the cells where both
    sides have a sample. Gives those cells of the answer that are histograms.
    """
    answers = no_histograms(out.shape)
    involved = np.zeros(out.shape, np.bool_)
    for _, histograms in (lefts, rights):
        if histograms is not None:
            involved |= are_histograms(histograms)
    out.view(np.int64)[involved] = MISSING_BITS
    for row, step in np.argwhere(met & involved).tolist():
        left, right = _cell(lefts, row, step), _cell(rights, row, step)
        answer = _combined(operator, left, right, return_bool, remarks)
        if isinstance(answer, NativeHistogram):
            answers[row, step] = answer
        elif answer is not None:
            out[row, step] = answer
    return answers


def note_trimmed_floats(operator: str, met: Bools, remarks: Remarks) -> None:
    """Say so where `</` or `>/` stands between floats."""
    if operator in TRIMS and met.any():
        remarks.incompatible_types("float", operator, "float")


def _cell(side: tuple[Float64s, Histograms | None], row: int, step: int) -> Sample:
    floats, histograms = side
    if histograms is not None and histograms[row, step] is not None:
        found: NativeHistogram = histograms[row, step]
        return found
    return float(floats[row, step])


def _combined(
    operator: str, left: Sample, right: Sample, return_bool: bool, remarks: Remarks
) -> Sample | None:
    if isinstance(left, NativeHistogram) and isinstance(right, NativeHistogram):
        if operator in ("==", "!="):
            holds = left.equals(right) == (operator == "==")
            if return_bool:
                return float(holds)
            return left if holds else None
        if operator in _SUMS:
            return _sum(operator, left, right, remarks)
    elif isinstance(left, NativeHistogram) and not isinstance(right, NativeHistogram):
        if operator in _WITH_NUMBER:
            return _WITH_NUMBER[operator](left, right)
    elif operator == "*" and isinstance(right, NativeHistogram) and isinstance(left, float):
        return right.times(left)
    remarks.incompatible_types(_kind(left), operator, _kind(right))
    return None


def _sum(
    operator: str, left: NativeHistogram, right: NativeHistogram, remarks: Remarks
) -> NativeHistogram | None:
    operation, combine = _SUMS[operator]
    try:
        found = combine(left, right)
    except IncompatibleBucketsError:
        remarks.incompatible_layout(operator)
        return None
    if found.collision:
        remarks.collision(operation)
    if found.reconciled:
        remarks.reconciled(operation)
    if operator == "-":
        return found.histogram.with_hint(ResetHint.GAUGE)
    return found.histogram


_SUMS: dict[str, tuple[str, Callable[[NativeHistogram, NativeHistogram], Combined]]] = {
    "+": ("addition", add),
    "-": ("subtraction", subtract),
}
_WITH_NUMBER: dict[str, Callable[[NativeHistogram, float], NativeHistogram]] = {
    "*": NativeHistogram.times,
    "/": NativeHistogram.divided_by,
    "</": trimmed_above,
    ">/": trimmed_below,
}


def _kind(sample: Sample) -> str:
    return "histogram" if isinstance(sample, NativeHistogram) else "float"
