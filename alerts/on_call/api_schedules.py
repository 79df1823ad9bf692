"""HTTP routes of who is on call, under `/api/tocsin/v1/oncall`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from alerts.on_call.icalendar import CONTENT_TYPE, calendar
from alerts.on_call.rota import Duty, Plan, Rota
from alerts.on_call.schedule import Override, Shift
from alerts.on_call.station import Station
from collector.model.clock import Clock

PREFIX = "/api/tocsin/v1/oncall"
DAY_MS = 24 * 3_600_000
MAX_DAYS = 400
FEED_DAYS = 120
"""How far a calendar feed looks ahead; it also shows the two weeks before."""
FEED_BEFORE_DAYS = 14
Days = Annotated[int, Query(ge=1, le=MAX_DAYS)]


class DutyBody(BaseModel):
    """Who is on call in a schedule; `person` is "" in a gap."""

    schedule: str
    person: str
    source: str
    until_ms: int
    next_person: str

    @classmethod
    def of(cls, one: Duty) -> DutyBody:
        """The body of a duty."""
        return cls(**{name: getattr(one, name) for name in Duty.__slots__})


class DutiesBody(BaseModel):
    """Who is on call at a moment."""

    at_ms: int
    on_call: list[DutyBody]


class ShiftBody(BaseModel):
    """A stretch [start, end) of one person, or of nobody: a gap."""

    start_ms: int
    end_ms: int
    person: str
    source: str

    @classmethod
    def of(cls, one: Shift) -> ShiftBody:
        """The body of a shift."""
        return cls(start_ms=one.start_ms, end_ms=one.end_ms, person=one.person, source=one.source)


class OverrideBody(BaseModel):
    """Someone stands in."""

    id: str
    schedule: str
    person: str
    start_ms: int
    end_ms: int
    author: str
    made_at_ms: int

    @classmethod
    def of(cls, one: Override) -> OverrideBody:
        """The body of an override."""
        return cls(**{name: getattr(one, name) for name in Override.__slots__})


class OverridesBody(BaseModel):
    """Overrides that have not ended."""

    overrides: list[OverrideBody]


class LayerBody(BaseModel):
    """One layer alone."""

    name: str
    people: list[str]
    shifts: list[ShiftBody]


class ScheduleBody(BaseModel):
    """A schedule over a stretch of time: its outcome, its layers, who stands in."""

    name: str
    time_zone: str
    shifts: list[ShiftBody]
    gaps: list[ShiftBody]
    layers: list[LayerBody]
    overrides: list[OverrideBody]


class GapsBody(BaseModel):
    """The hours that nobody covers, by schedule."""

    gaps: dict[str, list[ShiftBody]]


class OverrideRequest(BaseModel):
    """Who is to stand in, when, and who says so."""

    model_config = ConfigDict(extra="forbid")

    schedule: str
    person: str
    start_ms: int
    end_ms: int
    author: str


def router(station: Station, clock: Clock) -> APIRouter:
    """Every route of schedules."""
    routes = APIRouter(prefix=PREFIX, tags=["on call"])
    _add_views(routes, station.rota, clock)
    _add_overrides(routes, station.rota, clock)
    _add_feeds(routes, station, clock)
    return routes


def _add_views(routes: APIRouter, rota: Rota, clock: Clock) -> None:
    @routes.get("")
    def who(at_ms: int = 0) -> DutiesBody:
        """Who is on call in each schedule, now or at a time."""
        found = [DutyBody.of(one) for one in rota.duties(at_ms)]
        return DutiesBody(at_ms=at_ms or clock.now_ms(), on_call=found)

    @routes.get("/schedules/{name}")
    def schedule(name: str, from_ms: int = 0, days: Days = 28) -> ScheduleBody:
        """A schedule from a time on (now)."""
        start_ms = from_ms or clock.now_ms()
        plan = _known(rota, name, start_ms, start_ms + days * DAY_MS)
        layers = zip(plan.schedule.layers, plan.layers, strict=True)
        return ScheduleBody(
            name=name,
            time_zone=plan.schedule.zone.key,
            shifts=[ShiftBody.of(one) for one in plan.shifts],
            gaps=[ShiftBody.of(one) for one in plan.shifts if not one.person],
            layers=[
                LayerBody(
                    name=layer.name or f"layer {number}",
                    people=list(layer.people),
                    shifts=[ShiftBody.of(one) for one in found if one.person],
                )
                for number, (layer, found) in enumerate(layers, 1)
            ],
            overrides=[OverrideBody.of(one) for one in plan.overrides],
        )

    @routes.get("/gaps")
    def gaps(from_ms: int = 0, days: Days = 28) -> GapsBody:
        """The hours that nobody covers."""
        start_ms = from_ms or clock.now_ms()
        found = rota.gaps(start_ms, start_ms + days * DAY_MS)
        return GapsBody(
            gaps={name: [ShiftBody.of(one) for one in some] for name, some in found.items()}
        )


def _add_overrides(routes: APIRouter, rota: Rota, clock: Clock) -> None:
    @routes.get("/overrides")
    def overrides() -> OverridesBody:
        """Overrides that have not ended."""
        found = rota.overrides(clock.now_ms())
        return OverridesBody(overrides=[OverrideBody.of(one) for one in found])

    @routes.post("/overrides", status_code=201)
    def override(body: OverrideRequest) -> OverrideBody:
        """Put someone in for whoever it is."""
        made = rota.stand_in(body.schedule, body.person, body.start_ms, body.end_ms, body.author)
        return OverrideBody.of(made)

    @routes.delete("/overrides/{override_id}")
    def take_back(override_id: str, author: str) -> OverrideBody:
        """Take an override back."""
        try:
            return OverrideBody.of(rota.take_back(override_id, author))
        except KeyError as error:
            raise HTTPException(404, f"there is no override {override_id}") from error


def _add_feeds(routes: APIRouter, station: Station, clock: Clock) -> None:
    @routes.get("/schedules/{name}/calendar.ics")
    def schedule_feed(name: str) -> Response:
        """A schedule as a calendar feed."""
        found = _shifts(station.rota, name, clock.now_ms())
        return _feed(f"On call: {name}", found, clock.now_ms())

    @routes.get("/people/{name}/calendar.ics")
    def person_feed(name: str) -> Response:
        """The shifts of one person in all schedules as a calendar feed."""
        if name not in station.roster.people:
            raise HTTPException(404, f"there is nobody called {name}")
        found = [
            (schedule, shift)
            for each in station.roster.schedules
            for schedule, shift in _shifts(station.rota, each, clock.now_ms())
            if shift.person == name
        ]
        return _feed(f"{name} on call", found, clock.now_ms())


def _shifts(rota: Rota, name: str, now_ms: int) -> list[tuple[str, Shift]]:
    # from midnight on, so that a shift that began keeps its beginning, and its identity, for a day
    start_ms = now_ms - now_ms % DAY_MS - FEED_BEFORE_DAYS * DAY_MS
    plan = _known(rota, name, start_ms, start_ms + FEED_DAYS * DAY_MS)
    return [(name, shift) for shift in plan.shifts]


def _feed(title: str, shifts: list[tuple[str, Shift]], now_ms: int) -> Response:
    return Response(calendar(title, shifts, now_ms), media_type=CONTENT_TYPE)


def _known(rota: Rota, name: str, from_ms: int, until_ms: int) -> Plan:
    try:
        return rota.plan(name, from_ms, until_ms)
    except KeyError as error:
        raise HTTPException(404, f"there is no schedule {name}") from error
