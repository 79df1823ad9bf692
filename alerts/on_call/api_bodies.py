"""The JSON bodies of incidents, made from what the station answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from alerts.events import Event
from alerts.on_call.incident import Incident
from alerts.on_call.station import IncidentView
from collector.model.alert import Alert


class ActRequest(BaseModel):
    """`actor` says who does it."""

    model_config = ConfigDict(extra="forbid")

    actor: str


class AssignRequest(ActRequest):
    """Whom to make its owner."""

    person: str


class ForRequest(ActRequest):
    """For how long: `1h`."""

    duration: str


class TextRequest(ActRequest):
    """What to say."""

    text: str = ""


class MergeRequest(ActRequest):
    """The number of the incident that this one becomes a part of."""

    into: int


class IncidentBody(BaseModel):
    """An incident; times are milliseconds since 1970, 0 for never."""

    number: int
    status: str
    severity: str
    title: str
    team: str
    owner: str
    labels: dict[str, str]
    alert_count: int
    opened_at_ms: int
    acknowledged_at_ms: int
    resolved_at_ms: int
    resolved_by: str
    until_ms: int
    reopened: int
    merged_into: int
    asked: list[str]
    escalation: str
    steps_taken: int
    next_step_ms: int
    url: str

    @classmethod
    def of(cls, one: Incident, url: str) -> IncidentBody:
        """The body of an incident."""
        return cls(**_fields(one, url))


class EventBody(BaseModel):
    """One thing that happened."""

    at_ms: int
    kind: str
    actor: str
    text: str
    fingerprint: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> EventBody:
        """The body of an event."""
        return cls(
            at_ms=event.at_ms,
            kind=event.kind,
            actor=event.actor,
            text=event.text,
            fingerprint=event.fingerprint,
            data=dict(event.data),
        )


class IncidentAlertBody(BaseModel):
    """An alert of an incident, as it began."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at_ms: int
    generator_url: str

    @classmethod
    def of(cls, alert: Alert) -> IncidentAlertBody:
        """The body of an alert."""
        return cls(
            fingerprint=alert.fingerprint,
            labels=dict(alert.labels.pairs),
            annotations=dict(alert.annotations),
            starts_at_ms=alert.starts_at_ms,
            generator_url=alert.generator_url,
        )


class SimilarBody(BaseModel):
    """A past incident that is like it."""

    number: int
    title: str
    status: str
    opened_at_ms: int
    resolved_at_ms: int
    likeness_ratio: float


class IncidentDetailBody(IncidentBody):
    """An incident with all that belongs to it."""

    groups: list[str]
    alerts: list[IncidentAlertBody]
    timeline: list[EventBody]
    context: dict[str, Any]
    similar: list[SimilarBody]

    @classmethod
    def of_view(cls, view: IncidentView, url: str) -> IncidentDetailBody:
        """The body of a view."""
        return cls(
            **_fields(view.incident, url),
            groups=list(view.groups),
            alerts=[IncidentAlertBody.of(one) for one in view.alerts],
            timeline=[EventBody.of(one) for one in view.timeline],
            context=dict(view.incident.context),
            similar=[
                SimilarBody(
                    number=one.incident.number,
                    title=one.incident.title,
                    status=one.incident.status,
                    opened_at_ms=one.incident.opened_at_ms,
                    resolved_at_ms=one.incident.resolved_at_ms,
                    likeness_ratio=round(one.likeness_ratio, 3),
                )
                for one in view.similar
            ],
        )


class IncidentsBody(BaseModel):
    """Incidents, the open ones first, the newest first."""

    incidents: list[IncidentBody]


class SilencedBody(BaseModel):
    """The silence that was made."""

    silence_id: str


def _fields(one: Incident, url: str) -> dict[str, Any]:
    same = (
        *("number", "status", "severity", "title", "team", "owner", "alert_count", "reopened"),
        *("opened_at_ms", "acknowledged_at_ms", "resolved_at_ms", "resolved_by", "until_ms"),
        "merged_into",
    )
    return {
        **{name: getattr(one, name) for name in same},
        "labels": dict(one.labels.pairs),
        "asked": sorted(one.asked),
        "escalation": one.progress.policy,
        "steps_taken": one.progress.steps_taken,
        "next_step_ms": one.progress.due_ms,
        "url": url,
    }
