"""`Vector`, `Matrix`, `RawSeries`, `Scalar`, `Text`: what a query answers, with its annotations.

In a `Matrix`, a cell without a value has the MISSING payload (`collector.model.samples`), so an
ordinary NaN is a value. Native histograms stand in `histograms`, an array of objects of the same
shape (NativeHistogram or None), where `values` is MISSING; it is None where there is none at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s
from collector.query.block import Histograms
from collector.query.explanation import PlanStep

HistogramSamples = tuple[tuple[int, NativeHistogram], ...]
"""(timestamp_ms, histogram) in the order of time."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Values at one time: `values` float64[n] beside `labels`; `timestamp_ms` of the evaluation."""

    labels: Sequence[Labels]
    values: Float64s
    timestamp_ms: int
    histograms: Histograms | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Values over steps: `timestamps_ms` int64[t], `values` float64[n, t], MISSING where none.

    Series without any value are left out; series are sorted by labels.
    """

    labels: Sequence[Labels]
    timestamps_ms: Int64s
    values: Float64s
    histograms: Histograms | None = None


@dataclass(frozen=True, slots=True)
class RawSeries:
    """An instant query on a range selector: each series with timestamps of its own.

    `samples[i]` is (timestamps_ms int64[m], values float64[m]) of `labels[i]`, and `histograms[i]`
    its native histograms.
    """

    labels: Sequence[Labels]
    samples: Sequence[tuple[Int64s, Float64s]]
    histograms: Sequence[HistogramSamples] | None = None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number at one time."""

    value: float
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Text:
    """One string at one time."""

    value: str
    timestamp_ms: int


Value = Vector | Matrix | RawSeries | Scalar | Text


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a query cost, as `stats` of the API tells it.

    `samples` were read over all steps, `peak_samples` were in memory at once;
    `samples_per_step` holds (timestamp_ms, samples read) and is empty unless it was asked for.
    """

    queue_seconds: float = 0.0
    prepare_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    sort_seconds: float = 0.0
    samples: int = 0
    peak_samples: int = 0
    samples_per_step: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A value with the warnings and infos that Prometheus's API sends beside it.

    `plan` is what the operators did, where that was asked for.
    """

    value: Value
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    statistics: Statistics = Statistics()
    plan: PlanStep | None = None
