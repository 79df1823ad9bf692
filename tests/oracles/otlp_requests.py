"""Builds OTLP requests, and reads them the slow and obvious way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

from collector.ingest.formats.otlp_series import (
    Promotion,
    family_of,
    histogram_series,
    number_series,
    resource_labels,
    summary_series,
)
from collector.model.labels import Labels

CUMULATIVE, DELTA = 2, 1
SECOND_NS = 1_000_000_000


def put(attributes: object, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        item = attributes.add()  # type: ignore[attr-defined]
        item.key = key
        item.value.string_value = value


class RequestBuilder:
    """One resource; points are added metric by metric."""

    def __init__(self, **resource: str) -> None:
        self.request = ExportMetricsServiceRequest()
        self.resource(**resource)

    def resource(self, **attributes: str) -> RequestBuilder:
        self._resource: ResourceMetrics = self.request.resource_metrics.add()
        dotted = {key.replace("__", "."): value for key, value in attributes.items()}
        put(self._resource.resource.attributes, dotted)
        self._scope = self._resource.scope_metrics.add()
        return self

    def metric(self, name: str, unit: str = "") -> Metric:
        metric: Metric = self._scope.metrics.add()
        metric.name, metric.unit = name, unit
        return metric

    def sum(
        self,
        name: str,
        value: float,
        seconds: float,
        *,
        start: float = 0,
        temporality: int = CUMULATIVE,
        monotonic: bool = True,
        unit: str = "",
        **attributes: str,
    ) -> RequestBuilder:
        data = self.metric(name, unit).sum
        data.aggregation_temporality, data.is_monotonic = temporality, monotonic
        point = data.data_points.add()
        point.as_double = value
        point.time_unix_nano = int(seconds * SECOND_NS)
        point.start_time_unix_nano = int(start * SECOND_NS)
        put(point.attributes, attributes)
        return self

    def gauge(self, name: str, value: float, seconds: float, unit: str = "") -> RequestBuilder:
        point = self.metric(name, unit).gauge.data_points.add()
        point.as_double = value
        point.time_unix_nano = int(seconds * SECOND_NS)
        return self

    def histogram(
        self,
        name: str,
        counts: Sequence[int],
        bounds: Sequence[float],
        total: float,
        seconds: float,
        *,
        start: float = 0,
        temporality: int = CUMULATIVE,
        unit: str = "s",
    ) -> RequestBuilder:
        data = self.metric(name, unit).histogram
        data.aggregation_temporality = temporality
        point = data.data_points.add()
        point.bucket_counts.extend(counts)
        point.explicit_bounds.extend(bounds)
        point.count, point.sum = sum(counts), total
        point.time_unix_nano = int(seconds * SECOND_NS)
        point.start_time_unix_nano = int(start * SECOND_NS)
        return self

    def bytes(self) -> bytes:
        encoded: bytes = self.request.SerializeToString()
        return encoded


def samples_of(body: bytes) -> list[tuple[Labels, int, float]]:
    """Every cumulative sample of a request by walking protobuf's objects, in its order."""
    request = ExportMetricsServiceRequest.FromString(body)
    found = []
    for resource in request.resource_metrics:
        base = resource_labels(resource.resource, Promotion())
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found += _of_metric(metric, base)
    return found


def _of_metric(metric: Metric, base: dict[str, str]) -> list[tuple[Labels, int, float]]:
    name, _ = family_of(metric)
    rows: list[tuple[list[Labels], list[float], int]] = []
    for data in (metric.sum, metric.gauge):
        for point in data.data_points:
            value = getattr(point, point.WhichOneof("value"))
            rows.append((number_series(name, base, point), [float(value)], point.time_unix_nano))
    for point in metric.histogram.data_points:
        running, values = 0, []
        for count in point.bucket_counts:
            running += count
            values.append(float(running))
        values = [*values[:-1], float(point.count), float(point.count), point.sum]
        series = histogram_series(name, base, point)
        rows.append((series, values[: len(series)], point.time_unix_nano))
    for point in metric.summary.data_points:
        values = [one.value for one in point.quantile_values] + [float(point.count), point.sum]
        rows.append((summary_series(name, base, point), values, point.time_unix_nano))
    return [
        (labels, time_ns // 1_000_000, value)
        for series, values, time_ns in rows
        for labels, value in zip(series, values, strict=True)
    ]
