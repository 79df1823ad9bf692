"""The story of alerts as one search gives it: what happened, and what was sent, newest first.

Sends are kept as attempts, with their answers; here each is an event like the others.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, select

from alerts import tables
from alerts.events import MAX_FOUND, Event, EventKind, EventSearch, find_events

KIND_OF: Mapping[str, EventKind] = {
    "sent": EventKind.NOTIFIED,
    "retried": EventKind.REFUSED,
    "failed": EventKind.REFUSED,
    "superseded": EventKind.SUPERSEDED,
}
SENDS = frozenset(KIND_OF.values())


def find_story(connection: Connection, search: EventSearch) -> list[Event]:
    """Events and sends, newest first; sends are known by their group, not by alert or incident."""
    events = find_events(connection, search)
    sends = _find_sends(connection, search)
    merged = heapq.merge(events, sends, key=lambda event: -event.at_ms)
    return list(merged)[: search.limit]


def _find_sends(connection: Connection, search: EventSearch) -> list[Event]:
    if search.incident or search.fingerprint or search.actor not in ("", "tocsin"):
        return []
    if search.kinds and not SENDS.intersection(search.kinds):
        return []
    table = tables.attempts
    wanted = [table.c.at_ms > search.after_ms, table.c.at_ms <= search.until_ms]
    if search.group_key:
        wanted.append(table.c.group_key == search.group_key)
    if search.kinds:
        statuses = [status for status, kind in KIND_OF.items() if kind in search.kinds]
        wanted.append(table.c.status.in_(statuses))
    if search.contains:
        found = (table.c.title, table.c.error, table.c.integration)
        texts = [column.icontains(search.contains, autoescape=True) for column in found]
        wanted.append(texts[0] | texts[1] | texts[2])
    newest_first = select(table).where(*wanted).order_by(table.c.at_ms.desc(), table.c.id.desc())
    rows = connection.execute(newest_first.limit(min(search.limit, MAX_FOUND)))
    return [_send(row) for row in rows.mappings()]


def _send(row: RowMapping) -> Event:
    error = f": {row['error']}" if row["error"] else ""
    return Event(
        at_ms=row["at_ms"],
        kind=KIND_OF[row["status"]],
        group_key=row["group_key"],
        text=f"{row['integration']} ({row['status']}, {row['reason']}): {row['title']}{error}",
        data={
            name: row[name]
            for name in ("notification_id", "receiver", "channel", "status", "reason", "seconds")
        },
    )
