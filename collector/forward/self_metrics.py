"""Figures of the queue by endpoint: what was sent, what was not and why, how far behind it is."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REQUEST_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ForwardMetrics:
    """Figures of sending on; the label `endpoint` is its name, or its URL without credentials."""

    def __init__(self, registry: CollectorRegistry) -> None:
        endpoint = ("endpoint",)
        self.sent = Counter(
            "tocsin_forward_samples_sent",
            "Samples, histograms and exemplars that an endpoint took.",
            endpoint,
            registry=registry,
        )
        self.dropped = Counter(
            "tocsin_forward_samples_dropped",
            "Samples that an endpoint will not get, by reason.",
            ("endpoint", "reason"),
            registry=registry,
        )
        self.retried = Counter(
            "tocsin_forward_samples_retried",
            "Samples of requests that failed and are tried again.",
            endpoint,
            registry=registry,
        )
        self.unqueued = Counter(
            "tocsin_forward_samples_unqueued",
            "Samples that were stored but could not be written to the queue.",
            registry=registry,
        )
        self.segments_dropped = Counter(
            "tocsin_forward_segments_dropped",
            "Segments of the queue that went unsent because it was full.",
            endpoint,
            registry=registry,
        )
        self.requests = Counter(
            "tocsin_forward_requests",
            "Requests to an endpoint, by the status of the answer; `error` is none.",
            ("endpoint", "code"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "tocsin_forward_request_duration_seconds",
            "Time until an endpoint answered.",
            endpoint,
            buckets=REQUEST_BUCKETS_SECONDS,
            registry=registry,
        )
        self._declare_state(registry)

    def _declare_state(self, registry: CollectorRegistry) -> None:
        endpoint = ("endpoint",)
        self.lag_seconds = Gauge(
            "tocsin_forward_lag_seconds",
            "Age of the oldest sample that is not sent yet; 0 when all are.",
            endpoint,
            registry=registry,
        )
        self.pending_bytes = Gauge(
            "tocsin_forward_pending_bytes",
            "Bytes of the queue that are not sent yet.",
            endpoint,
            registry=registry,
        )
        self.shards = Gauge(
            "tocsin_forward_shards",
            "Requests that are made at one time.",
            endpoint,
            registry=registry,
        )
        self.queue_bytes = Gauge(
            "tocsin_forward_queue_bytes",
            "Size of the queue on disk, which all endpoints share.",
            registry=registry,
        )
