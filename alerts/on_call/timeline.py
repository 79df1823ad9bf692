"""An incident's timeline: what was told of it, of its groups and of its alerts, as one story."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, select

from alerts import tables
from alerts.events import Event, EventKind, EventSearch, find_events
from alerts.on_call.incident import Incident
from alerts.story import find_story

AROUND_MS = 15 * 60_000
"""How long before its opening and after its end: what its alerts and their messages did then."""
MAX_TIMELINE = 2_000
ALERTS_FOLLOWED = 200
"""Alerts of an incident whose own events are in its timeline."""


def timeline_of(
    connection: Connection, incident: Incident, groups: Sequence[str], fingerprints: Sequence[str]
) -> Sequence[Event]:
    """Oldest first, the newest MAX_TIMELINE of them."""
    found = find_events(connection, EventSearch(incident=incident.number, limit=MAX_TIMELINE))
    after_ms = incident.opened_at_ms - AROUND_MS
    until_ms = incident.resolved_at_ms + AROUND_MS if incident.resolved_at_ms else 2**62
    for key in groups:
        about = EventSearch(group_key=key, after_ms=after_ms, until_ms=until_ms, limit=MAX_TIMELINE)
        found += [one for one in find_story(connection, about) if not one.incident]
    followed = fingerprints[:ALERTS_FOLLOWED]
    found += _of_alerts(connection, followed, after_ms, until_ms)
    found.reverse()  # what happened at the same moment keeps its order
    found.sort(key=lambda one: one.at_ms)
    return tuple(found[-MAX_TIMELINE:])


def _of_alerts(
    connection: Connection, fingerprints: Sequence[str], after_ms: int, until_ms: int
) -> list[Event]:
    """Events that name an alert and no group: those with a group came with it."""
    table = tables.events
    wanted = (
        table.c.fingerprint.in_(fingerprints),
        table.c.group_key == "",
        table.c.incident == 0,
        table.c.at_ms > after_ms,
        table.c.at_ms <= until_ms,
    )
    newest_first = select(table).where(*wanted).order_by(table.c.at_ms.desc(), table.c.id.desc())
    rows = connection.execute(newest_first.limit(MAX_TIMELINE)).mappings()
    names = [name for name in Event.__slots__ if name not in ("kind", "data")]
    return [
        Event(
            **{name: row[name] for name in names},
            kind=EventKind(row["kind"]),
            data=json.loads(row["data"]),
        )
        for row in rows
    ]
