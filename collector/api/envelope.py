"""Prometheus's envelope around every answer, and which error gets which type and status code."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response

from collector.api.json_values import quoted
from collector.model.errors import (
    EvaluationError,
    InputError,
    LimitError,
    TocsinError,
    UnavailableError,
)

MAX_ANNOTATIONS = 10
"""Warnings (and infos) sent with one answer; the rest is counted, as Prometheus does."""

_BY_ERROR: tuple[tuple[type[TocsinError], str, int], ...] = (
    (InputError, "bad_data", 400),
    (EvaluationError, "execution", 422),
    (LimitError, "execution", 422),
    (UnavailableError, "timeout", 503),
)


def success(data: str, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    """200 with `data`, which is JSON already."""
    body = f'{{"status":"success","data":{data}'
    body += _annotations("warnings", "warning", warnings) + _annotations("infos", "info", infos)
    return _json(200, body + "}")


def failure(error: TocsinError) -> Response:
    """The error's type and status; where a limit gave an advice, it follows the message."""
    kind, status = "internal", 500
    for cls, name, code in _BY_ERROR:
        if isinstance(error, cls):
            kind, status = name, code
            break
    text = error.message
    if error.advice and isinstance(error, LimitError):
        text = f"{text} ({error.advice})"
    body = f'{{"status":"error","errorType":"{kind}","error":{quoted(text)}}}'
    return _json(status, body)


def array(items: Sequence[str]) -> str:
    """A JSON array of texts."""
    return f"[{','.join(quoted(item) for item in items)}]"


def _annotations(field: str, noun: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    shown = list(texts[:MAX_ANNOTATIONS])
    if len(texts) > MAX_ANNOTATIONS:
        shown.append(f"{len(texts) - MAX_ANNOTATIONS} more {noun} annotations omitted")
    return f',"{field}":{array(shown)}'


def _json(status: int, body: str) -> Response:
    response = Response(body.encode("utf-8", "replace"), status)
    response.headers["content-type"] = "application/json"  # exact: some clients compare it
    return response
