"""HTTP routes of deploy markers: `GET`, `POST` and `DELETE /api/tocsin/v1/deploys`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict

from collector.model.clock import Clock
from collector.model.deploy import Deploy
from collector.model.errors import InputError
from tocsin.deploy_log import DeployLog
from tocsin.moments import time_ms

DEFAULT_LIMIT = 100


class DeployRequest(BaseModel):
    """What was put out; `at` is RFC 3339 or Unix seconds, now when it is left out."""

    model_config = ConfigDict(extra="forbid")

    service: str
    version: str
    at: str | float | None = None
    url: str = ""
    note: str = ""


class DeployBody(BaseModel):
    """One deploy."""

    id: str
    service: str
    version: str
    at_ms: int
    url: str
    note: str

    @classmethod
    def of(cls, one: Deploy) -> DeployBody:
        """The body of a deploy."""
        return cls(
            id=one.id,
            service=one.service,
            version=one.version,
            at_ms=one.at_ms,
            url=one.url,
            note=one.note,
        )


class DeploysBody(BaseModel):
    """Deploys, the newest first."""

    deploys: list[DeployBody]


def router(
    deploys: DeployLog, clock: Clock, told: Callable[[Deploy], None] = lambda _: None
) -> APIRouter:
    """The routes over one log; `told` hears of each deploy that is added."""
    routes = APIRouter(prefix="/api/tocsin/v1/deploys")

    @routes.get("")
    def listed(
        service: str = "",
        start_ms: int = -1,
        end_ms: int | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> DeploysBody:
        """Deploys after `start_ms` up to `end_ms`, the newest `limit`, newest first."""
        end = 2**62 if end_ms is None else end_ms
        found = list(deploys.between(start_ms, end, service))
        newest = found[::-1][: max(0, limit)]
        return DeploysBody(deploys=[DeployBody.of(one) for one in newest])

    @routes.post("", status_code=201)
    def add(body: DeployRequest) -> DeployBody:
        """Tell of a deploy; the same one twice is kept once."""
        try:
            at_ms = _at_ms(body.at, clock.now_ms())
            made = deploys.add(body.service, body.version, at_ms, body.url, body.note)
        except InputError as error:
            raise HTTPException(400, str(error)) from error
        told(made)
        return DeployBody.of(made)

    @routes.delete("/{deploy_id}")
    def remove(deploy_id: str) -> DeployBody:
        """Take a wrong one out."""
        try:
            return DeployBody.of(deploys.remove(deploy_id))
        except InputError as error:
            raise HTTPException(404, str(error)) from error

    return routes


def _at_ms(at: str | float | None, now_ms: int) -> int:
    """Raises InputError for what is no time."""
    return now_ms if at in (None, "") else time_ms(str(at), "at")
