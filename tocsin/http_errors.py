"""How an error reads, by whose API was asked: Prometheus's, Alertmanager's or tocsin's own.

The framework's own answers (no such path, not this method, a parameter of the wrong type) take the
same form as the routes' errors.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from collector.api import envelope
from collector.model.errors import (
    ConfigError,
    EvaluationError,
    InputError,
    LimitError,
    TocsinError,
    UnavailableError,
)

log = logging.getLogger(__name__)

PROMETHEUS_PREFIX, ALERTMANAGER_PREFIX = "/api/v1/", "/api/v2/"

CLIENT_GONE = 499
"""nginx's number for it; nobody gets it, the count of requests has it."""
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

STATUSES: dict[type[TocsinError], int] = {
    InputError: 400,
    ConfigError: 400,
    EvaluationError: 422,
    LimitError: 429,
    UnavailableError: 503,
}


def add_error_answers(app: FastAPI) -> None:
    """Answer every error of the application."""
    app.add_exception_handler(TocsinError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)


def status_of(error: TocsinError) -> int:
    """The HTTP status of an error's branch."""
    return next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)


async def _answer_error(request: Request, error: Exception) -> Response:
    """An error of ours with the status that fits its branch."""
    if not isinstance(error, TocsinError):
        raise error
    if _asks(request, PROMETHEUS_PREFIX):
        return envelope.failure(error)
    return _own(status_of(error), error.message, str(error.where), error.advice)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """What the framework, or a route in its words, refused."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods(request))
    if _asks(request, PROMETHEUS_PREFIX):
        return envelope.refusal(error.status_code, headers)
    if _asks(request, ALERTMANAGER_PREFIX):
        return JSONResponse(str(error.detail), error.status_code, headers)
    answer = _own(error.status_code, str(error.detail))
    answer.headers.update(headers)
    return answer


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """A parameter that is not what the route takes."""
    if not isinstance(error, RequestValidationError):
        raise error
    text = "; ".join(
        f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}"
        for one in error.errors()
    )
    if _asks(request, PROMETHEUS_PREFIX):
        return envelope.error_answer(400, "bad_data", text)
    if _asks(request, ALERTMANAGER_PREFIX):
        return JSONResponse(text, 400)
    return _own(422, text)


async def _answer_nobody(_: Request, __: Exception) -> Response:
    """Who asked has gone in the middle of the request: no error of ours, which would be logged."""
    return Response(status_code=CLIENT_GONE)


def _own(status: int, message: str, where: str = "", advice: str = "") -> JSONResponse:
    return JSONResponse({"error": message, "where": where, "advice": advice}, status)


def _asks(request: Request, prefix: str) -> bool:
    return request.url.path.startswith(prefix)


def _methods(request: Request) -> list[str]:
    """Every method that some route takes at this path."""
    scope = {key: value for key, value in request.scope.items() if key != "path_params"}
    return [
        method
        for method in METHODS
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
