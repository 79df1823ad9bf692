"""The messages of remote write 1.0 and 2.0 as protobuf classes: what is new or odd is read by them.

Sources: prompb/remote.proto and types.proto (package prometheus, 1.0), and
prompb/io/prometheus/write/v2/types.proto (2.0), where a string is a number into `symbols`.
"""

from __future__ import annotations

from collector.ingest.formats.protobuf_schema import message_classes

_HISTOGRAM = (
    "Histogram: uint64? count_int=1, double? count_float=2, double sum=3, sint32 schema=4,"
    " double zero_threshold=5, uint64? zero_count_int=6, double? zero_count_float=7,"
    " Span* negative_spans=8, sint64* negative_deltas=9, double* negative_counts=10,"
    " Span* positive_spans=11, sint64* positive_deltas=12, double* positive_counts=13,"
    " int32 reset_hint=14, int64 timestamp=15, double* custom_values=16, int64 start_timestamp=17"
)

V1 = message_classes(
    "prometheus",
    f"""
    WriteRequest: TimeSeries* timeseries=1, MetricMetadata* metadata=3
    MetricMetadata: int32 type=1, string metric_family_name=2, string help=4, string unit=5
    TimeSeries: Label* labels=1, Sample* samples=2, Exemplar* exemplars=3, Histogram* histograms=4
    Label: string name=1, string value=2
    Sample: double value=1, int64 timestamp=2
    Exemplar: Label* labels=1, double value=2, int64 timestamp=3
    {_HISTOGRAM}
    Span: sint32 offset=1, uint32 length=2
    """,
)
"""`WriteRequest` and what is in it."""

V2 = message_classes(
    "io.prometheus.write.v2",
    f"""
    Request: string* symbols=4, TimeSeries* timeseries=5
    TimeSeries: uint32* labels_refs=1, Sample* samples=2, Histogram* histograms=3, \
Exemplar* exemplars=4, Metadata metadata=5, int64 created_timestamp=6
    Exemplar: uint32* labels_refs=1, double value=2, int64 timestamp=3
    Sample: double value=1, int64 timestamp=2, int64 start_timestamp=3
    Metadata: int32 type=1, uint32 help_ref=3, uint32 unit_ref=4
    {_HISTOGRAM}
    Span: sint32 offset=1, uint32 length=2
    """,
)
"""`Request` and what is in it; `created_timestamp` is of the first drafts, before samples had
`start_timestamp`."""

TYPES = (
    "unknown",
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
)
"""Metric types by their number, the same in both versions."""
