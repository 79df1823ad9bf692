"""The one road into the store: relabel, limit, append, count what was refused and why.

What is decided about a series (its labels after relabelling, its ref) is decided once and kept by
the layout's identity; a page with a known layout costs one array append.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from collector.ingest.formats.page import Layout, SeriesTable
from collector.ingest.limits import MAX_FUTURE_MS, SeriesLimits
from collector.model.clock import Clock, SystemClock
from collector.model.errors import InputError, LimitError
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch
from collector.self_metrics import IngestMetrics
from collector.store.interface import Appender

Origin = Literal["scrape", "otlp"]

TOO_FAR = "too_far_in_the_future"

_UNDECIDED, _DROPPED, _NO_ROOM = -1, -2, -3


class SampleWriter:
    """Appends rows and batches of one origin, and counts them."""

    def __init__(
        self,
        appender: Appender,
        metrics: IngestMetrics,
        origin: Origin,
        clock: Clock | None = None,
    ) -> None:
        self._appender = appender
        self._metrics = metrics
        self._origin = origin
        self._clock = clock or SystemClock()
        self._samples = metrics.samples.labels(origin)

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """Refs of these series (int64[n]), -1 for each that the series limit keeps out."""
        try:
            return self._appender.refs(source, labels)
        except LimitError:
            if len(labels) == 1:
                return np.array([-1], dtype=np.int64)
        return np.concatenate([self.refs(source, [one]) for one in labels])

    def row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> int:
        """Append one row; answers how many samples the store took. Raises StorageError."""
        if timestamp_ms > self._latest_ms():
            self.refuse(TOO_FAR, len(refs))
            return 0
        refused = self._appender.append_row(source, timestamp_ms, refs, values, start_ms)
        return self._count(len(refs), refused.by_reason)

    def batch(self, source: str, batch: SampleBatch) -> int:
        """Append samples at any timestamps; the same."""
        near = batch.timestamps_ms <= self._latest_ms()
        if not near.all():
            self.refuse(TOO_FAR, len(batch) - int(near.sum()))
            starts = None if batch.start_ms is None else batch.start_ms[near]
            batch = SampleBatch(
                batch.refs[near], batch.timestamps_ms[near], batch.values[near], starts
            )
        refused = self._appender.append(source, batch)
        return self._count(len(batch), refused.by_reason)

    def _latest_ms(self) -> int:
        """No sample is taken from after this: it would make every true one out of order."""
        return self._clock.now_ms() + MAX_FUTURE_MS

    def _count(self, offered: int, refused: Mapping[str, int]) -> int:
        for reason, count in refused.items():
            self.refuse(reason, count)
        taken = offered - sum(refused.values())
        self._samples.inc(taken)
        return taken

    def refuse(self, reason: str, count: int) -> None:
        """Count samples that do not go to the store."""
        if count:
            self._metrics.refused.labels(self._origin, reason).inc(count)

    def pass_over_exemplars(self, count: int) -> None:
        """Count exemplars, which are not kept."""
        if count:
            self._metrics.exemplars_unkept.labels(self._origin).inc(count)

    def describe(self, families: Mapping[str, Metadata]) -> None:
        """Hand over what metric families say of themselves."""
        for family, metadata in families.items():
            self._appender.set_metadata(family, metadata)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where a layout's samples go: `refs` (int64[m], distinct) take those at `positions`.

    `refused` counts by reason the samples that have no place.
    """

    refs: Int64s
    positions: Int64s
    refused: Mapping[str, int]


class Admission:
    """Decides for each series of one source whether it is stored, and as which ref."""

    def __init__(
        self,
        source: str,
        admit: Callable[[Labels], Labels | None],
        limits: SeriesLimits,
        writer: SampleWriter,
    ) -> None:
        self._source = source
        self._admit = admit
        self._limits = limits
        self._writer = writer
        self._table: SeriesTable | None = None
        self._ref_of: Int64s = np.empty(0, dtype=np.int64)
        self._layout: Layout | None = None
        self._placement: Placement | None = None

    def place(self, layout: Layout) -> Placement:
        """The placement of a layout: the same object for the same layout.

        Raises LimitError when a series or their count breaks a limit, InputError when relabelling
        left a series without a name. While the store has no room, each call asks it again.
        """
        if self._placement is not None and self._layout is layout:
            return self._placement
        found = self._ref_of_table(layout)[layout.indices]
        stored = np.flatnonzero(found >= 0)
        refs, first = np.unique(found[stored], return_index=True)
        order = np.argsort(first, kind="stable")
        self._limits.check_samples(len(stored))
        refused = {
            "relabelled_away": int((found == _DROPPED).sum()),
            "series_limit": int((found == _NO_ROOM).sum()),
            "duplicate_in_scrape": len(stored) - len(refs),
        }
        placement = Placement(refs[order], stored[first[order]], refused)
        self._layout = None if refused["series_limit"] else layout
        self._placement = placement
        return placement

    def _ref_of_table(self, layout: Layout) -> Int64s:
        """Ref of every index that the layout uses, or why it has none."""
        if self._table is not layout.table:
            self._table, self._ref_of = layout.table, np.empty(0, dtype=np.int64)
        missing = len(layout.table) - len(self._ref_of)
        if missing:
            grown = np.full(missing, _UNDECIDED, dtype=np.int64)
            self._ref_of = np.concatenate([self._ref_of, grown])
        used = self._ref_of[layout.indices]
        open_ = layout.indices[(used == _UNDECIDED) | (used == _NO_ROOM)]
        self._decide(np.unique(open_).tolist(), layout.table.labels)
        return self._ref_of

    def _decide(self, indices: list[int], labels: Sequence[Labels]) -> None:
        admitted = [(index, self._checked(labels[index])) for index in indices]
        for index, label_set in admitted:
            if label_set is None:
                self._ref_of[index] = _DROPPED
        kept = [(index, label_set) for index, label_set in admitted if label_set is not None]
        if kept:
            refs = self._writer.refs(self._source, [label_set for _, label_set in kept])
            self._ref_of[[index for index, _ in kept]] = np.where(refs < 0, _NO_ROOM, refs)

    def _checked(self, labels: Labels) -> Labels | None:
        admitted = self._admit(labels)
        if admitted is None:
            return None
        if not admitted.metric_name:
            raise InputError(
                f"relabelling left {labels} without a metric name",
                advice="mend metric_relabel_configs",
            )
        self._limits.check_labels(admitted)
        return admitted
