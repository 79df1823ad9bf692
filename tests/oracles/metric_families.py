"""Builds the protobuf exposition: delimited MetricFamily messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.ingest.formats.protobuf_messages import CLIENT

COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)


def delimited(*families: object) -> bytes:
    found = b""
    for family in families:
        raw = family.SerializeToString()  # type: ignore[attr-defined]
        size, length = bytearray(), len(raw)
        while length > 127:
            size.append(length & 127 | 128)
            length >>= 7
        found += bytes([*size, length]) + raw
    return found


def family(name: str, kind: int, metrics: Sequence[object] = (), **told: str) -> object:
    return CLIENT["MetricFamily"](name=name, type=kind, metric=metrics, **told)


def metric(labels: Mapping[str, str], timestamp_ms: int = 0, **value: object) -> object:
    pairs = [CLIENT["LabelPair"](name=name, value=text) for name, text in labels.items()]
    return CLIENT["Metric"](label=pairs, timestamp_ms=timestamp_ms, **value)


def number(kind: int, value: float) -> dict[str, object]:
    """The value of a metric of a simple type."""
    field = {COUNTER: "counter", GAUGE: "gauge", UNTYPED: "untyped"}[kind]
    return {field: CLIENT[field.capitalize()](value=value)}


def moment(milliseconds: int) -> object:
    seconds, rest = divmod(milliseconds, 1000)
    return CLIENT["Timestamp"](seconds=seconds, nanos=rest * 1_000_000)


def exemplar(labels: Mapping[str, str], value: float, at_ms: int | None = None) -> object:
    pairs = [CLIENT["LabelPair"](name=name, value=text) for name, text in labels.items()]
    time = {} if at_ms is None else {"timestamp": moment(at_ms)}
    return CLIENT["Exemplar"](label=pairs, value=value, **time)


def classic(counts: Sequence[int], bounds: Sequence[float], total: float, **more: object) -> object:
    """A histogram with cumulative buckets."""
    buckets = [
        CLIENT["Bucket"](cumulative_count=count, upper_bound=bound)
        for count, bound in zip(counts, bounds, strict=False)
    ]
    return CLIENT["Histogram"](sample_count=counts[-1], sample_sum=total, bucket=buckets, **more)


def spans(*pairs: tuple[int, int]) -> list[object]:
    return [CLIENT["BucketSpan"](offset=offset, length=length) for offset, length in pairs]
