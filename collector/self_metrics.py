"""The collector's own counters and histograms, declared once, passed in where they are bumped."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SCRAPE_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class IngestMetrics:
    """What came in, by origin, and what was refused, by reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.samples = Counter(
            "tocsin_ingest_samples",
            "Samples that were written to the store, stale markers included.",
            ("origin",),
            registry=registry,
        )
        self.refused = Counter(
            "tocsin_ingest_samples_refused",
            "Samples that came in and were not stored, by reason.",
            ("origin", "reason"),
            registry=registry,
        )
        self.exemplars = Counter(
            "tocsin_ingest_exemplars",
            "Exemplars that came in and were not refused, repetitions included.",
            ("origin",),
            registry=registry,
        )
        self.remote_write_requests = Counter(
            "tocsin_remote_write_requests",
            "Remote-write requests that came in, by version and by the answer's status code.",
            ("version", "code"),
            registry=registry,
        )
        self._declare_scraping(registry)
        self._declare_receivers(registry)

    def _declare_scraping(self, registry: CollectorRegistry) -> None:
        self.scrapes = Counter(
            "tocsin_scrapes",
            "Scrapes that were tried, by result.",
            ("result",),
            registry=registry,
        )
        self.scrape_seconds = Histogram(
            "tocsin_scrape_duration_seconds",
            "Time from the request to a target until its samples were stored.",
            buckets=SCRAPE_BUCKETS_SECONDS,
            registry=registry,
        )
        self.scrapes_missed = Counter(
            "tocsin_scrapes_missed",
            "Scrapes that were left out because the one before took too long.",
            registry=registry,
        )
        self.clock_jumps = Counter(
            "tocsin_scrape_clock_jumps",
            "Scrapes before which the machine's clock had been set, by direction.",
            ("direction",),
            registry=registry,
        )
        self.discovery_failures = Counter(
            "tocsin_discovery_failures",
            "Look-ups of targets that failed; the targets found before are kept.",
            ("kind", "job"),
            registry=registry,
        )
        self.targets = Gauge(
            "tocsin_scrape_targets",
            "Targets that are being scraped.",
            registry=registry,
        )
        for result in ("success", "failure"):
            self.scrapes.labels(result)

    def _declare_receivers(self, registry: CollectorRegistry) -> None:
        self.otlp_requests = Counter(
            "tocsin_otlp_requests",
            "OTLP requests for metrics, by the status code of the answer.",
            ("code",),
            registry=registry,
        )
