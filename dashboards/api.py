"""HTTP routes of boards: a list, and each as Grafana JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from dashboards.board import Board

PREFIX = "/api/tocsin/v1/dashboards"


def router(boards: Callable[[], Sequence[Board]]) -> APIRouter:
    """GET /api/tocsin/v1/dashboards, and /api/tocsin/v1/dashboards/{uid}.json for each."""
    routes = APIRouter(prefix=PREFIX)

    @routes.get("")
    def listed() -> list[dict[str, object]]:
        return [_entry(board) for board in boards()]

    @routes.get("/{uid}.json")
    def one(uid: str) -> Response:
        from dashboards.grafana import dumps, to_grafana

        for board in boards():
            if board.uid == uid:
                return Response(dumps(to_grafana(board)), media_type="application/json")
        known = ", ".join(board.uid for board in boards())
        return JSONResponse({"error": f"no board {uid!r}; there are: {known}"}, 404)

    return routes


def _entry(board: Board) -> dict[str, object]:
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": list(board.tags),
        "url": f"{PREFIX}/{board.uid}.json",
    }
