"""HTTP routes of incidents, under `/api/tocsin/v1/incidents`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from alerts.on_call.api_bodies import (
    ActRequest,
    AssignRequest,
    ForRequest,
    IncidentBody,
    IncidentDetailBody,
    IncidentsBody,
    MergeRequest,
    SilencedBody,
    TextRequest,
)
from alerts.on_call.incident import STATUSES
from alerts.on_call.incident_store import MAX_FOUND, IncidentSearch
from alerts.on_call.severity import SEVERITIES
from alerts.on_call.station import Station
from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError

PREFIX = "/api/tocsin/v1/incidents"


def router(station: Station) -> APIRouter:
    """Every route of incidents."""
    routes = APIRouter(prefix=PREFIX, tags=["incidents"])
    answers = _Answers(station)
    _add_views(routes, station, answers)
    _add_acts(routes, station, answers)
    return routes


def open_statuses(status: str) -> tuple[str, ...]:
    """The statuses that a filter means: `open`, `all`, or one; raises InputError."""
    if status == "open":
        return tuple(one for one in STATUSES if one != "resolved")
    if status not in ("", "all", *STATUSES):
        raise InputError(f"no such status: {status!r}", advice=f"open, all, {', '.join(STATUSES)}")
    return () if status in ("", "all") else (status,)


class _Answers:
    """Incidents as their routes answer them."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def one(self, number: int) -> IncidentDetailBody:
        """An incident with all that belongs to it; 404 for a number that is not known."""
        try:
            view = self._station.incident(number)
        except KeyError as error:
            raise _unknown(number) from error
        return IncidentDetailBody.of_view(view, self._station.links.page(number))

    def after(self, number: int, act: Callable[[], None]) -> IncidentDetailBody:
        """An incident after an act on it."""
        try:
            act()
        except KeyError as error:
            raise _unknown(number) from error
        return self.one(number)


def _unknown(number: int) -> HTTPException:
    return HTTPException(404, f"there is no incident {number}")


def _add_views(routes: APIRouter, station: Station, answers: _Answers) -> None:
    @routes.get("")
    def incidents(
        status: str = "all",
        severity: str = "",
        team: str = "",
        limit: Annotated[int, Query(ge=1, le=MAX_FOUND)] = 100,
    ) -> IncidentsBody:
        """Incidents; `status` is one, `open` or `all`."""
        if severity and severity not in SEVERITIES:
            raise InputError(f"no such severity: {severity!r}", advice=", ".join(SEVERITIES))
        severities = (severity,) if severity else ()
        search = IncidentSearch(open_statuses(status), severities, team, limit=limit)
        found = station.incidents(search)
        bodies = [IncidentBody.of(one, station.links.page(one.number)) for one in found]
        return IncidentsBody(incidents=bodies)

    @routes.get("/{number}")
    def incident(number: int) -> IncidentDetailBody:
        """One incident: its alerts, timeline, surroundings and similar ones."""
        return answers.one(number)


def _add_acts(routes: APIRouter, station: Station, answers: _Answers) -> None:
    desk = station.desk

    @routes.post("/{number}/acknowledge")
    def acknowledge(number: int, body: ActRequest) -> IncidentDetailBody:
        """Someone works on it: escalation and repeats stop."""
        return answers.after(number, lambda: desk.acknowledge(number, body.actor))

    @routes.post("/{number}/unacknowledge")
    def unacknowledge(number: int, body: ActRequest) -> IncidentDetailBody:
        """Nobody does any more: escalation begins again."""
        return answers.after(number, lambda: desk.unacknowledge(number, body.actor))

    @routes.post("/{number}/assign")
    def assign(number: int, body: AssignRequest) -> IncidentDetailBody:
        """Make someone its owner; they are told by their receivers."""
        return answers.after(number, lambda: desk.assign(number, body.person, body.actor))

    @routes.post("/{number}/snooze")
    def snooze(number: int, body: ForRequest) -> IncidentDetailBody:
        """Say nothing for a while."""
        seconds = parse_duration_ms(body.duration) / 1000
        return answers.after(number, lambda: desk.snooze(number, seconds, body.actor))

    @routes.post("/{number}/resolve")
    def resolve(number: int, body: TextRequest) -> IncidentDetailBody:
        """Close it by hand."""
        return answers.after(number, lambda: desk.resolve(number, body.actor, body.text))

    @routes.post("/{number}/comment")
    def comment(number: int, body: TextRequest) -> IncidentDetailBody:
        """Add to its story."""
        return answers.after(number, lambda: desk.comment(number, body.text, body.actor))

    @routes.post("/{number}/merge")
    def merge(number: int, body: MergeRequest) -> IncidentDetailBody:
        """Make it a part of another one."""
        return answers.after(number, lambda: desk.merge(number, body.into, body.actor))

    @routes.post("/{number}/silence")
    def silence(number: int, body: ForRequest) -> SilencedBody:
        """Silence the labels that its alerts share."""
        seconds = parse_duration_ms(body.duration) / 1000
        try:
            return SilencedBody(silence_id=desk.silence(number, seconds, body.actor))
        except KeyError as error:
            raise _unknown(number) from error
