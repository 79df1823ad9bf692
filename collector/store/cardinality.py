"""Which metric names, labels and label pairs have the most series: who fills the store.

Pure: the index's counts in, lists out. Source of the lists: `PostingsStats` in tsdb/index of
Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest

from collector.model.histogram_columns import COMPONENT
from collector.model.labels import METRIC_NAME

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
    series: int,
    by_label: Mapping[str, Mapping[str, int]],
    limit: int,
    *,
    chunks: int = 0,
    first_ms: int = 0,
    last_ms: int = 0,
) -> Cardinality:
    """The longest entries of each list; `by_label` counts the series by label name and value.

    Of a native histogram only the histogram is told, not its columns.
    """
    told = {name: values for name, values in by_label.items() if name != COMPONENT}
    return Cardinality(
        series=series,
        label_pairs=sum(map(len, told.values())),
        chunks=chunks,
        first_ms=first_ms,
        last_ms=last_ms,
        series_by_metric=_top(told.get(METRIC_NAME, {}).items(), limit),
        values_by_label=_top(((name, len(values)) for name, values in told.items()), limit),
        bytes_by_label=_top(((name, _bytes(values)) for name, values in told.items()), limit),
        series_by_pair=_top(_pairs(told, limit), limit),
    )


def _pairs(by_label: Mapping[str, Mapping[str, int]], limit: int) -> Iterator[tuple[str, int]]:
    """`name=value` of the values that may be among the first: of no label more than `limit`."""
    for name, values in by_label.items():
        for value, count in _top(values.items(), limit):
            yield f"{name}={value}", count


def _bytes(values: Iterable[str]) -> int:
    return sum(len(value.encode("utf-8", "surrogateescape")) for value in values)


def _top(counts: Iterable[tuple[str, int]], limit: int) -> Counts:
    return tuple(nsmallest(limit, counts, key=lambda item: (-item[1], item[0])))
