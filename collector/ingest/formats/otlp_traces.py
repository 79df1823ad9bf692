"""OTLP traces: bytes of a request in, the fields of its spans out; no socket, no clock.

Source: opentelemetry-proto 1.x (trace.proto). Ids, events and links are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.ingest.formats.otlp_json import read_json
from collector.ingest.formats.otlp_logs import RESOURCE_PREFIX, SERVICE, attribute_texts
from collector.model.errors import InputError, LimitError
from collector.model.record_rule import Record

MAX_SPANS = 100_000
"""Spans of one request: exporters batch hundreds."""
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def decode(body: bytes, is_json: bool) -> ExportTraceServiceRequest:
    """The request. Raises InputError when the body is none, LimitError over MAX_SPANS spans."""
    request = read_json(body, ExportTraceServiceRequest()) if is_json else _from_protobuf(body)
    if span_count(request) > MAX_SPANS:
        raise LimitError(
            f"over {MAX_SPANS:,} spans in one request",
            advice="let the sender make smaller batches",
        )
    return request


def span_count(request: ExportTraceServiceRequest) -> int:
    """How many spans a request has."""
    return sum(len(scope.spans) for of in request.resource_spans for scope in of.scope_spans)


def spans_of(request: ExportTraceServiceRequest) -> Iterator[Record]:
    """The spans of a request, one after the other.

    Fields are `service`, `name`, `kind`, `status`, `scope`, the attributes by their names, and
    those of the resource behind `resource.`.
    """
    for of in request.resource_spans:
        shared = attribute_texts(of.resource.attributes, RESOURCE_PREFIX)
        service = shared.pop(RESOURCE_PREFIX + SERVICE, "")
        for scope in of.scope_spans:
            for span in scope.spans:
                yield _fields(span, {**shared, "service": service, "scope": scope.scope.name})


def _fields(span: Span, shared: Mapping[str, str]) -> Record:
    own = {"name": span.name, "kind": _named(_KINDS, span.kind)}
    own["status"] = _named(_STATUSES, span.status.code)
    nanoseconds = max(0, span.end_time_unix_nano - span.start_time_unix_nano)
    return Record({**attribute_texts(span.attributes), **shared, **own}, nanoseconds / 1e6)


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else names[0]


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    try:
        request: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise InputError(
            "the body is not an OTLP ExportTraceServiceRequest in protobuf",
            advice="see that the sender's Content-Type says what it sends",
        ) from error
    return request
