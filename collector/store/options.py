"""What may be set about the store, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`fsync`: survive a loss of power, not only of the process; costs a disk write a row."""

    retention_ms: int = 15 * DAY_MS
    max_series: int = 1_000_000
    fsync: bool = False
    segment_bytes: int = 128 * 1024 * 1024
    out_of_order_ms: int = 3600 * 1000


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How full the store is."""

    series: int
    samples_appended: int
    oldest_ms: int
    wal_segments: int
    wal_bytes: int
