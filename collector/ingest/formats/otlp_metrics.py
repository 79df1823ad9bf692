"""OTLP metrics: bytes of a request in, points out; no socket, no clock.

`scan` finds every point with its values; `PointReader` makes labels of those that are new.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from collector.ingest.formats.otlp_exemplars import bucket_of, exemplar_of, value_of
from collector.ingest.formats.otlp_histograms import of_explicit, of_exponential
from collector.ingest.formats.otlp_json import read_json
from collector.ingest.formats.otlp_series import (
    Promotion,
    family_of,
    histogram_series,
    number_series,
    point_labels,
    resource_labels,
    summary_series,
    target_info_labels,
)
from collector.ingest.formats.scan import otlp_points
from collector.ingest.formats.scan.otlp_points import POINT_COLUMNS, scan_points
from collector.ingest.limits import MAX_OTLP_POINTS
from collector.model.errors import InputError, LimitError
from collector.model.exemplar import Exemplar
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s

BYTES_PER_POINT = 24
"""Fewer are rare: the columns are made for so many points first, and grow when there are more."""

_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of a request.

    `rows` int64[p, POINT_COLUMNS] as `otlp_points` has them; `keys` uint64[p], equal for equal
    series; `values` float64[v].
    """

    body: bytes
    rows: Int64s
    keys: NDArray[np.uint64]
    values: Float64s

    def __len__(self) -> int:
        return len(self.rows)


def scan(body: bytes) -> Points:
    """The points of an ExportMetricsServiceRequest in protobuf.

    Raises InputError when it is none, LimitError over MAX_OTLP_POINTS points.
    """
    capacity = len(body) // BYTES_PER_POINT + 16
    array = np.frombuffer(body, dtype=np.uint8)
    while True:
        rows = np.empty((min(capacity, MAX_OTLP_POINTS), POINT_COLUMNS), dtype=np.int64)
        keys = np.empty(len(rows), dtype=np.uint64)
        bits = np.empty(capacity * 2, dtype=np.uint64)
        scratch = np.empty(1, dtype=np.float64)
        status, count, used = scan_points(array, _SEED, rows, keys, bits, scratch)
        if status == otlp_points.FINE:
            return Points(body, rows[:count], keys[:count], bits[:used].view(np.float64))
        if status == otlp_points.MALFORMED:
            raise InputError(
                "the body is not an OTLP ExportMetricsServiceRequest in protobuf",
                advice="see that the sender's Content-Type says what it sends",
            )
        if count >= MAX_OTLP_POINTS:
            raise LimitError(
                f"more than {MAX_OTLP_POINTS:,} data points in one request",
                advice="let the sender make smaller batches",
            )
        capacity *= 4


def from_json(body: bytes) -> bytes:
    """OTLP/JSON as the same request in protobuf; raises InputError."""
    encoded: bytes = read_json(body, ExportMetricsServiceRequest()).SerializeToString()
    return encoded


class PointReader:
    """Makes labels of the points of one request."""

    def __init__(self, points: Points, promotion: Promotion) -> None:
        self._points = points
        self._promotion = promotion
        self._resources: dict[int, dict[str, str]] = {}
        self._metrics: dict[int, tuple[Metric, str, Metadata]] = {}

    def resource(self, point: int) -> dict[str, str]:
        """Labels that a point's resource gives to all its series."""
        begin = int(self._points.rows[point, otlp_points.RESOURCE_BEGIN])
        if begin not in self._resources:
            self._resources[begin] = resource_labels(self._resource(point), self._promotion)
        return self._resources[begin]

    def target_info(self, point: int) -> Labels | None:
        """The info series of a point's resource."""
        return target_info_labels(self._resource(point), self._promotion)

    def family(self, point: int) -> tuple[str, Metadata]:
        """The metric family of a point; raises InputError for a name that can't be one."""
        return self._metric(point)[1:]

    def series(self, point: int) -> list[Labels]:
        """The point's series in the order of its values; raises InputError."""
        metric, name, _ = self._metric(point)
        base, naming = self.resource(point), self._promotion.naming
        ordinal = int(self._points.rows[point, otlp_points.ORDINAL])
        kind = metric.WhichOneof("data")
        if kind == "histogram":
            return histogram_series(name, base, metric.histogram.data_points[ordinal], naming)
        if kind == "summary":
            return summary_series(name, base, metric.summary.data_points[ordinal], naming)
        numbers = metric.sum if kind == "sum" else metric.gauge
        return number_series(name, base, numbers.data_points[ordinal], naming)

    def native(self, point: int) -> tuple[Labels, NativeHistogram | None]:
        """Labels and value of a point as a native histogram, None for "no recorded value".

        Raises InputError for one that none can be made of.
        """
        metric, name, _ = self._metric(point)
        ordinal = int(self._points.rows[point, otlp_points.ORDINAL])
        naming, base = self._promotion.naming, self.resource(point)
        if metric.WhichOneof("data") == "histogram":
            explicit = metric.histogram.data_points[ordinal]
            return point_labels(name, base, explicit, naming), of_explicit(explicit)
        exponential = metric.exponential_histogram.data_points[ordinal]
        return point_labels(name, base, exponential, naming), of_exponential(exponential)

    def exemplars(self, point: int, *, native: bool = False) -> list[Exemplar]:
        """The point's exemplars; those of explicit buckets belong to the bucket of their value."""
        metric, name, _ = self._metric(point)
        base, naming = self.resource(point), self._promotion.naming
        data = getattr(metric, str(metric.WhichOneof("data")))
        one = data.data_points[int(self._points.rows[point, otlp_points.ORDINAL])]
        if metric.WhichOneof("data") == "histogram" and not native:
            series = histogram_series(name, base, one, naming)
            return [
                exemplar_of(series[bucket_of(one, value_of(given))], given)
                for given in one.exemplars
            ]
        labels = point_labels(name, base, one, naming)
        return [exemplar_of(labels, given) for given in one.exemplars]

    def _metric(self, point: int) -> tuple[Metric, str, Metadata]:
        row = self._points.rows[point]
        begin, end = int(row[otlp_points.METRIC_BEGIN]), int(row[otlp_points.METRIC_END])
        if begin not in self._metrics:
            metric = Metric()
            _decode(metric, self._points.body[begin:end])
            self._metrics[begin] = (metric, *family_of(metric, self._promotion.naming))
        return self._metrics[begin]

    def _resource(self, point: int) -> Resource:
        row = self._points.rows[point]
        begin, end = int(row[otlp_points.RESOURCE_BEGIN]), int(row[otlp_points.RESOURCE_END])
        resource = Resource()
        _decode(resource, self._points.body[begin:end])
        return resource


def _decode(message: Metric | Resource, raw: bytes) -> None:
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise InputError(
            f"a {message.DESCRIPTOR.name} of the OTLP request is not protobuf: {error}",
            advice="text in it must be UTF-8",
        ) from error
