"""Keeps two histograms of one time apart: what is refused of a family is refused of all of it.

The columns of a native histogram are series of their own. A second histogram of the same time
would lose its `count` to the one that is there and bring along those buckets that the first one
lacks, and readers would get a mixture of both.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import numpy as np

from collector.model.histogram_columns import COMPONENT, without_component
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Float64s, Int64s, is_missing
from collector.store.series_table import SeriesTable

COUNT = "count"
"""The component that says whether a row has a histogram."""


class Samples(Protocol):
    """Who knows what is there."""

    labels: SeriesTable

    def value_at(self, ref: int, at_ms: int) -> Float64s | None:
        """The sample of a series at exactly this time."""
        ...


def without_mixed(
    there: Samples, at_ms: int, refs: Int64s, values: Float64s, refused: Counter[str]
) -> Float64s:
    """`values` without the components that a histogram of this time lacks, which is there already.

    The others are left for the comparison that every sample goes through. Counts what it refuses.
    """
    columns: dict[Labels, list[int]] = {}
    for i in np.flatnonzero(~is_missing(values)).tolist():
        labels = there.labels[int(refs[i])]
        if COMPONENT in labels:
            columns.setdefault(without_component(labels), []).append(i)
    foreign = []
    for family, members in columns.items():
        count = there.labels.ref_of.get(family.merged({COMPONENT: COUNT}))
        if count is not None and there.value_at(count, at_ms) is not None:
            foreign += [i for i in members if there.value_at(int(refs[i]), at_ms) is None]
    if foreign:
        values = values.copy()
        refused["duplicate"] += int(np.count_nonzero(values[foreign]))
        values.view(np.int64)[foreign] = MISSING_BITS
    return values
