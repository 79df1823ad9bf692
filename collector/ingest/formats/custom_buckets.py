"""Classic histograms of a page to native ones with custom buckets, as one array operation a page.

What `convert_classic_histograms_to_nhcb` asks for: the series `x_bucket`, `x_count` and `x_sum` of
a family that says that it is a histogram become one histogram `x`. Which cell is the difference of
which two lines is worked out once a layout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from collector.ingest.formats.page import ExposedExemplar, Layout, Page, Parser, SeriesTable
from collector.model.histogram_columns import COMPONENT, parts
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram
from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s

_SUFFIXES = ("_bucket", "_count", "_sum")
_NOTHING = -1


@dataclass(slots=True)
class _Classic:
    """Lines of one classic histogram: its buckets by upper bound, its count and its sum."""

    buckets: dict[float, int] = field(default_factory=dict)
    count: int = _NOTHING
    sum: int = _NOTHING


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A cell is `constants + values[plus] - values[minus]`, an index of -1 being no value."""

    layout: Layout
    plus: Int64s
    minus: Int64s
    constants: Float64s
    times: Int64s

    def values(self, values: Float64s) -> Float64s:
        """The page's cells from its lines."""
        padded = np.append(values, 0.0)
        cells: Float64s = self.constants + padded[self.plus] - padded[self.minus]
        return cells


class CustomBucketsParser:
    """A parser whose classic histograms are converted; they are kept beside when asked for."""

    def __init__(self, parser: Parser, *, keep_classic: bool) -> None:
        self._parser = parser
        self._keep_classic = keep_classic
        self._table = SeriesTable()
        self._source: tuple[Layout, Mapping[str, Metadata] | None] | None = None
        self._plan: _Plan | None = None

    def parse(self, body: bytes) -> Page:
        """The page with its histograms converted; raises InputError as the inner parser does."""
        page = self._parser.parse(body)
        source = (page.layout, page.metadata)
        known = self._source is not None and all(
            one is other for one, other in zip(source, self._source, strict=True)
        )
        if self._plan is None or not known:
            self._plan, self._source = self._plan_of(page), source
        plan = self._plan
        return Page(
            plan.layout,
            plan.values(page.values),
            None if page.timestamps_ms is None else page.timestamps_ms[plan.times],
            None if page.start_ms is None else page.start_ms[plan.times],
            page.metadata,
            [_converted(one, page.metadata or {}) for one in page.exemplars],
        )

    def _plan_of(self, page: Page) -> _Plan:
        if len(self._table) > 4 * len(page.layout) + 1000:
            self._table = SeriesTable()
        cells = _Cells(self._table)
        histograms: dict[Labels, _Classic] = {}
        for position, index in enumerate(page.layout.indices.tolist()):
            labels = page.layout.table.labels_of(index)
            is_classic = _collect(histograms, labels, position, page.metadata or {})
            if self._keep_classic or not is_classic:
                cells.add(labels, position)
        for series, lines in histograms.items():
            cells.add_histogram(series, lines)
        return cells.plan()


class _Cells:
    """The cells of a plan, gathered."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._rows: list[tuple[int, int, int, int]] = []
        self._constants: list[float] = []

    def add(
        self,
        labels: Labels,
        plus: int,
        minus: int = _NOTHING,
        constant: float = 0.0,
        times: int | None = None,
    ) -> None:
        """One cell; `times` is the line whose time it has, itself unless told."""
        raw = b"\xff".join(text.encode() for pair in labels.pairs for text in pair)
        index = self._table.find(raw)
        index = self._table.add(raw, labels) if index is None else index
        self._rows.append((index, plus, minus, plus if times is None else times))
        self._constants.append(constant)

    def add_histogram(self, series: Labels, lines: _Classic) -> None:
        """The cells of one histogram; the last bucket is +Inf, or what its count says."""
        bounds = sorted(bound for bound in lines.buckets if bound < math.inf)
        total = lines.buckets.get(math.inf, lines.count)
        if total == _NOTHING:
            return
        empty = NativeHistogram(CUSTOM_BUCKETS, 0.0, 0.0, custom_values=tuple(bounds))
        edges = [_NOTHING, *(lines.buckets[bound] for bound in bounds), total]
        sources = {"count": (total, _NOTHING), "sum": (lines.sum, _NOTHING)}
        buckets = iter(zip(edges[1:], edges, strict=False))
        for name, constant in parts(empty):
            named = series.merged({COMPONENT: name})
            if name == "form":
                self.add(named, _NOTHING, constant=constant, times=total)
            else:
                plus, minus = sources[name] if name in sources else next(buckets)
                self.add(named, plus, minus, times=total)

    def plan(self) -> _Plan:
        """All of them as columns."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, 4)
        layout = Layout(self._table, rows[:, 0].copy())
        constants = np.array(self._constants, dtype=np.float64)
        return _Plan(layout, rows[:, 1], rows[:, 2], constants, rows[:, 3])


def _collect(
    histograms: dict[Labels, _Classic],
    labels: Labels,
    position: int,
    metadata: Mapping[str, Metadata],
) -> bool:
    """Note a line that is part of a classic histogram; answers whether it is."""
    found = _classic_of(labels, metadata)
    if found is None:
        return False
    series, suffix = found
    lines = histograms.setdefault(series, _Classic())
    if suffix == "_count":
        lines.count = position
    elif suffix == "_sum":
        lines.sum = position
    else:
        lines.buckets[float(labels["le"])] = position
    return True


def _classic_of(labels: Labels, metadata: Mapping[str, Metadata]) -> tuple[Labels, str] | None:
    """The histogram that a series is part of, and as what; None for others."""
    name = labels.metric_name
    for suffix in _SUFFIXES:
        family = name.removesuffix(suffix)
        known = metadata.get(family) if family != name else None
        if known is None or known.type != "histogram":
            continue
        if suffix == "_bucket" and not _is_bound(labels.get("le", "")):
            return None
        return labels.without("le").merged({METRIC_NAME: family}), suffix
    return None


def _is_bound(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False


def _converted(one: ExposedExemplar, metadata: Mapping[str, Metadata]) -> ExposedExemplar:
    found = _classic_of(one.series, metadata)
    return one if found is None else replace(one, series=found[0])
