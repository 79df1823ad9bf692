"""Alertmanager's API v2 (`/api/v2/…`), so that Prometheus, amtool and Grafana work unchanged.

Errors are JSON strings, as there. Ours besides: `/api/tocsin/v1/notifications` (what was sent) and
`/api/tocsin/v1/channels` (how each integration does).
Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError

from alerts import limits
from alerts.alertmanager_json import timestamp
from alerts.api_values import (
    AlertBody,
    SilenceBody,
    alert_json,
    group_json,
    silence_json,
)
from alerts.json_body import decoded
from alerts.matchers import parse_matchers
from alerts.service import AlertService
from alerts.silence_recurring import is_recurring
from alerts.views import AlertView, GroupView
from collector.model.errors import InputError, LimitError, TocsinError
from collector.model.matchers import Matcher, matches_all
from collector.request_body import read_body

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A POST of alerts or of a silence may be this large: about 30,000 alerts."""
MAX_HISTORY = 1_000
VERSION = "0.25.0"
"""The Alertmanager whose API this is; amtool warns when its own version differs."""
Model = TypeVar("Model", bound=BaseModel)
Filters = Annotated[list[str] | None, Query(alias="filter")]


class ApiError(Exception):
    """An answer that is a JSON string, as Alertmanager gives it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = JSONResponse(message, status_code=status)


async def _raw(request: Request) -> bytes | None:
    return await read_body(request, MAX_BODY_BYTES)


def read_json(raw: Annotated[bytes | None, Depends(_raw)]) -> object:
    """The JSON of a request, or an ApiError inside a value, so that routes answer alike.

    A plain function, which FastAPI runs in a thread: a large body does not stop others.
    """
    if raw is None:
        return ApiError(413, f"the body is over {MAX_BODY_BYTES:,} bytes")
    try:
        return decoded(raw)
    except InputError as error:
        return ApiError(400, error.message)


Body = Annotated[object, Depends(read_json)]


def router(service: AlertService) -> APIRouter:
    """Every route."""
    routes = APIRouter()
    _add_alerts(routes, service)
    _add_silences(routes, service)
    _add_status(routes, service)
    _add_own(routes, service)
    return routes


def _add_alerts(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/api/v2/alerts")
    def get_alerts(
        filters: Filters = None,
        receiver: str = "",
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        unprocessed: bool = True,
    ) -> Response:
        try:
            shown = _Shown(filters, receiver, active, silenced, inhibited)
        except ApiError as error:
            return error.response
        found = [alert_json(view) for view in service.alerts() if shown.has(view)]
        return JSONResponse(found)

    @routes.post("/api/v2/alerts")
    def post_alerts(body: Body) -> Response:
        try:
            return _take_alerts(service, body)
        except ApiError as error:
            return error.response

    @routes.get("/api/v2/alerts/groups")
    def get_groups(
        filters: Filters = None,
        receiver: str = "",
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        muted: bool = True,
    ) -> Response:
        try:
            shown = _Shown(filters, receiver, active, silenced, inhibited)
        except ApiError as error:
            return error.response
        found = [one for one in service.groups() if muted or not one.muted_by]
        groups = [group_json(one) for one in map(shown.within, found) if one.alerts]
        return JSONResponse(groups)


def _add_silences(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/api/v2/silences")
    def get_silences(
        filters: Filters = None, active: bool = True, pending: bool = True, expired: bool = True
    ) -> Response:
        try:
            wanted = _matchers(filters)
        except ApiError as error:
            return error.response
        now_ms = service.now_ms()
        states = {"active": active, "pending": pending, "expired": expired}
        found = [
            one
            for one in service.silences.all()
            if states[one.state(now_ms)] and _has_matchers(one.matchers, wanted)
        ]
        order = {"active": 0, "pending": 1, "expired": 2}
        found.sort(key=lambda one: (order[one.state(now_ms)], one.ends_at_ms))
        return JSONResponse([silence_json(one, now_ms) for one in found])

    @routes.post("/api/v2/silences")
    def post_silence(body: Body) -> Response:
        try:
            wanted = _parse(SilenceBody, body).silence()
            return JSONResponse({"silenceID": service.silences.save(wanted)})
        except ApiError as error:
            return error.response
        except KeyError:
            return JSONResponse("silence not found", status_code=404)
        except (InputError, LimitError) as error:
            return JSONResponse(error.message, status_code=400)

    @routes.get("/api/v2/silence/{silence_id:path}")
    def get_silence(silence_id: str) -> Response:
        silence = service.silences.get(silence_id)
        if silence is None:
            return JSONResponse("silence not found", status_code=404)
        return JSONResponse(silence_json(silence, service.now_ms()))

    @routes.delete("/api/v2/silence/{silence_id:path}")
    def delete_silence(silence_id: str, author: str = "") -> Response:
        try:
            service.silences.expire(silence_id, author)
        except KeyError:
            return JSONResponse("silence not found", status_code=404)
        except InputError as error:
            # 500 is Alertmanager's answer for one that has ended
            status_code = 400 if is_recurring(silence_id) else 500
            return JSONResponse(error.message, status_code=status_code)
        return Response(status_code=200)


def _add_status(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/api/v2/receivers")
    def get_receivers() -> Response:
        return JSONResponse([{"name": name} for name in service.receivers()])

    @routes.get("/api/v2/status")
    def get_status() -> Response:
        return JSONResponse(
            {
                "cluster": {"status": "disabled", "peers": []},
                "versionInfo": {
                    "version": VERSION,
                    "revision": "tocsin",
                    "branch": "",
                    "buildUser": "",
                    "buildDate": "",
                    "goVersion": "",
                },
                "config": {"original": service.original_config()},
                "uptime": timestamp(service.started_at_ms),
            }
        )


def _add_own(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/api/tocsin/v1/notifications")
    def get_notifications(
        limit: Annotated[int, Query(ge=1, le=MAX_HISTORY)] = 100,
    ) -> Response:
        attempts = [asdict(attempt) for attempt in service.history(limit)]
        return JSONResponse({"notifications": attempts})

    @routes.get("/api/tocsin/v1/channels")
    def get_channels() -> Response:
        return JSONResponse({"channels": [asdict(one) for one in service.channel_health()]})


class _Shown:
    """Which alerts a GET asks for; raises ApiError for a filter or receiver that can't be read."""

    def __init__(
        self,
        filters: Sequence[str] | None,
        receiver: str,
        active: bool,
        silenced: bool,
        inhibited: bool,
    ) -> None:
        self._matchers = _matchers(filters)
        self._active, self._silenced, self._inhibited = active, silenced, inhibited
        try:
            self._receiver = Matcher("=~", "receiver", receiver) if receiver else None
        except InputError as error:
            raise ApiError(400, f"failed to parse receiver param: {error.message}") from error

    def has(self, view: AlertView) -> bool:
        """Whether an alert is asked for."""
        if not self._active and view.state == "active":
            return False
        if (view.silenced_by and not self._silenced) or (view.inhibited_by and not self._inhibited):
            return False
        if self._receiver and not any(map(self._receiver.matches, view.receivers)):
            return False
        return matches_all(self._matchers, view.stored.alert.labels)

    def within(self, group: GroupView) -> GroupView:
        """The group with the alerts that are asked for."""
        if self._receiver and not self._receiver.matches(group.receiver):
            alerts: tuple[AlertView, ...] = ()
        else:
            alerts = tuple(view for view in group.alerts if self.has(view))
        return replace(group, alerts=alerts)


