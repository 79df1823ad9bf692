"""Routes that explain and rehearse: why an alert was told or not, the story, tests and drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from alerts import trial
from alerts.events import MAX_FOUND, Event, EventKind, EventSearch, save_events
from alerts.matchers import parse_matchers
from alerts.service import AlertService
from alerts.story import find_story
from alerts.why import GroupWhy, Why
from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError
from collector.model.labels import Labels

PREFIX = "/api/tocsin/v1"
FAR_FUTURE_MS = 2**62


class TestRequest(BaseModel):
    """Who tests a receiver."""

    author: str = Field(min_length=1, max_length=200)


class DrillRequest(BaseModel):
    """A drill: the labels of the alert that is rehearsed, and for how long it fires."""

    labels: dict[str, str]
    author: str = Field(min_length=1, max_length=200)
    duration: str = "10m"
    summary: str = Field("", max_length=500)


def router(service: AlertService) -> APIRouter:
    """Every route."""
    routes = APIRouter(prefix=PREFIX, tags=["alerts"])
    _add_why(routes, service)
    _add_trials(routes, service)
    return routes


def _add_why(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/alerts/why")
    def why(
        label: Annotated[list[str] | None, Query()] = None, fingerprint: str = ""
    ) -> Mapping[str, Any]:
        """Why an alert (`label=name=value`, several; or the `fingerprint` of one held) is told."""
        return why_json(service.why(wanted_labels(service, label or (), fingerprint)))

    @routes.get("/history")
    def history(
        kind: Annotated[list[EventKind] | None, Query()] = None,
        incident: int = 0,
        group: str = "",
        fingerprint: str = "",
        actor: str = "",
        after_ms: int = 0,
        until_ms: int = FAR_FUTURE_MS,
        contains: str = "",
        limit: Annotated[int, Query(ge=1, le=MAX_FOUND)] = 100,
    ) -> Mapping[str, Any]:
        """What happened and what was sent, newest first; times in milliseconds since 1970."""
        search = EventSearch(
            kinds=tuple(kind or ()),
            incident=incident,
            group_key=group,
            fingerprint=fingerprint,
            actor=actor,
            after_ms=after_ms,
            until_ms=until_ms,
            contains=contains,
            limit=limit,
        )
        with service.database.read() as connection:
            found = find_story(connection, search)
        return {"events": [event_json(event) for event in found]}


def _add_trials(routes: APIRouter, service: AlertService) -> None:
    @routes.post("/receivers/{name}/test")
    def test_receiver(name: str, wanted: TestRequest) -> Mapping[str, Any]:
        """Send a message marked [TEST] to every integration of a receiver."""
        if name not in service.receivers():
            raise HTTPException(404, f"there is no receiver {name!r}")
        tested = tested_receiver(service, name, wanted.author)
        answers = [{"integration": one.integration, "error": one.error} for one in tested]
        return {"receiver": name, "tested": answers}

    @routes.post("/drills")
    def drill(wanted: DrillRequest) -> Mapping[str, Any]:
        """Let an alert that says [DRILL] fire, and go its way as a real one would."""
        alert = trial.drill_alert(
            Labels(wanted.labels),
            wanted.author,
            parse_duration_ms(wanted.duration),
            service.now_ms(),
            wanted.summary,
        )
        service.emit([alert])
        return why_json(service.why(alert.labels))


def tested_receiver(service: AlertService, name: str, author: str) -> list[trial.Tested]:
    """Test a receiver, and keep that somebody did."""
    now_ms, url = service.now_ms(), service.external_url
    tested = trial.run_test(service.integrations(name), author, now_ms, url)
    with service.database.write() as connection:
        save_events(connection, [trial.test_event(name, tested, author, now_ms)])
    return tested


def wanted_labels(
    service: AlertService, texts: list[str] | tuple[str, ...], fingerprint: str
) -> Labels:
    """The labels that are asked about; raises InputError for what is no label, or not held."""
    if fingerprint:
        held = service.live(fingerprint)
        if held is None:
            raise InputError(f"no alert {fingerprint} is held", advice="ask by its labels instead")
        return held.labels
    matchers = [matcher for text in texts for matcher in parse_matchers(text)]
    if not matchers or any(matcher.kind != "=" for matcher in matchers):
        raise InputError("no labels are given", advice="label=alertname=Down&label=severity=page")
    return Labels({matcher.name: matcher.value for matcher in matchers})


def why_json(why: Why) -> dict[str, Any]:
    """An explanation as JSON."""
    return {
        "labels": dict(why.labels.pairs),
        "fingerprint": why.fingerprint,
        "at_ms": why.at_ms,
        "status": why.status,
        "inhibited_by": dict(why.inhibited_by.pairs) if why.inhibited_by else None,
        "silenced_by": [
            {
                "id": one.id,
                "created_by": one.created_by,
                "comment": one.comment,
                "ends_at_ms": one.ends_at_ms,
            }
            for one in why.silenced_by
        ],
        "routes": [
            {name: getattr(step, name) for name in type(step).__slots__} for step in why.steps
        ],
        "groups": [_group_json(one) for one in why.groups],
    }


def _group_json(one: GroupWhy) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in type(one).__slots__}
    told = [{name: getattr(what, name) for name in type(what).__slots__} for what in one.told]
    return {**plain, "labels": dict(one.labels.pairs), "told": told}


def event_json(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    plain = {name: getattr(event, name) for name in Event.__slots__}
    return {**plain, "kind": str(event.kind), "data": dict(event.data)}
