"""What anomaly detection counts about itself, declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class AnomalyMetrics:
    """Series by state, fits, and what went wrong."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.series = Gauge(
            "tocsin_anomaly_series", "Watched series by state.", ("state",), registry=registry
        )
        self.over_limit = Gauge(
            "tocsin_anomaly_series_over_limit",
            "Series that watches gave and that anomaly.max_series leaves unwatched.",
            registry=registry,
        )
        self.failures = Counter(
            "tocsin_anomaly_query_failures",
            "Ticks or fits of a watch that got no answer to its query.",
            ("watch",),
            registry=registry,
        )
        self.fits = Counter(
            "tocsin_anomaly_fits", "Models fitted, by result.", ("result",), registry=registry
        )
        self.fit_seconds = Histogram(
            "tocsin_anomaly_fit_duration_seconds",
            "Time to fit one series' model.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=registry,
        )
        self.model_file_failures = Counter(
            "tocsin_anomaly_model_file_failures",
            "Model files that could not be read or written.",
            registry=registry,
        )
        self.scores_refused = Counter(
            "tocsin_anomaly_scores_refused",
            "Scores that the store did not take.",
            ("reason",),
            registry=registry,
        )
        for result in ("fitted", "too_few_points"):
            self.fits.labels(result)
