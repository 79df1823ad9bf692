"""What is written about a scrape beside its samples: `up` and its kin, and staleness. Pure.

A scrape becomes one row: the samples, the report series, and a stale marker for each series
that the row before had and this one has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import STALE, Float64s, Int64s, filled

REPORT_NAMES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
EXTRA_REPORT_NAMES = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
"""Written under `extra_scrape_metrics`."""
TOO_LARGE = -1
"""The size that is told of a body over its limit."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What `extra_scrape_metrics` tells of a section's settings."""

    timeout_seconds: float
    sample_limit: int


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one scrape."""

    up: bool
    duration_seconds: float
    scraped: int = 0
    kept: int = 0
    added: int = 0
    body_bytes: int = 0

    def values(self, extras: Extras | None = None) -> Float64s:
        """float64[5] beside REPORT_NAMES; with extras float64[8], EXTRA_REPORT_NAMES after them."""
        figures: tuple[float, ...] = (
            self.up, self.duration_seconds, self.scraped, self.kept, self.added,
        )  # fmt: skip
        if extras is not None:
            figures += (extras.timeout_seconds, extras.sample_limit, self.body_bytes)
        return np.array(figures, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row for the store: `refs` int64[n], `values` float64[n], `start_ms` int64[n] or None."""

    refs: Int64s
    values: Float64s
    start_ms: Int64s | None = None


def report_labels(target: Labels, *, extra: bool = False) -> list[Labels]:
    """The report series of a target."""
    names = REPORT_NAMES + EXTRA_REPORT_NAMES if extra else REPORT_NAMES
    return [target.merged({METRIC_NAME: name}) for name in names]


def vanished(before: Int64s, now: Int64s) -> Int64s:
    """Refs of the row before that this one lacks."""
    return np.setdiff1d(before, now)


def with_stale(row: Row, gone: Int64s) -> Row:
    """The row, and a stale marker for each ref that is gone."""
    if not len(gone):
        return row
    start_ms = None
    if row.start_ms is not None:
        start_ms = np.concatenate([row.start_ms, np.zeros(len(gone), dtype=np.int64)])
    return Row(
        np.concatenate([row.refs, gone]),
        np.concatenate([row.values, filled(len(gone), STALE)]),
        start_ms,
    )


def failed_row(tracked: Int64s, reports: Int64s, report: Float64s) -> Row:
    """Every series that was there ends; the report tells why there is nothing else."""
    return Row(
        np.concatenate([tracked, reports]), np.concatenate([filled(len(tracked), STALE), report])
    )


def ended_row(refs: Int64s) -> Row:
    """The target is gone: every series ends, the report's too."""
    return Row(refs, filled(len(refs), STALE))
