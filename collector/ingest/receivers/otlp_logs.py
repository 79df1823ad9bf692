"""OTLP logs: one request's records decoded, redacted, stored, counted by objectives' rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)

from collector.ingest.formats.otlp_logs import DecodedLogs, from_json, from_protobuf
from collector.ingest.limits import MAX_OTLP_BODY_BYTES
from collector.ingest.receivers.otlp_exchange import MAX_MESSAGE_CHARACTERS, OtlpReceiver
from collector.ingest.record_counters import RecordCounters
from collector.ingest.redact import Redactor
from collector.model.clock import Clock
from collector.model.record_rule import Record, severity_name
from collector.model.records import LogRecord
from collector.store.documents.interface import LogStore
from collector.store.documents.self_metrics import LogMetrics

ORIGIN = "otlp"
EXPLANATIONS: Mapping[str, str] = {
    "too_long": "larger than 256 KiB",
    "too_many_attributes": "over 256 attributes",
    "too_old": "older than its level is kept (logs.retention)",
    "in_the_future": "over a day in the future",
    "unavailable": "the log store took only a part",
}


class LogsReceiver(OtlpReceiver):
    """Stores log records."""

    def __init__(
        self,
        store: LogStore,
        redactor: Redactor,
        clock: Clock,
        metrics: LogMetrics,
        max_body_bytes: int = MAX_OTLP_BODY_BYTES,
        counters: RecordCounters | None = None,
    ) -> None:
        """`counters` count the records that objectives ask for, once they are stored."""
        super().__init__(metrics.requests, max_body_bytes)
        self._counters = counters
        self._store = store
        self._redactor = redactor
        self._clock = clock
        self._metrics = metrics

    def _take(self, raw: bytes, *, is_json: bool) -> Message:
        decode = from_json if is_json else from_protobuf
        refused = self._keep(decode(raw, self._clock.now_ms()))
        if not refused:
            return ExportLogsServiceResponse()
        told = (f"{count} {EXPLANATIONS.get(reason, reason)}" for reason, count in refused.items())
        partial = ExportLogsPartialSuccess(
            rejected_log_records=refused.total(),
            error_message="; ".join(told)[:MAX_MESSAGE_CHARACTERS],
        )
        return ExportLogsServiceResponse(partial_success=partial)

    def _keep(self, decoded: DecodedLogs) -> Counter[str]:
        """Redact and store; says how many records were refused, by reason."""
        batch, found = self._redactor.redact_batch(decoded.batch)
        written = self._store.write(batch)
        if self._counters is not None and self._counters.wants("logs"):
            self._counters.count("logs", map(_record, batch.records))
        refused = Counter(decoded.refused) + Counter(written.refused)
        self._metrics.stored.labels(ORIGIN).inc(written.stored)
        for reason, count in refused.items():
            self._metrics.refused.labels(ORIGIN, reason).inc(count)
        for kind, count in found.items():
            self._metrics.redactions.labels(kind).inc(count)
        return refused


def _record(record: LogRecord) -> Record:
    own = {"service": record.service, "severity": severity_name(record.severity)}
    return Record({**record.attributes, **own, "body": record.body})
