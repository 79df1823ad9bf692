"""OTLP/JSON to the messages that protobuf has: one reader for metrics, logs and traces.

It is protobuf's JSON mapping, but for the ids of traces and spans, which are hex and not base64.
Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from collector.model.errors import InputError

_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")

_Request = TypeVar("_Request", bound=Message)


def read_json(body: bytes, request: _Request) -> _Request:
    """Fill `request` with what a body says, unknown fields left out. Raises InputError."""
    try:
        parsed = json.loads(body, object_hook=_with_bytes)
        if not isinstance(parsed, dict):
            raise ParseError("the outermost value must be an object")
        ParseDict(parsed, request, ignore_unknown_fields=True)
    except (ValueError, ParseError, RecursionError, AttributeError, TypeError) as error:
        raise InputError(
            f"the body is not OTLP/JSON, an {request.DESCRIPTOR.name}: {str(error)[:300]}",
            advice="see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding",
        ) from error
    return request


def _with_bytes(message: dict[str, Any]) -> dict[str, Any]:
    """An object with its ids in base64, as protobuf's JSON has bytes."""
    for name in _IDS:
        if message.get(name):
            message[name] = base64.b64encode(bytes.fromhex(message[name])).decode()
    return message
