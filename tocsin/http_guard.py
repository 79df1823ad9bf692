"""Headers that keep pages safe, and a refusal of requests that another site makes a browser send.

tocsin listens on the loopback address by default, where any page that a person opens could reach
it; so a request that changes something must not come from a foreign origin
(https://web.dev/articles/fetch-metadata).
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class GuardedHttp:
    """ASGI middleware: security headers on every answer, no cross-site changes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless a foreign page sent it to change something."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _secure(MutableHeaders(scope=message))
            await send(message)

        if scope["method"] not in SAFE_METHODS and is_cross_site(Headers(scope=scope)):
            refusal = JSONResponse(
                {"error": "a page of another site may not change anything here"}, status_code=403
            )
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that a page of another origin sent this request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


def _secure(headers: MutableHeaders) -> None:
    headers.setdefault("content-security-policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("referrer-policy", "same-origin")
