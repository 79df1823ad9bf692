"""The store's own figures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

from collector.store.options import StoreStatus

WAL_BUCKETS_SECONDS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.5,
    1,
)


class StoreMetrics:
    """How long the log takes, how much is held."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.wal_write_seconds = Histogram(
            "tocsin_wal_write_duration_seconds",
            "Time to write one record of the write-ahead log.",
            buckets=WAL_BUCKETS_SECONDS,
            registry=registry,
        )
        self.series = Gauge("tocsin_store_series", "Series that are held.", registry=registry)
        self.wal_bytes = Gauge("tocsin_wal_size_bytes", "Size of the log.", registry=registry)

    def show(self, status: StoreStatus) -> None:
        """Take over figures that are read now and then."""
        self.series.set(status.series)
        self.wal_bytes.set(status.wal_bytes)
