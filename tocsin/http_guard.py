"""Headers that keep pages safe, and a refusal of requests that another site makes a browser send.

tocsin listens on the loopback address by default, where any page that a person opens could reach
it; so a browser's request that changes something must not come from a foreign origin
(https://web.dev/articles/fetch-metadata), and must be sent to a name that tocsin is known by: a
page whose own name was made to point here afterwards (DNS rebinding) has the same origin. Programs
are told from browsers by what no page can leave out: every browser sends Origin with a change.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READS = frozenset(
    f"/api/v1/{name}"
    for name in (
        "query",
        "query_range",
        "query_exemplars",
        "format_query",
        "parse_query",
        "series",
        "labels",
    )
)
"""Paths where POST changes nothing: a query that is too long for a URL."""
CROSS_SITE = "a page of another site may not change anything here"
UNKNOWN_HOST = "tocsin is not known by the name {host!r}; set web.external_url to it"


class GuardedHttp:
    """ASGI middleware: security headers on every answer, no cross-site changes."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts if host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless a foreign page sent it to change something."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _secure(MutableHeaders(scope=message))
            await send(message)

        reason = self._refusal(scope)
        if reason:
            refusal = JSONResponse({"error": reason, "where": "", "advice": ""}, status_code=403)
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> str:
        """Why the request is not let through, or ""."""
        headers = Headers(scope=scope)
        if scope["method"] in SAFE_METHODS or scope["path"] in READS or not _is_browser(headers):
            return ""
        if is_cross_site(headers):
            return CROSS_SITE
        host = headers.get("host", "")
        return "" if is_known(host, self._hosts) else UNKNOWN_HOST.format(host=host)


def is_known(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header is one of the names, localhost or an address: no name, no rebinding."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_browser(headers: Headers) -> bool:
    return "origin" in headers or "sec-fetch-site" in headers


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
