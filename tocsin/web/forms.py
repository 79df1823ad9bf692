"""Reads the form that a page posts."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

from collector.api.ingest import read_body

SEE_OTHER = 303
"""After a form was taken: look at the page again, so that a reload posts nothing twice."""
MAX_FORM_BYTES = 64 * 1024
"""More than a person writes into any form but that of a specification."""


async def read_form(request: Request, limit_bytes: int = MAX_FORM_BYTES) -> dict[str, str] | None:
    """The fields of a form; None for one that is larger than the limit."""
    body = await read_body(request, limit_bytes)
    return None if body is None else dict(parse_qsl(body.decode("utf-8", "replace")))
