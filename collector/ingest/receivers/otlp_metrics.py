"""OTLP metrics: one request to the store, and what is told of what it refused."""

from __future__ import annotations

from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

from collector.ingest.formats.otlp_metrics import from_json
from collector.ingest.limits import MAX_OTLP_BODY_BYTES
from collector.ingest.otlp_writer import OtlpWriter
from collector.ingest.receivers.otlp_exchange import MAX_MESSAGE_CHARACTERS, OtlpReceiver
from collector.self_metrics import IngestMetrics


class MetricsReceiver(OtlpReceiver):
    """Stores metrics."""

    def __init__(
        self, writer: OtlpWriter, metrics: IngestMetrics, max_body_bytes: int = MAX_OTLP_BODY_BYTES
    ) -> None:
        super().__init__(metrics.otlp_requests, max_body_bytes)
        self._writer = writer

    def _take(self, raw: bytes, *, is_json: bool) -> Message:
        outcome = self._writer.write(from_json(raw) if is_json else raw)
        rejected = outcome.refused.total()
        if not rejected:
            return ExportMetricsServiceResponse()
        partial = ExportMetricsPartialSuccess(
            rejected_data_points=rejected,
            error_message=outcome.message()[:MAX_MESSAGE_CHARACTERS],
        )
        return ExportMetricsServiceResponse(partial_success=partial)
