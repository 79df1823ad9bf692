"""Decides for each series of a scrape target whether it is stored, and as which ref.

What is decided about a series (its labels after relabelling, its ref) is decided once and kept by
the layout's identity; a page with a known layout costs one array append.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from collector.ingest.formats.page import Layout, Series
from collector.ingest.formats.reserved_label import moved_aside
from collector.ingest.limits import SeriesLimits
from collector.ingest.series_gate import REASONS, reason_of
from collector.ingest.write import SampleWriter
from collector.model.errors import InputError, LimitError
from collector.model.histogram_columns import COMPONENT
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s

RETRY_MS = 30_000
"""A series that was refused is asked for again after so long: room may have come."""

_UNDECIDED, _DROPPED, _WAITING, _REFUSED = -1, -2, -3, -10
"""Places of series that have none; _REFUSED and below: the gate's answer, moved by _REFUSED."""
_NOWHERE: Int64s = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where a layout's samples go: `refs` (int64[m], distinct) take those at `positions`.

    Samples at `extra` (int64[k]) are added to the places `onto` (int64[k]) of refs that stand for
    many series. Samples at `again` (int64[r]) are of series that a sample before them has,
    `again_refs` (int64[r]). `refused` counts by reason the samples that a limit or relabelling left
    no place; `relabelled` is how many samples relabelling left, `scraped` how many there were, a
    native histogram being one.
    """

    refs: Int64s
    positions: Int64s
    refused: Mapping[str, int]
    extra: Int64s
    onto: Int64s
    again: Int64s
    again_refs: Int64s
    scraped: int
    relabelled: int

    def values(self, page_values: Float64s) -> Float64s:
        """The page's values beside `refs` (float64[m])."""
        values = page_values[self.positions]
        if len(self.extra):
            np.add.at(values, self.onto, page_values[self.extra])
        return values

    def left_out(self) -> Mapping[str, int]:
        """Samples that a guard kept out, by reason."""
        return {reason: count for reason, count in self.refused.items() if reason in REASONS}


@dataclass(frozen=True, slots=True)
class Partial:
    """How far a scrape got that failed: samples read, samples left by relabelling, their labels."""

    scraped: int = 0
    relabelled: int = 0
    labels: tuple[Labels, ...] = ()


class Admission:
    """Admits the series of one source."""

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
        self._table: Series | None = None
        self._ref_of: Int64s = _NOWHERE
        self._weights: Int64s = _NOWHERE
        self._waiting: dict[int, Labels] = {}
        self._retry_ms: int | None = None
        self._layout: Layout | None = None
        self._placement: Placement | None = None

    def place(self, layout: Layout) -> Placement:
        """The placement of a layout: the same object for the same layout.

        Raises LimitError when a series or their count breaks a limit of the scrape section, and
        InputError when relabelling left a series without a name: then no series was made. What a
        guard kept out is asked for again after RETRY_MS.
        """
        due = self._retry_ms is not None and self._writer.now_ms() >= self._retry_ms
        if self._placement is not None and self._layout is layout and not due:
            return self._placement
        self._learn(layout)
        self._relabel(layout)
        kept = self._ref_of[layout.indices] != _DROPPED
        weights = self._weights[layout.indices]
        self._limits.check_samples(int(weights[kept].sum()))
        self._make_refs(layout, again=due)
        layout.table.let_go()
        self._placement = self._placed(self._ref_of[layout.indices], weights)
        self._layout = layout
        return self._placement

    def partial(self, layout: Layout) -> Partial:
        """What of a layout would have been taken until the first series that can't be."""
        scraped, kept = 0, list[Labels]()
        for index in layout.indices.tolist():
            labels = layout.table.labels_of(index)
            scraped += _weight(labels)
            try:
                admitted = self._checked(labels)
            except (InputError, LimitError):
                break
            if admitted is not None and _weight(labels):
                kept.append(admitted)
        room = self._limits.sample_limit or len(kept)
        return Partial(scraped, len(kept), tuple(kept[:room]))

    def admitted(self, labels: Labels) -> Labels | None:
        """The labels under which a series is stored, None when relabelling drops it."""
        return self._admit(labels)

    def known(self, labels: tuple[Labels, ...]) -> Int64s:
        """Refs of admitted series, -1 where the store has none."""
        return self._writer.known_refs(labels)

    def _placed(self, found: Int64s, weights: Int64s) -> Placement:
        stored = np.flatnonzero(found >= 0)
        refs, first, inverse = np.unique(found[stored], return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        repeated = np.ones(len(stored), dtype=np.bool_)
        repeated[first] = False
        extra = repeated & self._writer.gate.is_overflow(found[stored])
        again = stored[repeated & ~extra]
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        relabelled = int(weights[found != _DROPPED].sum())
        refused = {"relabelled_away": int(weights.sum()) - relabelled}
        for code in np.unique(found[found <= _REFUSED]).tolist():
            refused[reason_of(code - _REFUSED)] = int(weights[found == code].sum())
        return Placement(
            refs[order],
            stored[first[order]],
            refused,
            stored[extra],
            rank[inverse[extra]],
            again,
            found[again],
            int(weights.sum()),
            relabelled,
        )

    def _learn(self, layout: Layout) -> None:
        """Make room for what the table knows more than before."""
        if self._table is not layout.table:
            self._table = layout.table
            self._ref_of = self._weights = _NOWHERE
            self._waiting = {}
        fresh = len(layout.table) - len(self._ref_of)
        if fresh:
            undecided = np.full(fresh, _UNDECIDED, dtype=np.int64)
            self._ref_of = np.concatenate([self._ref_of, undecided])
            self._weights = np.concatenate([self._weights, np.zeros(fresh, dtype=np.int64)])

    def _relabel(self, layout: Layout) -> None:
        undecided = layout.indices[self._ref_of[layout.indices] == _UNDECIDED]
        for index in np.unique(undecided).tolist():
            labels = layout.table.labels_of(index)
            admitted = self._checked(labels)
            self._weights[index] = _weight(labels)
            if admitted is None:
                self._ref_of[index] = _DROPPED
            else:
                self._waiting[index] = admitted
                self._ref_of[index] = _WAITING

    def _make_refs(self, layout: Layout, *, again: bool) -> None:
        used = self._ref_of[layout.indices]
        open_ = (used == _WAITING) | (again & (used <= _REFUSED))
        asked = np.unique(layout.indices[open_])
        if len(asked):
            wanted = [self._waiting[index] for index in asked.tolist()]
            refs = self._writer.refs(self._source, wanted)
            self._ref_of[asked] = np.where(refs < 0, refs + _REFUSED, refs)
            placed = set(asked[refs >= 0].tolist())
            self._waiting = {i: one for i, one in self._waiting.items() if i not in placed}
        left_out = (self._ref_of[layout.indices] <= _REFUSED).any()
        self._retry_ms = self._writer.now_ms() + RETRY_MS if left_out else None

    def _checked(self, labels: Labels) -> Labels | None:
        component = labels.get(COMPONENT)
        admitted = self._admit(labels.without(COMPONENT) if component else labels)
        if admitted is None:
            return None
        if not admitted.metric_name:
            raise InputError(
                f"relabelling left {labels} without a metric name",
                advice="mend metric_relabel_configs",
            )
        if COMPONENT in admitted:
            admitted = Labels(moved_aside(admitted))
        self._limits.check_labels(admitted)
        return admitted.merged({COMPONENT: component}) if component else admitted


def _weight(labels: Labels) -> int:
    """A native histogram is one sample however many columns it fills."""
    return int(labels.get(COMPONENT, "count") == "count")
