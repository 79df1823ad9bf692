"""A prometheus-client registry over OTLP: the same counts as on the page, read once an interval.

Nothing is recorded twice: a request bumps one histogram, and each export is a reading of it, with
cumulative temporality, so that a lost export loses resolution and no event. HTTP series take their
names from the semantic conventions, all others keep their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

from tocsin_instrument.names import OTEL_NAMES, STATUS, OtelName
from tocsin_instrument.outbox import ExportHealth

CUMULATIVE = AggregationTemporality.CUMULATIVE
SIGNAL = "metrics"
_SCOPE = InstrumentationScope("tocsin_instrument")
_STARTED_NS = time.time_ns()

Labels = tuple[tuple[str, str], ...]
Attributes = dict[str, str | int]


class MetricsPush:
    """Reads the registry and exports it; `export_once` is a background loop's step."""

    def __init__(
        self,
        registry: CollectorRegistry,
        exporter: MetricExporter,
        resource: Callable[[], Resource],
        dropped: Counter,
    ) -> None:
        self._registry = registry
        self._exporter = exporter
        self._resource = resource
        self._failed = dropped.labels(SIGNAL, "export_failed")
        self._health = ExportHealth(SIGNAL)

    def export_once(self) -> None:
        """Export a reading; count its points as dropped when the exporter gives up."""
        points = 0
        try:
            metrics = [
                metric for family in self._registry.collect() for metric in converted(family)
            ]
            points = sum(len(metric.data.data_points) for metric in metrics)
            scope = ScopeMetrics(_SCOPE, metrics, "")
            data = MetricsData([ResourceMetrics(self._resource(), [scope], "")])
            works = self._exporter.export(data) is MetricExportResult.SUCCESS
        except Exception:
            works = False
        if not works:
            self._failed.inc(max(points, 1))
        self._health.note(works)


def converted(family: Family) -> list[Metric]:
    """The family as OTLP metrics; a Prometheus summary becomes a histogram of one bucket."""
    if family.type == "counter":
        return _metric(family, Sum(_counter_points(family), CUMULATIVE, is_monotonic=True))
    if family.type in ("histogram", "summary"):
        return _metric(family, Histogram(_histogram_points(family), CUMULATIVE))
    if family.type == "info":
        return _metric(family, Gauge(_gauge_points(family)), "_info")
    return _metric(family, Gauge(_gauge_points(family)))


def _metric(family: Family, data: Sum | Gauge | Histogram, suffix: str = "") -> list[Metric]:
    if not data.data_points:
        return []
    known = OTEL_NAMES.get(family.name, OtelName(family.name + suffix, "", {}))
    return [Metric(known.name, family.documentation, known.unit, data)]


def _counter_points(family: Family) -> list[NumberDataPoint]:
    started = _created(family)
    return [
        _number(family, sample, started.get(_labels(sample), _STARTED_NS))
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


def _gauge_points(family: Family) -> list[NumberDataPoint]:
    return [_number(family, sample, 0) for sample in family.samples]


def _number(family: Family, sample: Sample, start_ns: int) -> NumberDataPoint:
    attributes = _attributes(family, _labels(sample))
    return NumberDataPoint(attributes, start_ns, time.time_ns(), sample.value)


@dataclass(slots=True)
class _Buckets:
    """One histogram of a family while its samples are read."""

    bounds: list[float] = field(default_factory=list)
    cumulative: list[float] = field(default_factory=list)
    count: float = 0
    total: float = 0


def _histogram_points(family: Family) -> list[HistogramDataPoint]:
    started = _created(family)
    read: dict[Labels, _Buckets] = {}
    for sample in family.samples:
        buckets = read.setdefault(_labels(sample), _Buckets())
        kind = sample.name.removeprefix(family.name)
        if kind == "_bucket":
            buckets.bounds.append(float(sample.labels["le"]))
            buckets.cumulative.append(sample.value)
        elif kind == "_count":
            buckets.count = sample.value
        elif kind == "_sum":
            buckets.total = sample.value
    return [
        _histogram_point(_attributes(family, labels), buckets, started.get(labels, _STARTED_NS))
        for labels, buckets in read.items()
    ]


def _histogram_point(
    attributes: Attributes, buckets: _Buckets, start_ns: int
) -> HistogramDataPoint:
    # One pass over the page read the buckets before the count, so the last bucket is the truth.
    cumulative = buckets.cumulative or [buckets.count]
    counts = [int(b - a) for a, b in zip([0.0, *cumulative], cumulative, strict=False)]
    return HistogramDataPoint(
        attributes,
        start_ns,
        time.time_ns(),
        int(cumulative[-1]),
        buckets.total,
        counts,
        buckets.bounds[:-1],
        min=float("inf"),
        max=float("-inf"),
    )


def _created(family: Family) -> dict[Labels, int]:
    """Since when each series of the family counts, in nanoseconds."""
    return {
        _labels(sample): int(sample.value * 1e9)
        for sample in family.samples
        if sample.name.endswith("_created")
    }


def _labels(sample: Sample) -> Labels:
    labels: Iterable[tuple[str, str]] = sample.labels.items()
    return tuple(sorted(pair for pair in labels if pair[0] not in ("le", "quantile")))


def _attributes(family: Family, labels: Labels) -> Attributes:
    """Attributes under the names of the semantic conventions, where the series has them."""
    names = OTEL_NAMES[family.name].attributes if family.name in OTEL_NAMES else {}
    return {
        names.get(name, name): int(value) if name == STATUS and value.isdigit() else value
        for name, value in labels
        if value
    }
