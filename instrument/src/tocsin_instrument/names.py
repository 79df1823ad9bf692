"""Names, units, labels and buckets of every series of this library: its contract with dashboards.

On a Prometheus page the names stand as written here; over OTLP the HTTP series carry the names of
OpenTelemetry's semantic conventions, which a collector turns back into the same Prometheus names.
Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/.
"""

from __future__ import annotations

from dataclasses import dataclass

DURATION_BUCKETS_SECONDS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
"""The buckets that the semantic conventions advise for durations of HTTP requests."""

HTTP_DURATION = "http_server_request_duration_seconds"
"""Histogram; labels http_route, http_request_method, http_response_status_code."""

HTTP_ACTIVE = "http_server_active_requests"
"""Gauge of requests being answered now; label http_request_method."""

OPERATION_DURATION = "operation_duration_seconds"
"""Histogram of `measured()` operations; labels operation, outcome (ok or error)."""

INDICATOR_EVENTS = "indicator_events"
"""Counter (`_total`) of `good()` and `bad()`; labels indicator, outcome (good or bad)."""

DROPPED = "tocsin_instrument_dropped"
"""Counter (`_total`) of what was not exported; labels signal, reason."""

ROUTE = "http_route"
METHOD = "http_request_method"
STATUS = "http_response_status_code"

KNOWN_METHODS = {
    name: name
    for name in ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
}
"""Methods of RFC 9110 and RFC 5789; any other is `_OTHER`, so that clients can't make series."""

OTHER = "_OTHER"
UNMATCHED = ""
"""The route of a request that no route answers: to Prometheus, a label that is not there."""

SERVER_ERROR = 500
CLIENT_CLOSED_REQUEST = 499
"""nginx's code for a client that went away before the answer began."""

MAX_ROUTES = 1000
"""More route templates than this are no templates but paths; the rest counts as `_OTHER`."""


@dataclass(frozen=True, slots=True)
class OtelName:
    """How a series is called over OTLP; `attributes` maps label names to attribute names."""

    name: str
    unit: str
    attributes: dict[str, str]


_HTTP_ATTRIBUTES = {
    ROUTE: "http.route",
    METHOD: "http.request.method",
    STATUS: "http.response.status_code",
}

OTEL_NAMES = {
    HTTP_DURATION: OtelName("http.server.request.duration", "s", _HTTP_ATTRIBUTES),
    HTTP_ACTIVE: OtelName("http.server.active_requests", "{request}", _HTTP_ATTRIBUTES),
}
"""Series that have a name in the semantic conventions; all others keep theirs."""
