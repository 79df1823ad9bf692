"""HTTP routes of signs of life, under `/api/tocsin/v1/heartbeats`."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from alerts.on_call.heartbeats import Heartbeat, Heartbeats
from collector.model.clock import Clock

PREFIX = "/api/tocsin/v1/heartbeats"


class HeartbeatBody(BaseModel):
    """One that is expected; `last_ms` is when it came last, or was first expected (no `sender`)."""

    name: str
    interval_ms: int
    last_ms: int
    sender: str
    due_ms: int
    is_missing: bool

    @classmethod
    def of(cls, one: Heartbeat, now_ms: int) -> HeartbeatBody:
        """The body of a heartbeat."""
        fields = {name: getattr(one, name) for name in Heartbeat.__slots__}
        return cls(**fields, is_missing=one.is_missing(now_ms))


class HeartbeatsBody(BaseModel):
    """Every one that is expected."""

    heartbeats: list[HeartbeatBody]


def router(heartbeats: Heartbeats, clock: Clock) -> APIRouter:
    """Every route of heartbeats."""
    routes = APIRouter(prefix=PREFIX, tags=["on call"])

    @routes.get("")
    def states() -> HeartbeatsBody:
        """Every sign of life that is expected."""
        now_ms = clock.now_ms()
        found = [HeartbeatBody.of(one, now_ms) for one in heartbeats.states()]
        return HeartbeatsBody(heartbeats=found)

    @routes.post("/{name}")
    def beat(name: str, request: Request) -> HeartbeatBody:
        """A sign of life; 404 for one that nobody expects."""
        sender = request.client.host if request.client else ""
        try:
            return HeartbeatBody.of(heartbeats.beat(name, sender), clock.now_ms())
        except KeyError as error:
            raise HTTPException(404, f"nobody expects a heartbeat {name!r}") from error

    return routes
