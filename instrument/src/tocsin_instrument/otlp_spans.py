"""Server spans by the OpenTelemetry SDK: one a request, the parent of whatever the app traces.

Attributes follow https://opentelemetry.io/docs/specs/semconv/http/http-spans/. No provider is made
global: an application that wants its own spans exported takes `Instrumentation.tracer_provider`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from tocsin_instrument.names import SERVER_ERROR
from tocsin_instrument.outbox import Outbox
from tocsin_instrument.request_context import RequestContext, SpanIds, read_spans_with

SCOPE = "tocsin_instrument"
_ERROR = Status(StatusCode.ERROR)
_EMPTY = otel_context.Context()


class ToOutbox(SpanProcessor):
    """Puts sampled spans that have ended into an outbox, which counts those it can't keep."""

    def __init__(self, outbox: Outbox[ReadableSpan]) -> None:
        self._outbox = outbox

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span, when its trace is sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._outbox.put(span)


class OtelSpans:
    """Begins a SERVER span for each request, under the caller's span when there is one."""

    def __init__(self, resource: Resource, outbox: Outbox[ReadableSpan]) -> None:
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(ToOutbox(outbox))
        self._tracer = self.provider.get_tracer(SCOPE)
        read_spans_with(current_otel_span)

    def begin(self, scope: MutableMapping[str, Any], context: RequestContext) -> OtelSpan:
        """The open span, made current; `context` gets its ids."""
        span = self._tracer.start_span(
            scope["method"], _parent(context), SpanKind.SERVER, _request_attributes(scope)
        )
        own = span.get_span_context()
        context.trace_id = trace.format_trace_id(own.trace_id)
        context.span_id = trace.format_span_id(own.span_id)
        context.flags = f"{int(own.trace_flags):02x}"
        return OtelSpan(span)


class OtelSpan:
    """One open SERVER span, and what undoes its being current."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token = otel_context.attach(trace.set_span_in_context(span))

    def end(self, method: str, route: str, status: int, error: BaseException | None) -> None:
        """Name the span after the route, give it the outcome, and end it."""
        span = self._span
        if span.is_recording():
            span.update_name(f"{method} {route}" if route else method)
            span.set_attribute("http.response.status_code", status)
            if route:
                span.set_attribute("http.route", route)
            if error is not None:
                span.record_exception(error)
                span.set_attribute("error.type", type(error).__qualname__)
            elif status >= SERVER_ERROR:
                span.set_attribute("error.type", str(status))
            if status >= SERVER_ERROR:
                span.set_status(_ERROR)
        span.end()

    def leave(self) -> None:
        """Make the span that was current before current again."""
        otel_context.detach(self._token)


def current_otel_span() -> SpanIds | None:
    """Ids of the span that OpenTelemetry has as the current one, or None."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return (
        trace.format_trace_id(span.trace_id),
        trace.format_span_id(span.span_id),
        f"{int(span.trace_flags):02x}",
    )


def _parent(context: RequestContext) -> otel_context.Context:
    """The caller's span, as the parent; an empty context begins a new trace."""
    if not context.parent_span_id:
        return _EMPTY
    caller = SpanContext(
        int(context.trace_id, 16),
        int(context.parent_span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(context.flags, 16)),
        trace_state=TraceState.from_header([context.tracestate]) if context.tracestate else None,
    )
    return trace.set_span_in_context(NonRecordingSpan(caller), _EMPTY)


def _request_attributes(scope: MutableMapping[str, Any]) -> dict[str, str]:
    return {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
    }
