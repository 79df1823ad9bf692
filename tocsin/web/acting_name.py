"""The name under which a browser acted last: no proof, a convenience."""

from __future__ import annotations

from urllib.parse import quote, unquote

from fastapi import Request, Response

COOKIE = "tocsin_name"
LASTS_SECONDS = 400 * 24 * 3600
MAX_CHARS = 100


def acting_name(request: Request) -> str:
    """The name that is remembered, or ""."""
    return unquote(request.cookies.get(COOKIE, ""))[:MAX_CHARS]


def remembering(response: Response, name: str) -> Response:
    """The response, which makes the browser remember a name unless it is empty."""
    kept = name.strip()[:MAX_CHARS]
    if kept:
        response.set_cookie(COOKIE, quote(kept), LASTS_SECONDS, httponly=True, samesite="lax")
    return response
