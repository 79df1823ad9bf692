"""Prometheus's envelope around every answer, and which error gets which type and status code.

Source: `respond` and `respondError` in web/api/v1/api.go of Prometheus 3.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from collector.api.json_values import quoted
from collector.model.errors import (
    CancelledError,
    EvaluationError,
    InputError,
    LimitError,
    StorageError,
    TocsinError,
    UnavailableError,
)

log = logging.getLogger(__name__)

MAX_ANNOTATIONS = 10
"""Warnings (and infos) sent with one answer; the rest is counted, as Prometheus does."""

_BY_ERROR: tuple[tuple[type[TocsinError], str, int], ...] = (
    (InputError, "bad_data", 400),
    (EvaluationError, "execution", 422),
    (LimitError, "execution", 422),
    (CancelledError, "canceled", 499),
    (UnavailableError, "timeout", 503),
    (StorageError, "internal", 500),
)
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "404 page not found"),
    405: ("bad_data", "Method Not Allowed"),
    406: ("not_acceptable", "Not Acceptable"),
}
"""Type and text where the framework found no route; Grafana looks for "page not found"."""


class ApiRoute(APIRoute):
    """A route of Prometheus's API: whatever goes wrong in it is answered in the envelope."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors answered."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except TocsinError as error:
                return failure(error)
            except RequestValidationError as error:
                return _invalid(error)
            except HTTPException as error:
                return refusal(error.status_code, error.headers)
            except Exception:
                log.exception("%s %s failed", request.method, request.url.path)
                return error_answer(500, "internal", "internal error; tocsin's log tells it")

        return answered


def api_router() -> APIRouter:
    """An empty router below `/api/v1`."""
    return APIRouter(prefix="/api/v1", route_class=ApiRoute)


def add_routes(
    routes: APIRouter, handlers: Mapping[str, tuple[Callable[..., Response], str]]
) -> None:
    """Handlers by path, each with its methods: `"GET POST"`. A method has its own operation."""
    for path, (handler, methods) in handlers.items():
        for method in methods.split():
            routes.add_api_route(
                path,
                handler,
                methods=[method],
                response_model=None,
                operation_id=f"{method.lower()}{path}",
            )


def success(
    data: str, warnings: Sequence[str] = (), infos: Sequence[str] = (), status: int = 200
) -> Response:
    """200 with `data`, which is JSON already."""
    body = f'{{"status":"success","data":{data}'
    body += _annotations("warnings", "warning", warnings) + _annotations("infos", "info", infos)
    return _json(status, body + "}")


def answer(data: object) -> Response:
    """200 with data that JSON knows."""
    return success(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def nothing() -> Response:
    """204: done, and there is nothing to tell."""
    return Response(status_code=204)


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
    return error_answer(status, kind, text)


def refusal(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """What the framework refused: no such path, not this method."""
    kind, text = _BY_STATUS.get(status, ("bad_data", f"refused with status {status}"))
    response = error_answer(status, kind, text)
    response.headers.update(headers or {})
    return response


def error_answer(status: int, kind: str, text: str) -> Response:
    """An error of any type."""
    return _json(status, f'{{"status":"error","errorType":"{kind}","error":{quoted(text)}}}')


def array(items: Sequence[str]) -> str:
    """A JSON array of texts."""
    return f"[{','.join(quoted(item) for item in items)}]"


def _invalid(error: RequestValidationError) -> Response:
    first = error.errors()[0]
    name = first["loc"][-1] if first["loc"] else "body"
    return error_answer(400, "bad_data", f'invalid parameter "{name}": {first["msg"]}')


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
