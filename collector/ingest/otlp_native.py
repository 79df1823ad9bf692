"""Points that become native histograms: their columns in the store, and totals of delta ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from collector.ingest.formats.otlp_metrics import PointReader, Points
from collector.ingest.formats.scan.otlp_points import DELTA, RESOURCE_NUMBER, START_NS, TIME_NS
from collector.ingest.limits import MAX_BUCKETS, MAX_DELTA_SERIES
from collector.ingest.point_cache import Samples
from collector.ingest.stored_totals import StoredTotals
from collector.ingest.write import SampleWriter
from collector.model.errors import InputError
from collector.model.histogram_arithmetic import add, with_schema
from collector.model.histogram_columns import COMPONENT, parts
from collector.model.histograms import MIN_SCHEMA, NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import STALE, Int64s

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _Known:
    """What is known of one histogram series."""

    labels: Labels
    columns: dict[str, int] = field(default_factory=dict)
    total: NativeHistogram | None = None
    since_ms: int = 0
    newest_ns: int = 0


class NativePoints:
    """Makes samples of native histograms; not safe for two threads at once."""

    def __init__(self, writer: SampleWriter, totals: StoredTotals | None = None) -> None:
        self._writer = writer
        self._totals = totals
        self._known: dict[int, _Known] = {}

    def place(
        self,
        points: Points,
        reader: PointReader,
        chosen: Int64s,
        sources: dict[int, str],
        refused: Counter[str],
    ) -> Samples:
        """The samples of the chosen points, in their order; `sources` by resource number."""
        if len(self._known) + len(chosen) > MAX_DELTA_SERIES:
            # totals begin again, which readers see as a counter's reset
            self._known.clear()
        cells = _Cells()
        for point in chosen.tolist():
            row = points.rows[point]
            if row[TIME_NS] <= 0:
                refused["no_timestamp"] += 1
                continue
            try:
                labels, histogram = reader.native(point)
                self._writer.describe(dict([reader.family(point)]))
            except InputError:
                refused["bad_histogram"] += 1
                continue
            known = self._known.setdefault(int(points.keys[point]), _Known(labels))
            start_ms = int(row[START_NS]) // _NS_PER_MS
            if row[DELTA] and histogram is not None:
                if int(row[TIME_NS]) <= known.newest_ns:
                    refused["delta_not_newer"] += 1
                    continue
                self._recall(known)
                histogram, start_ms = _accumulated(known, histogram, start_ms)
                known.newest_ns = int(row[TIME_NS])
            number = int(row[RESOURCE_NUMBER])
            columns = _columns(known, histogram)
            refs = self._refs(known, sources[number], [name for name, _ in columns])
            if min(refs) < 0:
                refused["series_limit"] += 1
                continue
            cells.add(refs, [v for _, v in columns], int(row[TIME_NS]), start_ms, number)
        return cells.samples()

    def _recall(self, known: _Known) -> None:
        """Go on from what a series had come to before a restart."""
        if known.total is None and not known.newest_ns and self._totals is not None:
            known.total = self._totals.last_histogram(known.labels)

    def _refs(self, known: _Known, source: str, names: list[str]) -> list[int]:
        fresh = [name for name in names if name not in known.columns]
        if fresh:
            wanted = [known.labels.merged({COMPONENT: name}) for name in fresh]
            refs = self._writer.refs(source, wanted).tolist()
            known.columns.update(pair for pair in zip(fresh, refs, strict=True) if pair[1] >= 0)
        return [known.columns.get(name, -1) for name in names]


def _accumulated(
    known: _Known, delta: NativeHistogram, start_ms: int
) -> tuple[NativeHistogram, int]:
    """The total with a delta added, and since when it counts."""
    if known.total is None:
        known.total, known.since_ms = delta, start_ms
    else:
        delta = replace(delta, reset_hint=known.total.reset_hint)
        known.total = _narrowed(add(known.total, delta).histogram)
    return known.total, known.since_ms


def _narrowed(total: NativeHistogram) -> NativeHistogram:
    """A total that deltas made too wide, with wider buckets: each would be a column for ever."""
    while max(len(total.positive), len(total.negative)) > MAX_BUCKETS and total.schema > MIN_SCHEMA:
        total = with_schema(total, total.schema - 1)
    return total


def _columns(known: _Known, histogram: NativeHistogram | None) -> list[tuple[str, float]]:
    """The columns that a value fills; a stale marker ends all that are known."""
    if histogram is None:
        return [(name, STALE) for name in (known.columns or ("count",))]
    return parts(histogram)


class _Cells:
    """Samples that are gathered column by column."""

    def __init__(self) -> None:
        self._refs: list[int] = []
        self._values: list[float] = []
        self._counts: list[int] = []
        self._points: list[tuple[int, int, int]] = []

    def add(
        self, refs: list[int], values: list[float], time_ns: int, start_ms: int, number: int
    ) -> None:
        """The columns of one point."""
        self._refs += refs
        self._values += values
        self._counts.append(len(refs))
        self._points.append((time_ns // _NS_PER_MS, start_ms, number))

    def samples(self) -> Samples:
        """All of them."""
        found = Samples(len(self._refs))
        found.refs[:] = self._refs
        # through an array: a list of floats may lose the stale marker's bits
        found.values[:] = np.array(self._values, dtype=np.float64)
        told = np.array(self._points, dtype=np.int64).reshape(-1, 3)
        repeated = np.repeat(told, self._counts, axis=0)
        found.timestamps_ms[:], found.start_ms[:] = repeated[:, 0], repeated[:, 1]
        found.groups[:] = repeated[:, 2]
        return found
