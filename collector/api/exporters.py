"""GET /exporters/{name}/metrics: the built-in exporters, to be scraped like any other."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from collector.exporters import EXPORTERS
from collector.exporters.interface import Exporter

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def router(exporters: Mapping[str, Exporter] | None = None) -> APIRouter:
    """Routes for these exporters; all that there are when None is given."""
    served = {name: make() for name, make in EXPORTERS.items()} if exporters is None else exporters
    locks = {name: Lock() for name in served}
    routes = APIRouter()

    @routes.get("/exporters/{name}/metrics")
    def metrics(name: str) -> Response:
        if name not in served:
            known = ", ".join(sorted(served))
            return PlainTextResponse(f"no exporter {name!r}; there are: {known}\n", 404)
        with locks[name]:
            return Response(served[name].exposition(), media_type=TEXT_FORMAT)

    return routes
