"""OTLP logs: bytes of a request in, a `LogBatch` out; no socket, no clock.

Source: opentelemetry.io/docs/specs/otel/logs/data-model and opentelemetry-proto 1.x.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as OtlpRecord

from collector.ingest.formats.otlp_json import read_json
from collector.ingest.limits import MAX_ATTRIBUTE_DEPTH
from collector.model.errors import InputError, LimitError
from collector.model.records import LogBatch, LogRecord

MAX_RECORDS = 100_000
"""Records of one request: exporters batch hundreds."""
MAX_RECORD_BYTES = 256 * 1024
"""Text of one record; a longer one is refused alone, as a cut-off one would lie."""
MAX_ATTRIBUTES = 256
"""OpenTelemetry's own limit is 128 attributes a record, plus those of its resource."""
SERVICE = "service.name"
RESOURCE_PREFIX = "resource."
SEVERITIES: Mapping[str, int] = {
    "TRACE": 1,
    "DEBUG": 5,
    "INFO": 9,
    "INFORMATION": 9,
    "NOTICE": 10,
    "WARN": 13,
    "WARNING": 13,
    "ERROR": 17,
    "CRITICAL": 21,
    "ALERT": 21,
    "EMERGENCY": 21,
    "FATAL": 21,
}
"""Severity numbers of the names that loggers use, for records that give the name only."""


@dataclass(frozen=True, slots=True)
class DecodedLogs:
    """The records that could be read, and how many could not, by reason."""

    batch: LogBatch
    refused: Mapping[str, int]


def from_protobuf(body: bytes, received_ms: int) -> DecodedLogs:
    """The records of an ExportLogsServiceRequest; `received_ms` dates those without a time.

    Raises InputError when it is none, LimitError over MAX_RECORDS records.
    """
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise InputError(
            "the body is not an OTLP ExportLogsServiceRequest in protobuf",
            advice="see that the sender's Content-Type says what it sends",
        ) from error
    return _records(request, received_ms)


def from_json(body: bytes, received_ms: int) -> DecodedLogs:
    """The same from OTLP's JSON."""
    return _records(read_json(body, ExportLogsServiceRequest()), received_ms)


def _records(request: ExportLogsServiceRequest, received_ms: int) -> DecodedLogs:
    records: list[LogRecord] = []
    refused: dict[str, int] = {}
    for number, (record, shared, service) in enumerate(_walk(request)):
        if number >= MAX_RECORDS:
            raise LimitError(
                f"over {MAX_RECORDS:,} log records in one request",
                advice="let the sender make smaller batches",
            )
        found = _record(record, shared, service, received_ms)
        reason = _reason_to_refuse(found)
        if reason:
            refused[reason] = refused.get(reason, 0) + 1
        else:
            records.append(found)
    return DecodedLogs(LogBatch(tuple(records)), refused)


def _walk(request: ExportLogsServiceRequest) -> Iterator[tuple[OtlpRecord, dict[str, str], str]]:
    """Each record with the attributes of its resource and scope, and its service."""
    for resource_logs in request.resource_logs:
        shared = attribute_texts(resource_logs.resource.attributes, RESOURCE_PREFIX)
        service = shared.pop(RESOURCE_PREFIX + SERVICE, "")
        for scope_logs in resource_logs.scope_logs:
            named = {"scope.name": scope_logs.scope.name} if scope_logs.scope.name else {}
            for record in scope_logs.log_records:
                yield record, {**shared, **named}, service


def _record(
    record: OtlpRecord, shared: Mapping[str, str], service: str, received_ms: int
) -> LogRecord:
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    severity = record.severity_number or SEVERITIES.get(record.severity_text.upper(), 0)
    return LogRecord(
        timestamp_ms=nanoseconds // 1_000_000 or received_ms,
        severity=min(max(severity, 0), 24),
        body=text_of(record.body),
        service=service,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        attributes={**shared, **attribute_texts(record.attributes)},
    )


def _reason_to_refuse(record: LogRecord) -> str:
    attributes = record.attributes
    size = len(record.body) + sum(len(key) + len(value) for key, value in attributes.items())
    if size > MAX_RECORD_BYTES:
        return "too_long"
    return "too_many_attributes" if len(attributes) > MAX_ATTRIBUTES else ""


def attribute_texts(pairs: Iterable[KeyValue], prefix: str = "") -> dict[str, str]:
    """Attributes by name, each as `text_of` writes it; the last of a name holds."""
    return {prefix + pair.key: text_of(pair.value) for pair in pairs}


def text_of(value: AnyValue) -> str:
    """A value as text: strings as they are, true and false, bytes in base64, the rest as JSON."""
    plain = _plain(value, 0)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: AnyValue, depth: int) -> object:
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    if depth > MAX_ATTRIBUTE_DEPTH:
        return "<nested too deep>"
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "array_value":
        return [_plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values
        return {pair.key: _plain(pair.value, depth + 1) for pair in pairs}
    plain: object = getattr(value, kind)
    return plain
