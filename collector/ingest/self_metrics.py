"""What the counting of spans and log records says about itself, declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class RecordMetrics:
    """Requests for traces; spans that came in; records that rules counted, or could not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.trace_requests = Counter(
            "tocsin_trace_requests",
            "OTLP requests for traces, by the status code of the answer.",
            ("code",),
            registry=registry,
        )
        self.spans = Counter(
            "tocsin_spans_received", "Spans that came in over OTLP.", registry=registry
        )
        self.dropped = Counter(
            "tocsin_spans_dropped",
            "Spans that no objective counts: nothing of them is kept.",
            registry=registry,
        )
        self.counted = Counter(
            "tocsin_records_counted",
            "Spans and log records that an objective counted, by kind.",
            ("kind",),
            registry=registry,
        )
        self.uncounted = Counter(
            "tocsin_record_groups_uncounted",
            "Groups of records that could not be counted, by reason.",
            ("reason",),
            registry=registry,
        )
        self.late_rows = Counter(
            "tocsin_record_samples_refused",
            "Samples of counted records that the store refused; the next one makes up for them.",
            ("reason",),
            registry=registry,
        )
