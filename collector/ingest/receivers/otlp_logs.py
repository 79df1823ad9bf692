"""OTLP/HTTP logs: one HTTP body to an answer: unpack, decode, redact, store.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from collector.ingest.formats.otlp_logs import DecodedLogs, from_json, from_protobuf
from collector.ingest.inflate import OversizeError
from collector.ingest.limits import MAX_OTLP_BODY_BYTES, MAX_OTLP_COMPRESSED_BYTES
from collector.ingest.receivers.otlp_http import (
    BODY_LIMIT,
    JSON,
    MAX_MESSAGE_CHARACTERS,
    PROTOBUF,
    Reply,
    UnsupportedMediaError,
    refusal,
    unpacked,
)
from collector.ingest.record_counters import RecordCounters
from collector.ingest.redact import Redactor
from collector.model.clock import Clock
from collector.model.errors import TocsinError
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


class LogsReceiver:
    """Takes whole requests; blocking, so call it from a thread."""

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
        self._counters = counters
        self._store = store
        self._redactor = redactor
        self._clock = clock
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes

    @property
    def max_wire_bytes(self) -> int:
        """How many bytes of a body are worth reading: more is refused by its length alone."""
        return max(self._max_body_bytes, MAX_OTLP_COMPRESSED_BYTES)

    def receive(self, body: bytes, content_type: str, content_encoding: str) -> Reply:
        """Store what the body says; every error becomes an answer that says what is wrong."""
        media_type = media_type_of(content_type)
        try:
            reply = self._receive(body, media_type, content_encoding.strip().lower())
        except TocsinError as error:
            reply = refusal(error, media_type)
        self._metrics.requests.labels(str(reply.status)).inc()
        return reply

    def refuse_oversize(self, content_type: str) -> Reply:
        """The answer to a body that is not even read to its end."""
        error = OversizeError(
            f"the body is larger than {BODY_LIMIT} of {self._max_body_bytes:,} bytes",
            advice=f"let the sender make smaller batches, or raise {BODY_LIMIT}",
        )
        self._metrics.requests.labels("413").inc()
        return refusal(error, media_type_of(content_type))

    def _receive(self, body: bytes, media_type: str, encoding: str) -> Reply:
        if media_type not in (PROTOBUF, JSON):
            raise UnsupportedMediaError(
                f"the Content-Type {media_type!r} is not OTLP/HTTP",
                advice=f"send {PROTOBUF} or {JSON}",
            )
        raw = unpacked(body, encoding, self._max_body_bytes, BODY_LIMIT)
        decode = from_json if media_type == JSON else from_protobuf
        refused = self._keep(decode(raw, self._clock.now_ms()))
        return Reply(200, response_body(refused, media_type), media_type)

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


def media_type_of(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def response_body(refused: Counter[str], media_type: str) -> bytes:
    """An ExportLogsServiceResponse; partial success when anything was refused."""
    told = (f"{count} {EXPLANATIONS.get(reason, reason)}" for reason, count in refused.items())
    message = "; ".join(told)[:MAX_MESSAGE_CHARACTERS]
    if media_type == JSON:
        partial = {"rejectedLogRecords": str(refused.total()), "errorMessage": message}
        return json.dumps({"partialSuccess": partial} if refused else {}).encode()
    response = ExportLogsServiceResponse()
    if refused:
        response.partial_success.rejected_log_records = refused.total()
        response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded
