"""Sums and differences of native histograms that tell when bounds had to be reconciled.

All raise IncompatibleBucketsError where exponential buckets meet custom ones.
"""

from __future__ import annotations

from collector.model.histogram_arithmetic import add, subtract
from collector.model.histograms import NativeHistogram
from collector.query.operators.remarks import Remarks


def added(left: NativeHistogram, right: NativeHistogram, remarks: Remarks) -> NativeHistogram:
    """Left plus right."""
    combined = add(left, right)
    if combined.reconciled:
        remarks.reconciled("addition")
    return combined.histogram


def subtracted(left: NativeHistogram, right: NativeHistogram, remarks: Remarks) -> NativeHistogram:
    """Left minus right."""
    combined = subtract(left, right)
    if combined.reconciled:
        remarks.reconciled("subtraction")
    return combined.histogram
