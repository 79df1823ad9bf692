"""`/api/tocsin/v1/queries`: which queries run or wait, and how to end one."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException

from collector.query.active import ActiveQueries, ActiveQuery


def router(active: ActiveQueries) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/api/tocsin/v1/queries")

    @api.get("")
    def running() -> list[dict[str, object]]:
        """Queries that run or wait, oldest first."""
        return [_shown(one) for one in active.list()]

    @api.delete("/{query_id}", status_code=204)
    def kill(query_id: int) -> None:
        """End a query: whoever asked gets an error."""
        if not active.kill(query_id):
            raise HTTPException(404, f"no query {query_id} is running: see GET {api.prefix}")

    return api


def _shown(one: ActiveQuery) -> dict[str, object]:
    return {
        "id": one.id,
        "query": one.query,
        "state": "queued" if one.queued else "running",
        "since_ms": one.since_ms,
        "seconds": round(one.seconds, 3),
        "samples": one.samples,
        "start_ms": one.grid.start_ms,
        "end_ms": one.grid.end_ms,
        "step_ms": one.grid.step_ms,
    }
