"""Reads the form that a page posts, and what must be filled in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from collector.model.errors import InputError
from collector.request_body import read_body

SEE_OTHER = 303
"""After a form was taken: look at the page again, so that a reload posts nothing twice."""
MAX_FORM_BYTES = 64 * 1024
"""More than a person writes into any form but that of a specification."""


async def read_form(request: Request, limit_bytes: int = MAX_FORM_BYTES) -> dict[str, str] | None:
    """The fields of a form; None for one that is larger than the limit."""
    body = await read_body(request, limit_bytes)
    return None if body is None else dict(parse_qsl(body.decode("utf-8", "replace")))


def required(form: Mapping[str, str], *names: str) -> list[str]:
    """The fields without blanks around them; raises InputError for one that is empty."""
    found = [form.get(name, "").strip() for name in names]
    for name, text in zip(names, found, strict=True):
        if not text:
            raise InputError(f"the field {name!r} is empty", advice="fill it in")
    return found
