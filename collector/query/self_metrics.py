"""The query engine's own counters, declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

QUERY_BUCKETS_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class QueryMetrics:
    """How many queries run, how long they took, and what the range cache saved."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.running = Gauge("tocsin_queries_running", "Queries that run now.", registry=registry)
        self.places = Gauge(
            "tocsin_queries_concurrent_max",
            "Queries that may run at once; others wait.",
            registry=registry,
        )
        self.seconds = Histogram(
            "tocsin_query_duration_seconds",
            "Time of queries, from when they came to when they had an answer or an error.",
            buckets=QUERY_BUCKETS_SECONDS,
            registry=registry,
        )
        self.slow = Counter(
            "tocsin_queries_slow",
            "Queries that took longer than `query.slow_query_threshold`.",
            registry=registry,
        )
        self.cached_steps = Counter(
            "tocsin_query_range_cache_steps",
            "Steps of range queries that could be cached, by where their values came from.",
            ("source",),
            registry=registry,
        )
        self.cache_bytes = Gauge(
            "tocsin_query_range_cache_bytes",
            "Memory of the answers that the range cache holds.",
            registry=registry,
        )
        for source in ("cache", "store"):
            self.cached_steps.labels(source)
