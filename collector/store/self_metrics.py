"""The store's own figures."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
    """How long the log takes, how much is held, what was refused or damaged."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.wal_write_seconds = Histogram(
            "tocsin_wal_write_duration_seconds",
            "Time to write one record of the write-ahead log.",
            buckets=WAL_BUCKETS_SECONDS,
            registry=registry,
        )
        self.samples = Counter(
            "tocsin_store_samples_appended", "Samples that were stored.", registry=registry
        )
        self.refused = Counter(
            "tocsin_store_samples_refused",
            "Samples that the store did not take, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in ("out_of_order", "too_old", "duplicate"):
            self.refused.labels(reason)
        self.set_backs = Counter(
            "tocsin_store_clock_set_back",
            "Times that the clock was ahead and set right, and the store went on from then.",
            registry=registry,
        )
        self._exemplars_appended = Counter(
            "tocsin_store_exemplars_appended", "Exemplars that were stored.", registry=registry
        )
        self._exemplars_refused = Counter(
            "tocsin_store_exemplars_refused",
            "Exemplars that the store did not take, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in ("exemplar_out_of_order", "exemplar_label_length"):
            self._exemplars_refused.labels(reason)
        self._exemplars = Gauge(
            "tocsin_store_exemplars", "Exemplars that are held.", registry=registry
        )
        self._series = Gauge("tocsin_store_series", "Series that are held.", registry=registry)
        self._active_series = Gauge(
            "tocsin_store_active_series", "Series with samples in memory.", registry=registry
        )
        self._head_bytes = Gauge(
            "tocsin_store_head_bytes", "Bytes of the samples in stripes.", registry=registry
        )
        self._wal_bytes = Gauge("tocsin_wal_size_bytes", "Size of the log.", registry=registry)
        self._declare_blocks(registry)
        self._damaged = Gauge(
            "tocsin_wal_damaged_records",
            "Records that the last start could not read.",
            registry=registry,
        )
        self._torn = Gauge(
            "tocsin_wal_torn_bytes",
            "Bytes of an unfinished record that the last start cut off.",
            registry=registry,
        )

    def _declare_blocks(self, registry: CollectorRegistry) -> None:
        self._blocks = Gauge("tocsin_store_blocks", "Blocks on disk.", registry=registry)
        self._block_bytes = Gauge(
            "tocsin_store_blocks_size_bytes", "Size of the blocks.", registry=registry
        )
        self.compactions = Counter(
            "tocsin_store_compactions", "Merges of blocks that were done.", registry=registry
        )
        self.compactions_failed = Counter(
            "tocsin_store_compactions_failed",
            "Merges of blocks that failed, for want of room mostly.",
            registry=registry,
        )
        self._damaged_blocks = Gauge(
            "tocsin_store_damaged_blocks",
            "Blocks that can't be read, as a whole or in part.",
            registry=registry,
        )
        self._tombstones = Gauge(
            "tocsin_store_tombstones",
            "Deletions whose samples are hidden and still on the disk.",
            registry=registry,
        )

    def count_exemplars(self, taken: int, refused: Mapping[str, int]) -> None:
        """Exemplars of one call."""
        self._exemplars_appended.inc(taken)
        for reason, count in refused.items():
            self._exemplars_refused.labels(reason).inc(count)

    def show(self, status: StoreStatus) -> None:
        """Take over figures that are read now and then."""
        self._exemplars.set(status.exemplars)
        self._series.set(status.series)
        self._active_series.set(status.active_series)
        self._head_bytes.set(status.head_bytes)
        self._wal_bytes.set(status.wal_bytes)
        self._blocks.set(status.blocks)
        self._block_bytes.set(status.block_bytes)
        self._damaged_blocks.set(status.damaged_blocks)
        self._tombstones.set(status.tombstones)
        self._damaged.set(status.damaged_records)
        self._torn.set(status.torn_bytes)
