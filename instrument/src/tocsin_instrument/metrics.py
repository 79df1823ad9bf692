"""The metric families of one registry, made once, and the cached children that requests bump.

Every increment goes through prometheus-client's locks, so counts are exact under threads and tasks.
"""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from tocsin_instrument import names

_made: WeakKeyDictionary[CollectorRegistry, Metrics] = WeakKeyDictionary()
_lock = threading.Lock()


class Metrics:
    """The families of one registry; get it with `metrics_of`, which makes them once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.http_duration = Histogram(
            names.HTTP_DURATION,
            "Time from a request's arrival to the last part of its answer.",
            (names.ROUTE, names.METHOD, names.STATUS),
            buckets=names.DURATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self.http_active = Gauge(
            names.HTTP_ACTIVE,
            "Requests that are being answered now.",
            (names.METHOD,),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.operation_duration = Histogram(
            names.OPERATION_DURATION,
            "Time that a measured operation took.",
            ("operation", "outcome"),
            buckets=names.DURATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self.indicator_events = Counter(
            names.INDICATOR_EVENTS,
            "Good and bad events for an objective.",
            ("indicator", "outcome"),
            registry=registry,
        )
        self.dropped = Counter(
            names.DROPPED,
            "Spans, log records and data points that were not exported, by reason.",
            ("signal", "reason"),
            registry=registry,
        )


def metrics_of(registry: CollectorRegistry | None = None) -> Metrics:
    """The families of `registry` (default: prometheus-client's global one)."""
    registry = REGISTRY if registry is None else registry
    with _lock:
        if registry not in _made:
            _made[registry] = Metrics(registry)
        return _made[registry]


class HttpMetrics:
    """What requests of one app bump; children of the families are looked up once and kept."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._durations: dict[tuple[str, str, int], Histogram] = {}
        self._active: dict[str, Gauge] = {}
        self._routes: set[str] = set()

    def active(self, method: str) -> Gauge:
        """The gauge of requests in flight of a known method or `_OTHER`."""
        gauge = self._active.get(method)
        if gauge is None:
            gauge = self._active[method] = self._metrics.http_active.labels(method)
        return gauge

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        child = self._durations.get((route, method, status))
        if child is None:
            child = self._child(route, method, status)
        child.observe(seconds)

    def _child(self, route: str, method: str, status: int) -> Histogram:
        if route not in self._routes:
            if len(self._routes) >= names.MAX_ROUTES:
                self._metrics.dropped.labels("metrics", "too_many_routes").inc()
                return self._metrics.http_duration.labels(names.OTHER, method, str(status))
            self._routes.add(route)
        # The series of errors is there, at zero, before the first error, so that no error is lost
        # to a reader that only sees differences.
        self._metrics.http_duration.labels(route, method, str(names.SERVER_ERROR))
        child = self._metrics.http_duration.labels(route, method, str(status))
        self._durations[route, method, status] = child
        return child
