"""Reads a request's body no further than its limit."""

from __future__ import annotations

from fastapi import Request


async def read_body(request: Request, limit_bytes: int) -> bytes | None:
    """The body, or None as soon as it is known to be longer than the limit."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit_bytes:
        return None
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            return None
        parts.append(chunk)
    return b"".join(parts)
