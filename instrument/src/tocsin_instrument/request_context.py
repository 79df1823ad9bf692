"""Who a request is: W3C trace context and request id, in from headers, kept in a context variable.

Sources: https://www.w3.org/TR/trace-context/ (version 00, and how to read later versions). The
request id is whatever the caller sent in X-Request-Id, when it is short and harmless to log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar

MAX_REQUEST_ID_BYTES = 128
"""Longer ids are replaced: they would be repeated in every log record."""

MAX_TRACESTATE_BYTES = 512
"""The length that a vendor must at least propagate (W3C Trace Context, 3.3.1.5)."""

_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,%d}" % MAX_REQUEST_ID_BYTES)
_TRACESTATE = re.compile(rb"[\x20-\x7e]{1,%d}" % MAX_TRACESTATE_BYTES)
_WANTED = frozenset({b"traceparent", b"tracestate", b"x-request-id"})


class RequestContext:
    """Ids of the request being answered, as lower-case hex; `flags` is `01` when it is sampled."""

    __slots__ = ("flags", "parent_span_id", "request_id", "span_id", "trace_id", "tracestate")

    def __init__(
        self,
        trace_id: str,
        span_id: str,
        request_id: str,
        parent_span_id: str = "",
        flags: str = "01",
        tracestate: str = "",
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.request_id = request_id
        self.parent_span_id = parent_span_id
        self.flags = flags
        self.tracestate = tracestate


current_request: ContextVar[RequestContext | None] = ContextVar("tocsin_request", default=None)

SpanIds = tuple[str, str, str]
"""Trace id, span id, flags."""

_span_readers: list[Callable[[], SpanIds | None]] = []


def read_spans_with(reader: Callable[[], SpanIds | None]) -> None:
    """Let `reader` say which span is current: set when an OpenTelemetry SDK records spans."""
    if reader not in _span_readers:
        _span_readers.append(reader)


def context_from(headers: Iterable[tuple[bytes, bytes]]) -> RequestContext:
    """The context of a request with these headers; what is missing or malformed is made anew."""
    traceparent = tracestate = request_id = b""
    for name, value in headers:
        if name in _WANTED:
            if name == b"traceparent":
                # Two of them contradict each other; then a new trace begins.
                traceparent = b"two" if traceparent else value
            elif name == b"tracestate":
                tracestate = tracestate + b"," + value if tracestate else value
            else:
                request_id = value
    ids = os.urandom(40).hex()
    known_id = request_id and _REQUEST_ID.fullmatch(request_id)
    own_id = request_id.decode("ascii") if known_id else ids[48:]
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None or (match[1] == b"00" and match[5] is not None):
        return RequestContext(ids[:32], ids[32:48], own_id)
    return RequestContext(
        match[2].decode(),
        ids[32:48],
        own_id,
        match[3].decode(),
        "01" if match[4][-1] in b"13579bdf" else "00",
        tracestate.decode() if _TRACESTATE.fullmatch(tracestate) else "",
    )


def current_span() -> SpanIds | None:
    """Ids of the span that code runs in now, or None outside a request and a span."""
    for reader in _span_readers:
        ids = reader()
        if ids is not None:
            return ids
    context = current_request.get()
    return None if context is None else (context.trace_id, context.span_id, context.flags)


def outgoing_headers() -> dict[str, str]:
    """Headers that carry the current trace and request id to the next service; {} outside one.

    Pass them along: `client.get(url, headers=outgoing_headers())`.
    """
    headers: dict[str, str] = {}
    span = current_span()
    if span is not None:
        headers["traceparent"] = f"00-{span[0]}-{span[1]}-{span[2]}"
    context = current_request.get()
    if context is not None:
        headers["x-request-id"] = context.request_id
        if context.tracestate:
            headers["tracestate"] = context.tracestate
    return headers
