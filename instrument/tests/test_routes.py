"""Templates, never raw paths, however routers and mounts are nested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tocsin_instrument import instrument, names
from tocsin_instrument.testing import CapturedMetrics

COUNT = "http_server_request_duration_seconds_count"


def endpoint(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


def fastapi_app(static: Path) -> FastAPI:
    app = FastAPI()
    inner = APIRouter(prefix="/inner")
    inner.get("/x/{y}")(lambda y: y)
    outer = APIRouter(prefix="/outer")
    outer.get("/items/{item}")(lambda item: item)
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    app.get("/files/{path:path}")(lambda path: path)
    tenants = FastAPI()
    tenants.get("/users/{user}")(lambda user: user)
    tenants.include_router(inner)
    app.mount("/tenants/{tenant}", tenants)
    app.mount("/static", StaticFiles(directory=static))
    return app


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/api/outer/items/3", "/api/outer/items/{item}"),
        ("/api/outer/inner/x/3", "/api/outer/inner/x/{y}"),
        ("/files/a/b/c", "/files/{path:path}"),
        ("/tenants/9/users/3", "/tenants/{tenant}/users/{user}"),
        ("/tenants/9/inner/x/3", "/tenants/{tenant}/inner/x/{y}"),
        ("/tenants/9/nothing", "/tenants/{tenant}/{path}"),
        ("/static/page.txt", "/static/{path}"),
        ("/static/none.txt", "/static/{path}"),
        ("/nothing/at/all", ""),
        ("/api/outer/items/3/", ""),
    ],
)
@pytest.mark.parametrize("root_path", ["", "/behind/a/proxy"])
def test_fastapi_routes(
    registry: CollectorRegistry,
    counted: CapturedMetrics,
    call: Any,
    tmp_path: Path,
    path: str,
    template: str,
    root_path: str,
) -> None:
    (tmp_path / "page.txt").write_text("x")
    app = fastapi_app(tmp_path)
    instrument(app, registry=registry, json_logs=False)
    call(app, root_path + path, root_path=root_path)
    assert counted.increase(COUNT, http_route=template) == 1


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/a/1", "/a/{b}"),
        ("/m/1/n/2/leaf/3", "/m/{one}/n/{two}/leaf/{three}"),
        ("/m/1/n/2/none", "/m/{one}/n/{two}/{path}"),
        ("/none", ""),
    ],
)
def test_starlette_routes(
    registry: CollectorRegistry, counted: CapturedMetrics, call: Any, path: str, template: str
) -> None:
    leaf = Mount("/n/{two}", routes=[Route("/leaf/{three}", endpoint)])
    app = Starlette(routes=[Route("/a/{b}", endpoint), Mount("/m/{one}", routes=[leaf])])
    instrument(app, registry=registry, json_logs=False)
    call(app, path)
    assert counted.increase(COUNT, http_route=template) == 1


def test_an_app_that_names_raw_paths_cannot_make_series_for_ever(
    registry: CollectorRegistry,
    counted: CapturedMetrics,
    call: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "MAX_ROUTES", 10)

    class RawRoute:
        def __init__(self, path: str) -> None:
            self.path = path

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = RawRoute(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    handle = instrument(app, registry=registry, json_logs=False)
    for number in range(25):
        call(handle, f"/{number}")
    assert counted.increase(COUNT, http_route="_OTHER") == 15
    assert counted.increase(COUNT) == 25
    dropped = counted.increase(
        "tocsin_instrument_dropped_total", signal="metrics", reason="too_many_routes"
    )
    assert dropped == 15