def _take_alerts(service: AlertService, body: object) -> Response:
    """Valid alerts are taken even when others are not; the answer then names what was wrong."""
    if isinstance(body, ApiError):
        raise body
    if not isinstance(body, list):
        raise ApiError(400, "the body must be a list of alerts")
    if len(body) > limits.MAX_ALERTS:
        found = f"{len(body):,} alerts in one request, over the limit of {limits.MAX_ALERTS:,}"
        raise ApiError(400, f"{found}; none was taken: send them in parts")
    alerts, problems = [], []
    for i, item in enumerate(body):
        try:
            alerts.append(_parse(AlertBody, item).alert(service.now_ms()))
        except (ApiError, InputError, LimitError) as error:
            problems.append(f"alert {i}: {error}")
            service.metrics.invalid.inc()
    try:
        service.emit(alerts)
    except TocsinError as error:
        raise ApiError(500, error.message) from error
    if problems:
        raise ApiError(400, _told(problems))
    return Response(status_code=200)


def _told(problems: Sequence[str]) -> str:
    rest = len(problems) - limits.MAX_PROBLEMS
    more = [f"and {rest:,} more"] if rest > 0 else []
    return "; ".join([*problems[: limits.MAX_PROBLEMS], *more])


def _parse(model: type[Model], body: object) -> Model:
    if isinstance(body, ApiError):
        raise body
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ApiError(400, f"{place}: {first['msg']}" if place else first["msg"]) from error


def _matchers(filters: Sequence[str] | None) -> list[Matcher]:
    try:
        return [matcher for text in filters or () for matcher in parse_matchers(text)]
    except InputError as error:
        raise ApiError(400, error.message) from error


def _has_matchers(own: Iterable[Matcher], wanted: Sequence[Matcher]) -> bool:
    """Whether a silence has each of the wanted matchers: name, kind and value, as they stand."""
    there = {(matcher.name, matcher.kind, matcher.value) for matcher in own}
    return all((matcher.name, matcher.kind, matcher.value) in there for matcher in wanted)
