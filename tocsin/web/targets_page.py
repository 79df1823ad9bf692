"""What is scraped, whether it answers, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from collector.ingest.scrape.loop import TargetStatus
from tocsin.web import texts

TONES = {"up": "good", "down": "bad", "unknown": ""}


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target as the page shows it."""

    url: str
    health: str
    tone: str
    error: str
    last_scrape_ms: int
    took: str
    samples: str
    labels: str


@dataclass(frozen=True, slots=True)
class Job:
    """The targets of one scrape section."""

    name: str
    up: int
    targets: Sequence[TargetRow]


def targets_view(statuses: Sequence[TargetStatus]) -> Mapping[str, object]:
    """The values of `targets.html`; a job with a target that is down comes first."""
    by_job = groupby(sorted(statuses, key=_job), key=_job)
    jobs = [_job_row(name, list(group)) for name, group in by_job]
    return {
        "jobs": sorted(jobs, key=lambda job: (job.up == len(job.targets), job.name)),
        "up": sum(job.up for job in jobs),
        "total": len(statuses),
    }


def _job(status: TargetStatus) -> str:
    return status.target.job


def _job_row(name: str, statuses: Sequence[TargetStatus]) -> Job:
    up = sum(status.health == "up" for status in statuses)
    rows = sorted((_row(status) for status in statuses), key=lambda row: (row.health, row.url))
    return Job(name, up, rows)


def _row(status: TargetStatus) -> TargetRow:
    scraped = status.last_scrape_ms > 0
    return TargetRow(
        url=status.target.url,
        health=status.health,
        tone=TONES[status.health],
        error=status.last_error,
        last_scrape_ms=status.last_scrape_ms,
        took=texts.span(status.last_duration_seconds) if scraped else texts.NOTHING,
        samples=texts.count(status.samples),
        labels=str(status.target.labels),
    )
