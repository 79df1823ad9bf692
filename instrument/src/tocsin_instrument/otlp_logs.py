"""Log records over OTLP: queued as they are, turned into OpenTelemetry's form on the thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from tocsin_instrument.log_json import STANDARD_FIELDS, JsonFormatter, is_of_an_exporter
from tocsin_instrument.outbox import Outbox
from tocsin_instrument.request_context import SpanIds, current_request, current_span

SEVERITIES = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
    (logging.NOTSET, SeverityNumber.TRACE, "TRACE"),
)
"""Python's levels from above, and OpenTelemetry's names and numbers for them."""

_exceptions = JsonFormatter("")


@dataclass(frozen=True, slots=True)
class Logged:
    """A record with what only the logging thread knew: its message, its span, its request."""

    record: logging.LogRecord
    message: str
    span: SpanIds | None
    request_id: str


class OtlpLogHandler(logging.Handler):
    """Puts every record that reaches it into an outbox; never formats, never waits."""

    def __init__(self, outbox: Outbox[Logged]) -> None:
        super().__init__()
        self._outbox = outbox
        self.addFilter(lambda record: not is_of_an_exporter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record."""
        try:
            context = current_request.get()
            request_id = "" if context is None else context.request_id
            self._outbox.put(Logged(record, record.getMessage(), current_span(), request_id))
        except Exception:
            self.handleError(record)


def log_export(
    exporter: LogRecordExporter, resource: Callable[[], Resource]
) -> Callable[[Sequence[Logged]], bool]:
    """What an outbox of `Logged` calls: True when the exporter took the batch."""

    def export(batch: Sequence[Logged]) -> bool:
        now = resource()
        records = [otel_record(logged, now) for logged in batch]
        return exporter.export(records) is LogRecordExportResult.SUCCESS

    return export


def otel_record(logged: Logged, resource: Resource) -> ReadableLogRecord:
    """The record with severity, body, ids and attributes as OpenTelemetry has them."""
    record = logged.record
    number, text = next((n, t) for level, n, t in SEVERITIES if record.levelno >= level)
    created_ns = int(record.created * 1e9)
    return ReadableLogRecord(
        LogRecord(
            timestamp=created_ns,
            observed_timestamp=created_ns,
            context=_context(logged.span),
            severity_text=text,
            severity_number=number,
            body=logged.message,
            attributes=_attributes(logged),
        ),
        resource,
        InstrumentationScope(record.name),
    )


def _attributes(logged: Logged) -> dict[str, str | int | float | bool]:
    fields = logged.record.__dict__
    attributes: dict[str, str | int | float | bool] = {
        name: value if isinstance(value, str | int | float | bool) else str(value)
        for name, value in fields.items()
        if name not in STANDARD_FIELDS
    }
    if logged.request_id:
        attributes["request_id"] = logged.request_id
    for name, text in _exceptions.exception_fields(logged.record).items():
        attributes[name.replace("_", ".", 1)] = text
    return attributes


def _context(span: SpanIds | None) -> Context:
    if span is None:
        return trace.set_span_in_context(trace.INVALID_SPAN, Context())
    own = SpanContext(
        int(span[0], 16), int(span[1], 16), False, trace_flags=TraceFlags(int(span[2], 16))
    )
    return trace.set_span_in_context(NonRecordingSpan(own), Context())
