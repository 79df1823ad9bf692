"""OTLP/HTTP metrics: one HTTP body to an answer; the routes are in `collector.api.ingest`.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from collector.ingest.formats.otlp_metrics import from_json
from collector.ingest.inflate import BodyReader, OversizeError, unpack_zstd
from collector.ingest.limits import MAX_OTLP_BODY_BYTES, MAX_OTLP_COMPRESSED_BYTES
from collector.ingest.otlp_writer import OtlpWriter, Outcome
from collector.model.errors import (
    InputError,
    LimitError,
    StorageError,
    TocsinError,
    UnavailableError,
)
from collector.self_metrics import IngestMetrics

PROTOBUF, JSON = "application/x-protobuf", "application/json"
RETRY_AFTER_SECONDS = 5
MAX_MESSAGE_CHARACTERS = 1_000
BODY_LIMIT = "otlp.max_body_size"
"""The setting that bounds a body, as errors name it."""

_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _UNAVAILABLE = 3, 8, 14


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class UnsupportedMediaError(InputError):
    """A content type or encoding that OTLP/HTTP does not have (HTTP 415)."""


class OtlpReceiver:
    """Takes whole requests; blocking, so call it from a thread."""

    def __init__(
        self, writer: OtlpWriter, metrics: IngestMetrics, max_body_bytes: int = MAX_OTLP_BODY_BYTES
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes

    @property
    def max_wire_bytes(self) -> int:
        """How many bytes of a body are worth reading: more is refused by its length alone."""
        return max(self._max_body_bytes, MAX_OTLP_COMPRESSED_BYTES)

    def receive(self, body: bytes, content_type: str, content_encoding: str) -> Reply:
        """Store what the body says; every error becomes an answer that says what is wrong."""
        media_type = content_type.partition(";")[0].strip().lower()
        try:
            reply = self._receive(body, media_type, content_encoding.strip().lower())
        except TocsinError as error:
            reply = refusal(error, media_type)
        self._metrics.otlp_requests.labels(str(reply.status)).inc()
        return reply

    def refuse_oversize(self, content_type: str) -> Reply:
        """The answer to a body that is not even read to its end."""
        error = OversizeError(
            f"the body is larger than otlp.max_body_size of {self._max_body_bytes:,} bytes",
            advice="let the sender make smaller batches, or raise otlp.max_body_size",
        )
        self._metrics.otlp_requests.labels("413").inc()
        return refusal(error, content_type.partition(";")[0].strip().lower())

    def _receive(self, body: bytes, media_type: str, encoding: str) -> Reply:
        if media_type not in (PROTOBUF, JSON):
            raise UnsupportedMediaError(
                f"the Content-Type {media_type!r} is not OTLP/HTTP",
                advice=f"send {PROTOBUF} or {JSON}",
            )
        raw = unpacked(body, encoding, self._max_body_bytes, BODY_LIMIT)
        outcome = self._writer.write(from_json(raw) if media_type == JSON else raw)
        return Reply(200, response_body(outcome, media_type), media_type)


def unpacked(body: bytes, encoding: str, limit_bytes: int, limit_name: str) -> bytes:
    """The body without its Content-Encoding.

    Raises UnsupportedMediaError for one that is neither gzip nor zstd, OversizeError past the
    limit.
    """
    if encoding not in ("", "identity", "gzip", "zstd"):
        raise UnsupportedMediaError(
            f"the Content-Encoding {encoding!r} is not supported", advice="send gzip, zstd or none"
        )
    if encoding in ("gzip", "zstd") and len(body) > MAX_OTLP_COMPRESSED_BYTES:
        raise OversizeError(
            f"the {encoding} body is larger than {MAX_OTLP_COMPRESSED_BYTES:,} bytes",
            advice="let the sender make smaller batches",
        )
    if encoding == "zstd":
        return unpack_zstd(body, limit_bytes, limit_name)
    reader = BodyReader(gzip=encoding == "gzip", limit_bytes=limit_bytes, limit_name=limit_name)
    reader.feed(body)
    return reader.finish()


def response_body(outcome: Outcome, media_type: str) -> bytes:
    """An ExportMetricsServiceResponse; partial success when anything was refused."""
    rejected, message = sum(outcome.refused.values()), outcome.message()[:MAX_MESSAGE_CHARACTERS]
    if media_type == JSON:
        partial = {"rejectedDataPoints": str(rejected), "errorMessage": message}
        return json.dumps({"partialSuccess": partial} if rejected else {}).encode()
    response = ExportMetricsServiceResponse()
    if rejected:
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded


def refusal(error: TocsinError, media_type: str) -> Reply:
    """The answer to a request of which nothing was stored: a google.rpc.Status."""
    status, code = _status_of(error)
    text = str(error)[:MAX_MESSAGE_CHARACTERS]
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    if media_type == PROTOBUF:
        return Reply(status, _rpc_status(code, text), PROTOBUF, headers)
    return Reply(status, json.dumps({"code": code, "message": text}).encode(), JSON, headers)


def _status_of(error: TocsinError) -> tuple[int, int]:
    """HTTP status and gRPC code; only 503 makes a sender try again."""
    if isinstance(error, UnsupportedMediaError):
        return 415, _INVALID_ARGUMENT
    if isinstance(error, LimitError):
        return 413, _RESOURCE_EXHAUSTED
    if isinstance(error, InputError):
        return 400, _INVALID_ARGUMENT
    if isinstance(error, StorageError | UnavailableError):
        return 503, _UNAVAILABLE
    return 500, 13


def _rpc_status(code: int, message: str) -> bytes:
    """google.rpc.Status by hand, its two fields are not worth a dependency."""
    text = message.encode()
    length, encoded = len(text), bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes((0x08, code, 0x12)) + bytes(encoded) + text
