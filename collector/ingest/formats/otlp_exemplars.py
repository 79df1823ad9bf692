"""OTLP exemplars to those of the store: trace and span as labels, then what was filtered out.

Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#exemplars
"""

from __future__ import annotations

from bisect import bisect_left

from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar as OtlpExemplar
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint

from collector.ingest.formats.otlp_series import attribute_labels
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels

_NS_PER_MS = 1_000_000


def exemplar_of(series: Labels, given: OtlpExemplar) -> Exemplar:
    """The exemplar of a series; attributes are left out where they would make it too long."""
    trace = {"trace_id": given.trace_id.hex(), "span_id": given.span_id.hex()}
    time_ms = given.time_unix_nano // _NS_PER_MS
    whole = Labels({**attribute_labels(given.filtered_attributes), **trace})
    exemplar = Exemplar(series, whole, value_of(given), time_ms)
    return (
        Exemplar(series, Labels(trace), value_of(given), time_ms)
        if exemplar.is_too_long
        else (exemplar)
    )


def value_of(given: OtlpExemplar) -> float:
    """The observation."""
    return float(given.as_int if given.WhichOneof("value") == "as_int" else given.as_double)


def bucket_of(point: HistogramDataPoint, value: float) -> int:
    """Which of a point's buckets holds a value: bounds are their upper ends."""
    return bisect_left(list(point.explicit_bounds), value) if point.bucket_counts else 0
