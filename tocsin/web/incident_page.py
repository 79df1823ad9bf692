"""One incident: its story, what may be done with it, what surrounded it, what was alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerts.events import Event, EventKind
from alerts.on_call.incident import Incident
from alerts.on_call.station import IncidentView, Station
from collector.model.alert import Alert
from tocsin.web import texts
from tocsin.web.incidents_page import IncidentRow, incident_row
from tocsin.web.tiles import Tile

ALERTS_SHOWN = 100
TONES = {
    EventKind.FIRED: "bad",
    EventKind.OPENED: "bad",
    EventKind.REOPENED: "bad",
    EventKind.ESCALATED: "warn",
    EventKind.REFUSED: "bad",
    EventKind.ACKNOWLEDGED: "good",
    EventKind.RESOLVED: "good",
    EventKind.CLOSED: "good",
}


@dataclass(frozen=True, slots=True)
class StoryRow:
    """One line of the timeline."""

    at_ms: int
    kind: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class SightRow:
    """Something near its start: how long before or after."""

    kind: str
    title: str
    href: str
    when: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert of it."""

    name: str
    summary: str
    labels: str
    since_ms: int
    href: str
    runbook: str


def incident_view(
    view: IncidentView, station: Station, name: str, now_ms: int
) -> Mapping[str, object]:
    """The values of `incident.html`."""
    incident = view.incident
    context = incident.context
    return {
        "row": incident_row(incident, now_ms),
        "incident": incident,
        "tiles": _tiles(incident, now_ms),
        "story": [_story_row(one) for one in reversed(view.timeline)],
        "alerts": [_alert_line(one) for one in view.alerts[:ALERTS_SHOWN]],
        "more_alerts": max(incident.alert_count - min(len(view.alerts), ALERTS_SHOWN), 0),
        "budget": _budget(context.get("budget") or {}),
        "shares": (context.get("budget") or {}).get("attribution", []),
        "sights": [_sight(one, incident) for one in context.get("sights", ())],
        "similar": [
            (incident_row(one.incident, now_ms), f"{one.likeness_ratio:.0%}")
            for one in view.similar
        ],
        "people": list(station.roster.people),
        "asked": sorted(incident.asked),
        "name": name,
        "next_step_ms": incident.progress.due_ms if incident.status == "triggered" else 0,
    }


def link_view(
    incident: Incident, act: str, token: str, name: str, now_ms: int
) -> Mapping[str, object]:
    """The values of `incident_link.html`: what a signed link asks before it acts."""
    row: IncidentRow = incident_row(incident, now_ms)
    return {"row": row, "act": act, "token": token, "name": name}


def _tiles(incident: Incident, now_ms: int) -> list[Tile]:
    end_ms = incident.resolved_at_ms or now_ms
    to_acknowledge = incident.acknowledged_at_ms - incident.opened_at_ms
    waited = texts.span(max(to_acknowledge, 0) / 1000) if incident.acknowledged_at_ms else "not yet"
    return [
        Tile(
            "Open for" if incident.is_open else "Lasted",
            _span(end_ms - incident.opened_at_ms),
            note=f"since {texts.iso(incident.opened_at_ms)}",
        ),
        Tile("Acknowledged after", waited, note=""),
        Tile("Owner", incident.owner or "nobody", note=incident.team),
        Tile("Alerts", texts.count(incident.alert_count), note=_again(incident.reopened)),
    ]


def _again(reopened: int) -> str:
    return f"opened again {reopened} times" if reopened else ""


def _span(ms: int) -> str:
    return texts.span(max(ms, 0) / 1000)


def _story_row(event: Event) -> StoryRow:
    return StoryRow(event.at_ms, event.kind, TONES.get(event.kind, ""), event.text)


def _alert_line(alert: Alert) -> AlertLine:
    said = alert.annotations
    runbook = said.get("runbook_url") or str(alert.evidence.get("runbook_url") or "")
    labels = alert.labels.without("alertname")
    return AlertLine(
        alert.name or "alert",
        said.get("summary") or said.get("description", ""),
        ", ".join(f"{name}={value}" for name, value in labels.pairs),
        alert.starts_at_ms,
        texts.link(alert.generator_url),
        texts.link(runbook),
    )


def _budget(facts: Mapping[str, Any]) -> Mapping[str, str] | None:
    if not facts.get("slo"):
        return None
    gone = facts.get("exhausted_in_seconds")
    return {
        "slo": facts["slo"],
        "service": facts["service"],
        "href": f"/slos/{facts['service']}/{facts['slo']}",
        "burnt": texts.percent(facts["budget_burnt_ratio"]),
        "left": texts.percent(facts["budget_left_ratio"]),
        "first": texts.percent(facts["budget_left_first_ratio"]),
        "burn_rate": texts.burn(facts.get("burn_rate")),
        "gone_in": texts.NOTHING if gone is None else texts.span(float(gone)),
    }


def _sight(sight: Mapping[str, Any], incident: Incident) -> SightRow:
    apart_ms = sight["at_ms"] - incident.opened_at_ms
    when = f"{_span(abs(apart_ms))} {'after' if apart_ms > 0 else 'before'}"
    return SightRow(sight["kind"], sight["title"], texts.link(sight["url"]), when)
