"""`GET /api/tocsin/v1/oncall/report`: how the team fared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from alerts.on_call.figures import NoisyAlert, Report, ShiftLoad, Spread
from alerts.on_call.station import Station
from collector.model.clock import Clock

DAY_MS = 24 * 3_600_000
MAX_DAYS = 366


class SpreadBody(BaseModel):
    """Times; null where there are none."""

    count: int
    mean_seconds: float | None
    median_seconds: float | None

    @classmethod
    def of(cls, one: Spread) -> SpreadBody:
        """The body of a spread."""
        return cls(**{name: getattr(one, name) for name in Spread.__slots__})


class LoadBody(BaseModel):
    """What a person's shifts brought."""

    person: str
    shifts: int
    pages: int
    pages_per_shift: float

    @classmethod
    def of(cls, one: ShiftLoad) -> LoadBody:
        """The body of a load."""
        return cls(
            person=one.person,
            shifts=one.shifts,
            pages=one.pages,
            pages_per_shift=one.pages_per_shift,
        )


class NoisyAlertBody(BaseModel):
    """An alert that people did not need."""

    alertname: str
    service: str
    incidents: int
    never_acknowledged: int
    short_lived: int
    reopened: int
    noise_ratio: float

    @classmethod
    def of(cls, one: NoisyAlert) -> NoisyAlertBody:
        """The body of a noisy alert."""
        fields = {name: getattr(one, name) for name in NoisyAlert.__slots__}
        return cls(**fields, noise_ratio=one.noise_ratio)


class ReportBody(BaseModel):
    """MTTA is `to_acknowledge`, MTTR `to_resolve`, MTBF `between`."""

    from_ms: int
    until_ms: int
    incidents: int
    by_severity: dict[str, int]
    to_acknowledge: SpreadBody
    to_resolve: SpreadBody
    between: SpreadBody
    never_acknowledged: int
    escalations: int
    pages_per_shift: float | None
    loads: list[LoadBody]
    noisy: list[NoisyAlertBody]

    @classmethod
    def of(cls, one: Report) -> ReportBody:
        """The body of a report."""
        return cls(
            from_ms=one.from_ms,
            until_ms=one.until_ms,
            incidents=one.incidents,
            by_severity=dict(one.by_severity),
            to_acknowledge=SpreadBody.of(one.to_acknowledge),
            to_resolve=SpreadBody.of(one.to_resolve),
            between=SpreadBody.of(one.between),
            never_acknowledged=one.never_acknowledged,
            escalations=one.escalations,
            pages_per_shift=one.pages_per_shift,
            loads=[LoadBody.of(load) for load in one.loads],
            noisy=[NoisyAlertBody.of(alert) for alert in one.noisy],
        )


def router(station: Station, clock: Clock) -> APIRouter:
    """The one route."""
    routes = APIRouter(prefix="/api/tocsin/v1/oncall", tags=["on call"])

    @routes.get("/report")
    def report(days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 30) -> ReportBody:
        """The figures of the last days."""
        now_ms = clock.now_ms()
        return ReportBody.of(station.report(now_ms - days * DAY_MS, now_ms))

    return routes
