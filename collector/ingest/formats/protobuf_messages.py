"""The messages of the protobuf exposition format as classes.

Source: github.com/prometheus/client_model, io/prometheus/client/metrics.proto.
"""

from __future__ import annotations

from collector.ingest.formats.protobuf_schema import message_classes

(COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM) = range(6)
"""Types of a metric family."""

CLIENT = message_classes(
    "io.prometheus.client",
    """
    LabelPair: string name=1, string value=2
    Timestamp: int64 seconds=1, int32 nanos=2
    Exemplar: LabelPair* label=1, double value=2, Timestamp timestamp=3
    Gauge: double value=1
    Counter: double value=1, Exemplar exemplar=2, Timestamp created_timestamp=3
    Quantile: double quantile=1, double value=2
    Summary: uint64 sample_count=1, double sample_sum=2, Quantile* quantile=3, \
Timestamp created_timestamp=4
    Untyped: double value=1
    BucketSpan: sint32 offset=1, uint32 length=2
    Bucket: uint64 cumulative_count=1, double cumulative_count_float=4, double upper_bound=2, \
Exemplar exemplar=3
    Histogram: uint64 sample_count=1, double sample_count_float=4, double sample_sum=2, \
Bucket* bucket=3, Timestamp created_timestamp=15, sint32 schema=5, double zero_threshold=6, \
uint64 zero_count=7, double zero_count_float=8, BucketSpan* negative_span=9, \
sint64* negative_delta=10, double* negative_count=11, BucketSpan* positive_span=12, \
sint64* positive_delta=13, double* positive_count=14, Exemplar* exemplars=16
    Metric: LabelPair* label=1, Gauge gauge=2, Counter counter=3, Summary summary=4, \
Untyped untyped=5, Histogram histogram=7, int64 timestamp_ms=6
    MetricFamily: string name=1, string help=2, int32 type=3, Metric* metric=4, string unit=5
    """,
)
"""`MetricFamily` and what is in it; an absent number and a zero one are the same to all readers."""
