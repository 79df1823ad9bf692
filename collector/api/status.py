"""Targets and scrape pools, as Prometheus's HTTP API tells them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from collector.ingest.scrape.loop import TargetStatus
from collector.model.durations import format_duration
from collector.model.labels import Labels

NEVER = "0001-01-01T00:00:00Z"
"""What Go's zero time looks like: clients of Prometheus know it as "not yet"."""


class Targets(Protocol):
    """What the routes need to know of a scrape pool."""

    def targets(self) -> list[TargetStatus]:
        """Every target that is scraped."""
        ...

    def dropped(self) -> dict[str, list[Labels]]:
        """Discovered labels of the targets that relabelling dropped, by job."""
        ...

    def jobs(self) -> list[str]:
        """Names of the scrape sections."""
        ...


def router(pool: Targets) -> APIRouter:
    """GET /api/v1/targets and /api/v1/scrape_pools."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/targets")
    def targets(
        state: str = "any", scrape_pool: str = Query(default="", alias="scrapePool")
    ) -> JSONResponse:
        show_active, show_dropped = state != "dropped", state != "active"
        active = [
            target_json(status)
            for status in pool.targets()
            if show_active and scrape_pool in ("", status.target.job)
        ]
        dropped = {job: found for job, found in pool.dropped().items() if scrape_pool in ("", job)}
        labels = [
            {"discoveredLabels": dict(one.pairs), "scrapePool": job}
            for job, found in dropped.items()
            for one in found
            if show_dropped
        ]
        counts = {job: len(found) for job, found in dropped.items()}
        return _success(
            {
                "activeTargets": active,
                "droppedTargets": labels,
                "droppedTargetCounts": counts if show_dropped else None,
            }
        )

    @routes.get("/scrape_pools")
    def scrape_pools() -> JSONResponse:
        return _success({"scrapePools": pool.jobs()})

    return routes


def _success(data: Mapping[str, object]) -> JSONResponse:
    return JSONResponse({"status": "success", "data": data})


def target_json(status: TargetStatus) -> dict[str, object]:
    """One active target in Prometheus's form."""
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered.pairs),
        "labels": dict(target.labels.pairs),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": status.last_error,
        "lastScrape": _time(status.last_scrape_ms),
        "lastScrapeDuration": status.last_duration_seconds,
        "health": status.health,
        "scrapeInterval": format_duration(target.interval_ms),
        "scrapeTimeout": format_duration(target.timeout_ms),
    }


def _time(ms: int) -> str:
    if not ms:
        return NEVER
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
