"""Known incidents beside what a replay would have sent: detected when, missed, or a false alarm.

A file is a YAML list of `name`, `start` and `end` (RFC 3339 or Unix seconds). An alert is true when
its time and an incident's have a moment in common, and false when they have none with any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import yaml

from collector.model.errors import ConfigError, Where
from slo.objective import Severity
from slo.replay import Sent

MAX_INCIDENTS = 10_000
"""A list longer than this is no list of incidents."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What happened between two times."""

    name: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Detection:
    """How long after its beginning an incident was told of; None: not at all."""

    incident: Incident
    page_seconds: float | None
    ticket_seconds: float | None


def read_incidents(text: str, file: str) -> list[Incident]:
    """The incidents of a file. Raises ConfigError."""
    try:
        rows = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"no YAML: {error}", where=Where(file)) from error
    if not isinstance(rows, list) or len(rows) > MAX_INCIDENTS:
        raise ConfigError(
            f"a list of up to {MAX_INCIDENTS:,} incidents is expected",
            where=Where(file),
            advice="- {name: database down, start: 2026-01-31T12:00:00Z, end: …}",
        )
    return [_incident(row, place, file) for place, row in enumerate(rows, 1)]


def _incident(row: object, place: int, file: str) -> Incident:
    where = Where(file, field=f"incident {place}")
    if not isinstance(row, dict) or not {"start", "end"} <= set(row) <= {"name", "start", "end"}:
        raise ConfigError("an incident has start, end and name, no more", where=where)
    start_ms, end_ms = _time_ms(row["start"], where), _time_ms(row["end"], where)
    if end_ms < start_ms:
        raise ConfigError("it ends before it begins", where=where)
    return Incident(str(row.get("name", f"incident {place}")), start_ms, end_ms)


def _time_ms(value: object, where: Where) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(value * 1000)
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ConfigError(
            f"not a time: {value!r}", where=where, advice="like 2026-01-31T12:00:00Z"
        ) from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def overlaps(sent: Sent, incident: Incident) -> bool:
    """Whether an alert and an incident were there at the same moment."""
    begun = sent.begins_ms <= incident.end_ms
    return begun and (sent.ends_ms is None or sent.ends_ms > incident.start_ms)


def detections(sent: Sequence[Sent], incidents: Sequence[Incident]) -> list[Detection]:
    """One for each incident, in order."""
    return [
        Detection(one, _seconds(sent, one, "page"), _seconds(sent, one, "ticket"))
        for one in incidents
    ]


def _seconds(sent: Sequence[Sent], incident: Incident, severity: Severity) -> float | None:
    begins = [one.begins_ms for one in sent if one.severity == severity and overlaps(one, incident)]
    return max(0, min(begins) - incident.start_ms) / 1000 if begins else None


def false_alarms(sent: Sequence[Sent], incidents: Sequence[Incident]) -> list[Sent]:
    """The alerts that are of no incident."""
    return [one for one in sent if not any(overlaps(one, incident) for incident in incidents)]
