"""What is written about a scrape beside its samples: `up` and its kin, and staleness. Pure.

A scrape becomes one row: the samples, the five report series, and a stale marker for each series
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


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one scrape."""

    up: bool
    duration_seconds: float
    scraped: int = 0
    kept: int = 0
    added: int = 0

    def values(self) -> Float64s:
        """float64[5] beside REPORT_NAMES."""
        figures = (self.up, self.duration_seconds, self.scraped, self.kept, self.added)
        return np.array(figures, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row for the store: `refs` int64[n], `values` float64[n], `start_ms` int64[n] or None."""

    refs: Int64s
    values: Float64s
    start_ms: Int64s | None = None


def report_labels(target: Labels) -> list[Labels]:
    """The report series of a target."""
    return [target.merged({METRIC_NAME: name}) for name in REPORT_NAMES]


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


def failed_row(refs: Int64s, report: Float64s) -> Row:
    """Every series of the row before ends; `report` fills the end of the row, as `refs` does.

    The `refs` object is the one of the row before, which the store appends fastest.
    """
    values = filled(len(refs), STALE)
    values[len(refs) - len(report) :] = report
    return Row(refs, values)


def ended_row(refs: Int64s) -> Row:
    """The target is gone: every series ends, the report's too."""
    return Row(refs, filled(len(refs), STALE))
