"""Journal entries to what an endpoint is sent: external labels, relabelling, shards. Pure.

The columns of a native histogram are put together again here. What is decided about a series is
decided once a layout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from collector.forward.journal_reader import Entry, JournalRow, Layout
from collector.ingest.formats.remote_write_encoder import Item, Series
from collector.ingest.relabel import Relabel
from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Int64s


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the samples an endpoint gets."""

    relabel: Relabel
    external_labels: Mapping[str, str] = field(default_factory=dict)
    histograms: bool = False
    exemplars: bool = False
    age_limit_ms: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """The columns of one histogram in a layout."""

    series: Series
    components: list[str]
    positions: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What becomes of the columns of a layout."""

    floats: list[tuple[int, Series]]
    histograms: list[_Family]
    unwanted: int


class Batcher:
    """Makes items of entries; counts what does not become one, by reason."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._series: dict[Labels, Series | None] = {}
        self.left_out: Counter[str] = Counter()

    def items(self, entry: Entry, now_ms: int) -> list[Item]:
        """The samples of a row, or the exemplars, that are to be sent."""
        if not isinstance(entry, JournalRow):
            return self._exemplars(entry)
        limit_ms = self._choice.age_limit_ms
        if limit_ms and entry.timestamp_ms < now_ms - limit_ms:
            self.left_out["too_old"] += len(entry.values)
            return []
        plan = self._plan(entry.layout)
        if plan.unwanted:
            self.left_out["native_histogram"] += plan.unwanted
        items = self._floats(entry, plan)
        for family in plan.histograms:
            items += self._histogram(entry, family)
        return items

    def forget(self) -> None:
        """Series of a segment that has been read."""
        self._series.clear()

    def _floats(self, row: JournalRow, plan: _Plan) -> list[Item]:
        bits = row.values.view(np.int64)
        there = bits != MISSING_BITS
        values = row.values.tolist()
        starts = [0] * len(values) if row.start_ms is None else row.start_ms.tolist()
        return [
            Item(series, row.timestamp_ms, values[at], starts[at])
            for at, series in plan.floats
            if there[at]
        ]

    def _histogram(self, row: JournalRow, family: _Family) -> list[Item]:
        cells = row.values[family.positions].reshape(-1, 1)
        (sample,) = assembled(family.components, cells)
        if sample is None:
            return []
        start_ms = 0 if row.start_ms is None else int(row.start_ms[family.positions[0]])
        value: float | NativeHistogram = sample
        return [Item(family.series, row.timestamp_ms, value, start_ms, is_histogram=True)]

    def _exemplars(self, exemplars: Sequence[Exemplar]) -> list[Item]:
        if not self._choice.exemplars:
            return []
        found = [(self._series_of(one.series), one) for one in exemplars]
        return [Item(series, one.timestamp_ms, one) for series, one in found if series is not None]

    def _plan(self, layout: Layout) -> _Plan:
        if isinstance(layout.plan, _Plan):
            return layout.plan
        floats: list[tuple[int, Series]] = []
        families: dict[Labels, list[int]] = {}
        for position, labels in enumerate(layout.labels):
            if labels.get(COMPONENT):
                families.setdefault(without_component(labels), []).append(position)
                continue
            series = self._series_of(labels)
            if series is not None:
                floats.append((position, series))
        layout.plan = _Plan(floats, *self._families(layout, families))
        return layout.plan

    def _families(
        self, layout: Layout, families: Mapping[Labels, list[int]]
    ) -> tuple[list[_Family], int]:
        found, unwanted = [], 0
        for labels, positions in families.items():
            series = self._series_of(labels)
            components = [layout.labels[position][COMPONENT] for position in positions]
            if series is None or "count" not in components:
                continue
            if self._choice.histograms:
                found.append(_Family(series, components, np.array(positions, dtype=np.int64)))
            else:
                unwanted += 1
        return found, unwanted

    def _series_of(self, labels: Labels) -> Series | None:
        """The series as the endpoint gets it, None when relabelling drops it."""
        if labels not in self._series:
            told = Labels({**self._choice.external_labels, **dict(labels.pairs)})
            sent = self._choice.relabel(told)
            self._series[labels] = None if not sent else Series(sent, hash(sent))
        return self._series[labels]


def sharded(items: Sequence[Item], shards: int, max_samples: int) -> list[list[list[Item]]]:
    """For each shard its requests in order; the samples of a series stay in one shard."""
    if shards == 1:
        split: list[list[Item]] = [list(items)]
    else:
        split = [[] for _ in range(shards)]
        for item in items:
            split[item.series.key % shards].append(item)
    return [
        [part[begin : begin + max_samples] for begin in range(0, len(part), max_samples)]
        for part in split
        if part
    ]


def shard_count(pending: int, capacity: int, fewest: int, most: int) -> int:
    """As many shards as what is pending fills."""
    return max(fewest, min(most, -(-pending // max(capacity, 1))))
