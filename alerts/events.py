"""What happened, kept a year and searchable: every change of state, every send, every person's act.

The one story of alerts: an incident's timeline, the history of an alert and of a group, and the
audit of silences are searches in it. Events are only added, within the transaction of what they
tell of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, delete, insert, select

from alerts import tables

MAX_FOUND = 10_000
"""Events that one search gives at most."""
_write_json = json.JSONEncoder(default=str).encode
"""As `json.dumps(default=str)`, which makes an encoder for each call."""
NAMED = ("incident", "group_key", "fingerprint", "actor")


class EventKind(StrEnum):
    """What can happen."""

    FIRED = "fired"
    RESOLVED = "resolved"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    MUTED = "muted"
    SHOWN = "shown"
    NOTIFIED = "notified"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    SEEN = "seen"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    COMMENTED = "commented"
    MERGED = "merged"
    CLOSED = "closed"
    REOPENED = "reopened"
    SILENCE_CHANGED = "silence changed"
    SCHEDULE_CHANGED = "schedule changed"
    TESTED = "tested"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `incident` is an incident's number (0: none); `actor` names who did it (`slack:U123`,
    `pagerduty`, `ana`, or `tocsin`); `text` is for people, `data` holds values that JSON has.
    """

    at_ms: int
    kind: EventKind
    incident: int = 0
    group_key: str = ""
    fingerprint: str = ""
    actor: str = "tocsin"
    text: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventSearch:
    """Which events are wanted; what is left empty does not restrict. Times: milliseconds."""

    kinds: tuple[EventKind, ...] = ()
    incident: int = 0
    group_key: str = ""
    fingerprint: str = ""
    actor: str = ""
    after_ms: int = 0
    until_ms: int = 2**62
    contains: str = ""
    limit: int = 1_000


def save_events(connection: Connection, events: Iterable[Event]) -> None:
    """Write events, in their order."""
    rows = [_row(event) for event in events]
    if rows:
        connection.execute(insert(tables.events), rows)


def find_events(connection: Connection, search: EventSearch) -> list[Event]:
    """The events searched for, newest first."""
    table = tables.events
    wanted = [table.c.at_ms > search.after_ms, table.c.at_ms <= search.until_ms]
    if search.kinds:
        wanted.append(table.c.kind.in_(search.kinds))
    named = {name: getattr(search, name) for name in NAMED}
    wanted += [table.c[name] == value for name, value in named.items() if value]
    if search.contains:
        wanted.append(table.c.text.icontains(search.contains, autoescape=True))
    newest_first = select(table).where(*wanted).order_by(table.c.at_ms.desc(), table.c.id.desc())
    rows = connection.execute(newest_first.limit(min(search.limit, MAX_FOUND)))
    return [_event(row) for row in rows.mappings()]


def forget_events(connection: Connection, before_ms: int) -> None:
    """Let go of what happened before a time."""
    connection.execute(delete(tables.events).where(tables.events.c.at_ms < before_ms))


def _row(event: Event) -> dict[str, object]:
    names = (name for name in Event.__slots__ if name != "data")
    row: dict[str, object] = {name: getattr(event, name) for name in names}
    return {**row, "data": _write_json(dict(event.data))}


def _event(row: RowMapping) -> Event:
    values = {name: row[name] for name in Event.__slots__}
    kind, data = EventKind(row["kind"]), json.loads(row["data"])
    return Event(**{**values, "kind": kind, "data": data})
