"""All incidents: what is open and who works on it, what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from alerts.on_call.api import open_statuses
from alerts.on_call.incident import STATUSES, Incident
from alerts.on_call.incident_store import IncidentSearch
from alerts.on_call.station import Station
from tocsin.web.texts import span

INCIDENTS_SHOWN = 200
SEVERITY_TONES = {"critical": "bad", "warning": "warn", "info": ""}
STATUS_TONES = {"triggered": "bad", "acknowledged": "warn", "snoozed": "", "resolved": "good"}


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident as pages show it."""

    number: int
    href: str
    title: str
    severity: str
    severity_tone: str
    status: str
    status_tone: str
    owner: str
    team: str
    alerts: int
    opened_ms: int
    lasted: str
    can_acknowledge: bool


def incidents_view(
    station: Station, status: str, team: str, name: str, now_ms: int
) -> Mapping[str, object]:
    """The values of `incidents.html`; raises InputError for a status that there is not."""
    status = status or "open"
    search = IncidentSearch(open_statuses(status), team=team, limit=INCIDENTS_SHOWN)
    found = station.incidents(search)
    return {
        "rows": [incident_row(one, now_ms) for one in found],
        "status": status,
        "team": team,
        "teams": list(station.roster.teams),
        "tabs": [(one, _href(one, team)) for one in ("open", *STATUSES, "all")],
        "name": name,
        "is_full": len(found) == INCIDENTS_SHOWN,
    }


def incident_row(one: Incident, now_ms: int) -> IncidentRow:
    """An incident as a row."""
    return IncidentRow(
        number=one.number,
        href=f"/incidents/{one.number}",
        title=one.title,
        severity=one.severity,
        severity_tone=SEVERITY_TONES[one.severity],
        status=one.status,
        status_tone=STATUS_TONES[one.status],
        owner=one.owner,
        team=one.team,
        alerts=one.alert_count,
        opened_ms=one.opened_at_ms,
        lasted=span(max((one.resolved_at_ms or now_ms) - one.opened_at_ms, 0) / 1000),
        can_acknowledge=one.status in ("triggered", "snoozed"),
    )


def count_open(station: Station) -> int:
    """Open incidents that nobody works on, for the navigation."""
    found: Sequence[tuple[tuple[str, str], int]] = list(station.count_open().items())
    return sum(count for (status, _), count in found if status == "triggered")


def _href(status: str, team: str) -> str:
    fields = {"status": status, **({"team": team} if team else {})}
    return f"/incidents?{urlencode(fields)}"
