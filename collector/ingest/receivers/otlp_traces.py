"""OTLP traces: one request's spans counted by the rules of objectives; nothing is kept."""

from __future__ import annotations

from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.ingest.formats.otlp_traces import decode, span_count, spans_of
from collector.ingest.limits import MAX_OTLP_BODY_BYTES
from collector.ingest.receivers.otlp_exchange import OtlpReceiver
from collector.ingest.record_counters import RecordCounters
from collector.ingest.self_metrics import RecordMetrics


class TracesReceiver(OtlpReceiver):
    """Counts spans."""

    def __init__(
        self,
        counters: RecordCounters,
        metrics: RecordMetrics,
        max_body_bytes: int = MAX_OTLP_BODY_BYTES,
    ) -> None:
        super().__init__(metrics.trace_requests, max_body_bytes)
        self._counters = counters
        self._metrics = metrics

    def _take(self, raw: bytes, *, is_json: bool) -> Message:
        request = decode(raw, is_json)
        dropped = spans = span_count(request)
        if self._counters.wants("spans"):
            dropped = self._counters.count("spans", spans_of(request))
        self._metrics.spans.inc(spans)
        self._metrics.dropped.inc(dropped)
        return ExportTraceServiceResponse()
