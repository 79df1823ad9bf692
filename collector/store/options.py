"""What may be set about the store, with its defaults and their reasons; and how full it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collector.store.exemplars import DEFAULT_MAX_EXEMPLARS

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS

Fsync = Literal["always", "interval", "never"]


@dataclass(frozen=True, slots=True)
class TierOptions:
    """A downsampled tier: buckets of `resolution_ms`, kept for `retention_ms`."""

    name: str
    resolution_ms: int
    retention_ms: int


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`fsync` is about losing power; a killed process loses nothing under any of its values.

    `always`: every row is on the disk when it is acknowledged (a disk write a row); `interval`: at
    each `maintain()`; `never`: when the kernel likes. Samples up to `out_of_order_window_ms` older
    than their series' newest are taken (0: none). A block on disk spans `head_ms` when it is cut,
    and becomes part of one of `block_spans_ms` each time such a span has passed. The oldest blocks
    go when log and blocks are more than `retention_bytes`, or more than `retention_percentage` of
    the disk (0: no limit).
    """

    retention_ms: int = 15 * DAY_MS
    max_series: int = 1_000_000
    fsync: Fsync = "interval"
    segment_bytes: int = 128 * 1024 * 1024
    out_of_order_window_ms: int = HOUR_MS
    head_ms: int = 2 * HOUR_MS
    block_spans_ms: tuple[int, ...] = (12 * HOUR_MS, 3 * DAY_MS)
    tiers: tuple[TierOptions, ...] = ()
    tier_span_ms: int = 3 * DAY_MS
    retention_bytes: int = 0
    retention_percentage: float = 0.0
    max_exemplars: int = DEFAULT_MAX_EXEMPLARS


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How full the store is; `oldest_ms` is -1 when it is empty. `active_series` have samples in
    memory, the others of `series` in blocks alone.

    `damaged_records` and `torn_bytes`: what the last start had to leave out of the log.
    """

    series: int
    active_series: int
    samples_appended: int
    oldest_ms: int
    newest_ms: int
    head_bytes: int
    wal_bytes: int
    blocks: int
    block_bytes: int
    damaged_blocks: int
    tombstones: int
    damaged_records: int
    torn_bytes: int
    exemplars: int

    @property
    def disk_bytes(self) -> int:
        """Bytes of log and blocks."""
        return self.wal_bytes + self.block_bytes
