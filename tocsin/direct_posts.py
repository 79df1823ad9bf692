"""Answers requests for direct routes before the framework looks for one.

Receivers of metrics get thousands of requests a minute; what the framework does around an endpoint
(compression, error pages, the search among hundreds of routes) costs more than a small request.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.api.direct_route import DirectRoute
from tocsin.http_errors import CLIENT_GONE


class DirectPosts:
    """ASGI middleware: calls the endpoint of a direct route, and passes everything else on."""

    def __init__(self, app: ASGIApp, routes: Iterable[object]) -> None:
        self._app = app
        self._routes: dict[tuple[str, str], APIRoute] = {
            (method, route.path): route
            for route in routes
            if isinstance(route, DirectRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        route = scope["type"] == "http" and self._routes.get((scope["method"], scope["path"]))
        if not route:
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # whoever counts requests asks for it
        try:
            response: Response = await route.endpoint(Request(scope, receive))
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        await response(scope, receive, send)
