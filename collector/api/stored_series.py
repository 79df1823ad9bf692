"""Samples as they were stored, series by series: for remote read, federation and export.

The columns of a native histogram come back as the one series that they stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s, Int64s, filled, is_missing
from collector.store.interface import Querier

Histograms = Sequence[tuple[int, NativeHistogram | float]]
"""(timestamp_ms, histogram), or the STALE marker in its place."""


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """One series: `times_ms` int64[m] and `values` float64[m] (STALE by bits), or histograms."""

    labels: Labels
    times_ms: Int64s
    values: Float64s
    histograms: Histograms = ()


def stored_series(
    querier: Querier, matchers: Sequence[Matcher], after_ms: int, until_ms: int
) -> list[StoredSeries]:
    """Every series with a sample in `(after_ms, until_ms]`, sorted by labels."""
    floats: list[StoredSeries] = []
    families: dict[Labels, dict[str, StoredSeries]] = {}
    for part in querier.select(matchers, after_ms, until_ms):
        for row, labels in enumerate(part.labels):
            values = part.values[row]
            there = ~is_missing(np.ascontiguousarray(values))
            if not there.any():
                continue
            one = StoredSeries(labels, part.timestamps_ms[there], values[there])
            if component := labels.get(COMPONENT):
                families.setdefault(without_component(labels), {})[component] = one
            else:
                floats.append(one)
    found = floats + [_histogram(labels, columns) for labels, columns in families.items()]
    return sorted(found, key=lambda series: series.labels.pairs)


def _histogram(labels: Labels, columns: dict[str, StoredSeries]) -> StoredSeries:
    """The columns of one histogram, which need not have the same times, put together."""
    times = np.unique(np.concatenate([one.times_ms for one in columns.values()]))
    cells = filled((len(columns), len(times)))
    for row, one in enumerate(columns.values()):
        cells[row, np.searchsorted(times, one.times_ms)] = one.values
    samples = assembled(list(columns), cells) if "count" in columns else []
    pairs = zip(times.tolist(), samples, strict=False)
    told = [(time, sample) for time, sample in pairs if sample is not None]
    return StoredSeries(labels, times[:0], cells[0, :0], told)
