"""OTLP traces: one HTTP body to an answer: unpack, decode, count by the rules; nothing is kept.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.ingest.formats.otlp_traces import decode, span_count, spans_of
from collector.ingest.inflate import OversizeError
from collector.ingest.limits import MAX_OTLP_BODY_BYTES, MAX_OTLP_COMPRESSED_BYTES
from collector.ingest.receivers.otlp_http import (
    BODY_LIMIT,
    JSON,
    PROTOBUF,
    Reply,
    UnsupportedMediaError,
    refusal,
    unpacked,
)
from collector.ingest.receivers.otlp_logs import media_type_of
from collector.ingest.record_counters import RecordCounters
from collector.ingest.self_metrics import RecordMetrics
from collector.model.errors import TocsinError


class TracesReceiver:
    """Takes whole requests; blocking, so call it from a thread."""

    def __init__(
        self,
        counters: RecordCounters,
        metrics: RecordMetrics,
        max_body_bytes: int = MAX_OTLP_BODY_BYTES,
    ) -> None:
        self._counters = counters
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes

    @property
    def max_wire_bytes(self) -> int:
        """How many bytes of a body are worth reading: more is refused by its length alone."""
        return max(self._max_body_bytes, MAX_OTLP_COMPRESSED_BYTES)

    def receive(self, body: bytes, content_type: str, content_encoding: str) -> Reply:
        """Count what the body says; every error becomes an answer that says what is wrong."""
        media_type = media_type_of(content_type)
        try:
            reply = self._receive(body, media_type, content_encoding.strip().lower())
        except TocsinError as error:
            reply = refusal(error, media_type)
        self._metrics.trace_requests.labels(str(reply.status)).inc()
        return reply

    def refuse_oversize(self, content_type: str) -> Reply:
        """The answer to a body that is not even read to its end."""
        error = OversizeError(
            f"the body is larger than {BODY_LIMIT} of {self._max_body_bytes:,} bytes",
            advice=f"let the sender make smaller batches, or raise {BODY_LIMIT}",
        )
        self._metrics.trace_requests.labels("413").inc()
        return refusal(error, media_type_of(content_type))

    def _receive(self, body: bytes, media_type: str, encoding: str) -> Reply:
        if media_type not in (PROTOBUF, JSON):
            raise UnsupportedMediaError(
                f"the Content-Type {media_type!r} is not OTLP/HTTP",
                advice=f"send {PROTOBUF} or {JSON}",
            )
        raw = unpacked(body, encoding, self._max_body_bytes, BODY_LIMIT)
        request = decode(raw, media_type == JSON)
        dropped = spans = span_count(request)
        if self._counters.wants("spans"):
            dropped = self._counters.count("spans", spans_of(request))
        self._metrics.spans.inc(spans)
        self._metrics.dropped.inc(dropped)
        empty = b"{}" if media_type == JSON else ExportTraceServiceResponse().SerializeToString()
        return Reply(200, empty, media_type)
