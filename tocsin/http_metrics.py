"""Counts and times every HTTP request that tocsin answers, by route template and status.

Its own SLOs (API availability, API latency) rest on these series.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.model.clock import Clock

LATENCY_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
KNOWN_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


class HttpMetrics:
    """`tocsin_http_requests_total` and `tocsin_http_request_duration_seconds`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "tocsin_http_requests",
            "HTTP requests answered, by route template, method and status code.",
            ("route", "method", "code"),
            registry=registry,
        )
        self.duration_seconds = Histogram(
            "tocsin_http_request_duration_seconds",
            "Time from a request's first byte to the last byte of its answer.",
            ("route",),
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )


class MeasuredHttp:
    """ASGI middleware that fills `HttpMetrics`; an error that escapes counts as 500."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = self._clock.monotonic_seconds()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._count(scope, status, self._clock.monotonic_seconds() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in KNOWN_METHODS else "OTHER"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.duration_seconds.labels(route).observe(seconds)
