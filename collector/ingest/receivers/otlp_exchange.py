"""What OTLP/HTTP asks of every signal: limits, media types, encodings, answers and refusals.

What a signal does with a request is its receiver's: `otlp_metrics`, `otlp_logs`, `otlp_traces`.
Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from prometheus_client import Counter

from collector.ingest.inflate import BodyReader, OversizeError, unpack_zstd
from collector.ingest.limits import MAX_OTLP_BODY_BYTES, MAX_OTLP_COMPRESSED_BYTES
from collector.model.errors import (
    InputError,
    LimitError,
    StorageError,
    TocsinError,
    UnavailableError,
)

PROTOBUF, JSON = "application/x-protobuf", "application/json"
RETRY_AFTER_SECONDS = 5
MAX_MESSAGE_CHARACTERS = 1_000

_BODY_LIMIT = "otlp.max_body_size"
"""The setting that bounds a body, as errors name it."""
_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED, _INTERNAL, _UNAVAILABLE = 3, 8, 13, 14


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class UnsupportedMediaError(InputError):
    """A content type or encoding that OTLP/HTTP does not have (HTTP 415)."""


class OtlpReceiver(ABC):
    """Takes whole requests of one signal; blocking, so call it from a thread."""

    def __init__(self, requests: Counter, max_body_bytes: int = MAX_OTLP_BODY_BYTES) -> None:
        """`requests` counts the answers by their `code`."""
        self._requests = requests
        self._max_body_bytes = max_body_bytes

    @property
    def max_wire_bytes(self) -> int:
        """How many bytes of a body are worth reading: more is refused by its length alone."""
        return max(self._max_body_bytes, MAX_OTLP_COMPRESSED_BYTES)

    def receive(self, body: bytes, content_type: str, content_encoding: str) -> Reply:
        """Take what the body says; every error becomes an answer that says what is wrong."""
        media_type = _media_type(content_type)
        try:
            raw = self._unpacked(body, media_type, content_encoding.strip().lower())
            response = self._take(raw, is_json=media_type == JSON)
        except TocsinError as error:
            return self._counted(_refusal(error, media_type))
        return self._counted(Reply(200, _encoded(response, media_type), media_type))

    def refuse_oversize(self, content_type: str) -> Reply:
        """The answer to a body that is not even read to its end."""
        error = OversizeError(
            f"the body is larger than {_BODY_LIMIT} of {self._max_body_bytes:,} bytes",
            advice=f"let the sender make smaller batches, or raise {_BODY_LIMIT}",
        )
        return self._counted(_refusal(error, _media_type(content_type)))

    @abstractmethod
    def _take(self, raw: bytes, *, is_json: bool) -> Message:
        """The signal's own response to an unpacked request, partial where a part was refused.

        Raises the branches of TocsinError when nothing of it was taken.
        """

    def _unpacked(self, body: bytes, media_type: str, encoding: str) -> bytes:
        if media_type not in (PROTOBUF, JSON):
            raise UnsupportedMediaError(
                f"the Content-Type {media_type!r} is not OTLP/HTTP",
                advice=f"send {PROTOBUF} or {JSON}",
            )
        return _unpacked(body, encoding, self._max_body_bytes)

    def _counted(self, reply: Reply) -> Reply:
        self._requests.labels(str(reply.status)).inc()
        return reply


def _media_type(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _unpacked(body: bytes, encoding: str, limit_bytes: int) -> bytes:
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
        return unpack_zstd(body, limit_bytes, _BODY_LIMIT)
    reader = BodyReader(gzip=encoding == "gzip", limit_bytes=limit_bytes, limit_name=_BODY_LIMIT)
    reader.feed(body)
    return reader.finish()


def _encoded(response: Message, media_type: str) -> bytes:
    if media_type == JSON:
        return json.dumps(MessageToDict(response)).encode()
    encoded: bytes = response.SerializeToString()
    return encoded


def _refusal(error: TocsinError, media_type: str) -> Reply:
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
    return 500, _INTERNAL


def _rpc_status(code: int, message: str) -> bytes:
    """google.rpc.Status by hand, its two fields are not worth a dependency."""
    text = message.encode()
    length, encoded = len(text), bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes((0x08, code, 0x12)) + bytes(encoded) + text
