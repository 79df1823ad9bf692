"""OpenMetrics 1.0 text: bytes in, pages out; no socket, no clock.

`x_created` lines of counters, histograms and summaries are no samples: they say since when the
family's other series of the same labels have counted, and become `start_ms`.
Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from collector.ingest.formats.lines import LineReader, Lines
from collector.ingest.formats.page import Layout, Page
from collector.ingest.formats.series_text import MAX_SECONDS
from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata, MetricType
from collector.model.samples import Float64s, Int64s

_CREATED = "_created"
_COUNTING: Mapping[MetricType, tuple[str, ...]] = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("_sum", "_count"),
}
"""Suffixes of the series that count from `_created` on, by type."""


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """How lines become a page: `kept` are the samples' lines, `created` the line that says when
    each began, or -1 (both int64[n]); None: every line is a sample and nothing is known."""

    indices: Int64s
    metadata: Mapping[str, Metadata]
    layout: Layout
    kept: Int64s | None
    created: Int64s | None


class OpenMetricsParser:
    """Parses the bodies of one target."""

    def __init__(self) -> None:
        self._reader = LineReader(openmetrics=True)
        self._plan: _Plan | None = None

    def parse(self, body: bytes) -> Page:
        """The page of a body; raises InputError for the first line that is wrong."""
        lines = self._reader.read(body)
        plan = self._plan
        if plan is None or plan.indices is not lines.indices or plan.metadata is not lines.metadata:
            plan = self._plan = _plan_of(lines, has_created=_CREATED.encode() in body)
        if plan.kept is None or plan.created is None:
            values, times, start_ms = lines.values, lines.timestamps_ms, None
        else:
            values, times = lines.values[plan.kept], lines.timestamps_ms
            times = None if times is None else times[plan.kept]
            start_ms = _start_ms(lines.values, plan.created)
        return Page(plan.layout, values, times, start_ms, lines.metadata, lines.exemplars)


def _start_ms(values: Float64s, created: Int64s) -> Int64s:
    seconds = np.where(created >= 0, values[created], 0.0)
    seconds[~(np.abs(seconds) < MAX_SECONDS)] = 0.0
    return np.floor(seconds * 1000 + 0.5).astype(np.int64)


def _plan_of(lines: Lines, *, has_created: bool) -> _Plan:
    created = _created_lines(lines) if has_created else {}
    if not created:
        layout = Layout(lines.table, lines.indices)
        return _Plan(lines.indices, lines.metadata, layout, None, None)
    told = set(created.values())
    kept = np.array([i for i in range(len(lines.indices)) if i not in told], dtype=np.int64)
    layout = Layout(lines.table, lines.indices[kept])
    labels = map(lines.table.labels_of, layout.indices.tolist())
    keys = [_counting_key(one, lines.metadata) for one in labels]
    source = np.array([-1 if key is None else created.get(key, -1) for key in keys], dtype=np.int64)
    return _Plan(lines.indices, lines.metadata, layout, kept, source)


def _created_lines(lines: Lines) -> dict[Labels, int]:
    """Family name and labels of each `_created` line -> its position."""
    found = {}
    for position, index in enumerate(lines.indices.tolist()):
        labels = lines.table.labels_of(index)
        family = labels.metric_name.removesuffix(_CREATED)
        if family == labels.metric_name:
            continue
        metadata = lines.metadata.get(family)
        if metadata is not None and metadata.type in _COUNTING:
            found[labels.merged({METRIC_NAME: family})] = position
    return found


def _counting_key(labels: Labels, metadata: Mapping[str, Metadata]) -> Labels | None:
    """Family name and labels of a series that counts, as its `_created` line has them."""
    name = labels.metric_name
    for kind, suffixes in _COUNTING.items():
        for suffix in suffixes:
            family = name.removesuffix(suffix)
            known = metadata.get(family) if family != name else None
            if known is not None and known.type == kind:
                dropped = ("le",) if suffix == "_bucket" else ()
                return labels.without(*dropped).merged({METRIC_NAME: family})
    known = metadata.get(name)
    if known is not None and known.type == "summary" and "quantile" in labels:
        return labels.without("quantile")
    return None
