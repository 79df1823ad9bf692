"""Mounts the routers that the packages own, and answers for the process itself.

Health and reload have Prometheus's own paths: `/-/healthy`, `/-/ready`, `/-/reload`, `/metrics`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.middleware.gzip import GZipMiddleware

from collector.api.cors import CrossOriginReads
from collector.model.clock import Clock
from collector.model.errors import ConfigError
from tocsin import __version__
from tocsin.direct_posts import DirectPosts
from tocsin.http_errors import add_error_answers
from tocsin.http_guard import GuardedHttp
from tocsin.http_metrics import HttpMetrics, MeasuredHttp

log = logging.getLogger(__name__)

COMPRESS_FROM_BYTES = 1024


class Process(Protocol):
    """What the process says of itself and lets be done to it."""

    def is_ready(self) -> bool:
        """Whether it has started and is not stopping."""
        ...

    def reload(self) -> None:
        """Read the configuration again; raises ConfigError and keeps the old one."""
        ...


def build_app(
    routers: Sequence[APIRouter],
    process: Process,
    registry: CollectorRegistry,
    clock: Clock,
    *,
    cors_origin: str = "",
    hosts: Iterable[str] = (),
) -> FastAPI:
    """The ASGI application: every router, health, reload, metrics, guards and error answers.

    `cors_origin` is the pattern of the sites that may read Prometheus's API, `hosts` are the names
    by which people reach tocsin, beside localhost and addresses.
    """
    app = FastAPI(title="tocsin", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(process_router(process, registry))
    for router in routers:
        app.include_router(router)
    add_error_answers(app)
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES)
    app.add_middleware(DirectPosts, routes=[one for router in routers for one in router.routes])
    app.add_middleware(CrossOriginReads, pattern=cors_origin)
    app.add_middleware(GuardedHttp, hosts=hosts)
    app.add_middleware(MeasuredHttp, metrics=HttpMetrics(registry), clock=clock)
    return app


def process_router(process: Process, registry: CollectorRegistry) -> APIRouter:
    """Health, readiness, reload and tocsin's own metrics."""
    router = APIRouter()

    @router.get("/-/healthy")
    def healthy() -> PlainTextResponse:
        return PlainTextResponse("tocsin is healthy.\n")

    @router.get("/-/ready")
    def ready() -> PlainTextResponse:
        if process.is_ready():
            return PlainTextResponse("tocsin is ready.\n")
        return PlainTextResponse("Service Unavailable", status_code=503)

    @router.post("/-/reload", operation_id="post_reload")
    @router.put("/-/reload", operation_id="put_reload")
    def reload() -> PlainTextResponse:
        try:
            process.reload()
        except ConfigError as error:
            text = f"kept the old configuration; the new one is wrong:\n{error}\n"
            log.error(text.rstrip())
            return PlainTextResponse(text, status_code=500)
        return PlainTextResponse("reloaded\n")

    @router.get("/metrics")
    def metrics(request: Request) -> Response:
        encode, content_type = _encoder(request)
        return Response(encode(registry), media_type=content_type)

    return router


def _encoder(request: Request) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return encode, content_type
