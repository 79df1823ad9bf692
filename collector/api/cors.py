"""Which pages of other sites may read Prometheus's API: the headers that browsers ask for.

Source: `SetCORS` in util/httputil/cors.go of Prometheus 3.14, and the flag `web.cors.origin`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import re2
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/api/v1/"
ANY_ORIGIN = ".*"
_HEADERS = {
    "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-expose-headers": "Date",
    "vary": "Origin",
}


def cors_headers(pattern: str) -> Callable[[str], Mapping[str, str]]:
    """A function from the header Origin to the headers of the answer.

    `pattern` is RE2 and fully anchored; with `.*` any origin may read, with "" none.
    """
    allowed = re2.compile(pattern) if pattern else None

    def headers(origin: str) -> Mapping[str, str]:
        if not origin or allowed is None:
            return {}
        if pattern == ANY_ORIGIN:
            return {**_HEADERS, "access-control-allow-origin": "*"}
        if allowed.fullmatch(origin) is None:
            return _HEADERS
        return {**_HEADERS, "access-control-allow-origin": origin}

    return headers


class CrossOriginReads:
    """ASGI middleware: adds the headers below `/api/v1`, and answers OPTIONS with 204."""

    def __init__(self, app: ASGIApp, pattern: str) -> None:
        self._app = app
        self._headers = cors_headers(pattern)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its answer gets the headers."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        extra = self._headers(Headers(scope=scope).get("origin", ""))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(extra)
            await send(message)

        if scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)
