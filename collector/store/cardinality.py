"""Which metric names, labels and label pairs have the most series: who fills the store.

Pure: label sets in, counts out. Source of the lists: `PostingsStats` in tsdb/index of Prometheus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest

from collector.model.histogram_columns import COMPONENT
from collector.model.labels import METRIC_NAME, Labels

Counts = tuple[tuple[str, int], ...]
"""(name, count), the largest first; equal ones by name."""


@dataclass(frozen=True, slots=True)
class Cardinality:
    """How full the store is; the lists have at most as many entries as were asked for.

    `series` counts label sets, `label_pairs` distinct pairs; `bytes_by_label` are those of a
    label's distinct values. Times are those of the oldest and the newest sample in the head.
    """

    series: int
    label_pairs: int
    chunks: int
    first_ms: int
    last_ms: int
    series_by_metric: Counts
    values_by_label: Counts
    bytes_by_label: Counts
    series_by_pair: Counts


def cardinality(
    series: Iterable[Labels], limit: int, *, chunks: int = 0, first_ms: int = 0, last_ms: int = 0
) -> Cardinality:
    """Count label sets; of the columns of a native histogram only the histogram is told."""
    pairs: Counter[tuple[str, str]] = Counter()
    count = 0
    for labels in series:
        count += 1
        pairs.update(labels.pairs)
    by_label: dict[str, dict[str, int]] = {}
    for (name, value), number in pairs.items():
        if name != COMPONENT:
            by_label.setdefault(name, {})[value] = number
    return Cardinality(
        series=count,
        label_pairs=sum(map(len, by_label.values())),
        chunks=chunks,
        first_ms=first_ms,
        last_ms=last_ms,
        series_by_metric=_top(by_label.get(METRIC_NAME, {}), limit),
        values_by_label=_top({name: len(values) for name, values in by_label.items()}, limit),
        bytes_by_label=_top({name: _bytes(values) for name, values in by_label.items()}, limit),
        series_by_pair=_top(
            {f"{n}={v}": k for n, values in by_label.items() for v, k in values.items()}, limit
        ),
    )


def _bytes(values: Iterable[str]) -> int:
    return sum(len(value.encode("utf-8", "surrogateescape")) for value in values)


def _top(counts: Mapping[str, int], limit: int) -> Counts:
    return tuple(nsmallest(limit, counts.items(), key=lambda item: (-item[1], item[0])))
