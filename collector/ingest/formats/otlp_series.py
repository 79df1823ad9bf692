"""The series of one OTLP data point: their labels, in the order of the scanner's values.

The slow path: a point comes here once, when it is new. Job and instance come from the resource,
`service.namespace/service.name` and `service.instance.id`, as in Prometheus.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from collector.ingest.formats.go_float import format_bound
from collector.ingest.formats.otlp_names import PROMETHEUS_NAMING, Naming, unit_word
from collector.ingest.limits import MAX_ATTRIBUTE_DEPTH
from collector.model.errors import InputError
from collector.model.histogram_columns import COMPONENT
from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata, MetricType

SERVICE, NAMESPACE, INSTANCE = "service.name", "service.namespace", "service.instance.id"
IDENTIFYING = frozenset((SERVICE, NAMESPACE, INSTANCE))
TARGET_INFO = "target_info"

Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint


@dataclass(frozen=True, slots=True)
class Promotion:
    """Which resource attributes become labels of every series, and what target_info keeps."""

    attributes: frozenset[str] = frozenset()
    everything: bool = False
    ignored: frozenset[str] = frozenset()
    keep_identifying: bool = False
    naming: Naming = PROMETHEUS_NAMING

    def promotes(self, name: str) -> bool:
        """Whether a resource attribute becomes a label."""
        return name not in self.ignored if self.everything else name in self.attributes


def resource_labels(resource: Resource, promotion: Promotion) -> dict[str, str]:
    """Job, instance and promoted attributes."""
    found = {item.key: item.value for item in resource.attributes}
    promoted = [item for item in resource.attributes if promotion.promotes(item.key)]
    labels = attribute_labels(promoted, promotion.naming)
    if SERVICE in found:
        parts = [found[key] for key in (NAMESPACE, SERVICE) if key in found]
        labels["job"] = "/".join(text_of(part) for part in parts)
    if INSTANCE in found:
        labels["instance"] = text_of(found[INSTANCE])
    return labels


def target_info_labels(resource: Resource, promotion: Promotion) -> Labels | None:
    """The series that carries a resource's other attributes; None when there is nothing to say."""
    identity = {
        key: value
        for key, value in resource_labels(resource, Promotion()).items()
        if key in ("job", "instance")
    }
    hidden = frozenset() if promotion.keep_identifying else IDENTIFYING
    items = [item for item in resource.attributes if item.key not in hidden]
    told = attribute_labels(items, promotion.naming)
    if not identity or not told:
        return None
    return Labels({**told, **identity, METRIC_NAME: TARGET_INFO})


def attribute_labels(
    attributes: Iterable[KeyValue], naming: Naming = PROMETHEUS_NAMING
) -> dict[str, str]:
    """Attributes as labels; values of names that fall together are joined with `;`.

    Raises InputError for what no label can be made of.
    """
    labels: dict[str, str] = {}
    for item in sorted(attributes, key=lambda item: item.key):
        name, value = naming.label(item.key), text_of(item.value)
        if name == COMPONENT:
            raise InputError(f"the attribute {item.key!r} has a reserved name", advice="rename it")
        if name:
            labels[name] = f"{labels[name]};{value}" if name in labels else value
    return labels


def text_of(value: AnyValue) -> str:
    """An attribute's value as text: arrays and maps are JSON."""
    plain = _plain(value, MAX_ATTRIBUTE_DEPTH)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: AnyValue, depth: int) -> object:
    if not depth:
        raise InputError(
            f"an attribute is nested over {MAX_ATTRIBUTE_DEPTH} levels", advice="flatten it"
        )
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_plain(item, depth - 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _plain(item.value, depth - 1) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    plain: object = getattr(value, kind)
    return plain


def family_of(metric: Metric, naming: Naming = PROMETHEUS_NAMING) -> tuple[str, Metadata]:
    """Name of the metric family, and what it says of itself."""
    kind = metric.WhichOneof("data")
    counter = kind == "sum" and metric.sum.is_monotonic
    name = naming.metric(metric.name, metric.unit, counter=counter, gauge=kind == "gauge")
    if not name:
        raise InputError(
            f"no Prometheus name can be made of the metric name {metric.name!r}",
            advice="use letters and digits in metric names",
        )
    types: Mapping[str | None, MetricType] = {
        "gauge": "gauge",
        "sum": "counter" if counter else "gauge",
        "histogram": "histogram",
        "exponential_histogram": "histogram",
        "summary": "summary",
    }
    told = Metadata(types.get(kind, "unknown"), metric.description, unit_word(metric.unit))
    return name, told


def number_series(
    name: str,
    base: Mapping[str, str],
    point: NumberDataPoint,
    naming: Naming = PROMETHEUS_NAMING,
) -> list[Labels]:
    """The one series of a number."""
    return [point_labels(name, base, point, naming)]


def point_labels(
    name: str, base: Mapping[str, str], point: Point, naming: Naming = PROMETHEUS_NAMING
) -> Labels:
    """The labels of a point under a metric name."""
    return Labels({**attribute_labels(point.attributes, naming), **base, METRIC_NAME: name})


def histogram_series(
    name: str,
    base: Mapping[str, str],
    point: HistogramDataPoint,
    naming: Naming = PROMETHEUS_NAMING,
) -> list[Labels]:
    """Buckets in rising order with +Inf, then `_count`, then `_sum` where the point has one."""
    labels = point_labels(name, base, point, naming)
    bounds = [plain_bound(bound) for bound in point.explicit_bounds] if point.bucket_counts else []
    buckets = [
        labels.merged({METRIC_NAME: f"{name}_bucket", "le": bound}) for bound in [*bounds, "+Inf"]
    ]
    suffixes = ("_count", "_sum") if point.HasField("sum") else ("_count",)
    return buckets + [labels.merged({METRIC_NAME: name + suffix}) for suffix in suffixes]


def summary_series(
    name: str,
    base: Mapping[str, str],
    point: SummaryDataPoint,
    naming: Naming = PROMETHEUS_NAMING,
) -> list[Labels]:
    """Quantiles in their order, then `_count` and `_sum`."""
    labels = point_labels(name, base, point, naming)
    quantiles = [
        labels.merged({"quantile": plain_bound(one.quantile)}) for one in point.quantile_values
    ]
    return quantiles + [
        labels.merged({METRIC_NAME: name + suffix}) for suffix in ("_count", "_sum")
    ]


def plain_bound(bound: float) -> str:
    """A bound as Prometheus's OTLP receiver writes it: `1`, `0.25`, `1000000`, no exponent."""
    text = format_bound(bound)
    if "e" in text:
        text = f"{bound:.340f}".rstrip("0")
    return text.removesuffix(".0").removesuffix(".")
