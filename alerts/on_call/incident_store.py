"""Incidents as rows: which there are, of which groups and alerts they are made, when one is due.

Thin: each function takes the connection of a transaction, so that an incident becomes durable
together with the decision that it belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from alerts.database import upsert
from alerts.notification import decode_alert, encode_alert
from alerts.on_call import tables
from alerts.on_call.incident import Incident, Progress
from collector.model.alert import Alert
from collector.model.labels import Labels

MAX_FOUND = 1_000
"""Incidents that one search gives at most."""
KEYS_PER_QUERY = 500
KEPT_MS = 400 * 24 * 3_600_000
"""Incidents are kept a little longer than the year in which their events are."""


@dataclass(frozen=True, slots=True)
class IncidentSearch:
    """Which incidents are wanted; what is left empty does not restrict. Times: milliseconds."""

    statuses: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    team: str = ""
    opened_after_ms: int = 0
    opened_until_ms: int = 2**62
    limit: int = 100


def save_incidents(connection: Connection, incidents: Iterable[Incident]) -> None:
    """Write incidents."""
    upsert(connection, tables.incidents, [_row(one) for one in incidents], ("number",))


def load_incident(connection: Connection, number: int) -> Incident:
    """One incident; raises KeyError for a number that is not known."""
    table = tables.incidents
    found = connection.execute(select(table.c.incident).where(table.c.number == number)).scalar()
    if found is None:
        raise KeyError(number)
    return _decode(json.loads(found))


def load_incidents(connection: Connection, numbers: Sequence[int]) -> list[Incident]:
    """Those of some incidents that are known."""
    table, found = tables.incidents, list[Incident]()
    for start in range(0, len(numbers), KEYS_PER_QUERY):
        some = numbers[start : start + KEYS_PER_QUERY]
        rows = connection.execute(select(table.c.incident).where(table.c.number.in_(some)))
        found += (_decode(json.loads(text)) for text in rows.scalars())
    return found


def find_incidents(connection: Connection, search: IncidentSearch) -> list[Incident]:
    """The incidents searched for, the open ones first, newest first."""
    table = tables.incidents
    wanted = [
        table.c.opened_at_ms > search.opened_after_ms,
        table.c.opened_at_ms <= search.opened_until_ms,
    ]
    if search.statuses:
        wanted.append(table.c.status.in_(search.statuses))
    if search.severities:
        wanted.append(table.c.severity.in_(search.severities))
    if search.team:
        wanted.append(table.c.team == search.team)
    order = (table.c.is_open.desc(), table.c.number.desc())
    rows = select(table.c.incident).where(*wanted).order_by(*order)
    found = connection.execute(rows.limit(min(search.limit, MAX_FOUND))).scalars()
    return [_decode(json.loads(text)) for text in found]


def count_open(connection: Connection) -> dict[tuple[str, str], int]:
    """Open incidents by status and severity."""
    table = tables.incidents
    by = (table.c.status, table.c.severity)
    rows = connection.execute(select(*by, func.count()).where(table.c.is_open).group_by(*by))
    return {(status, severity): count for status, severity, count in rows}


def due_incidents(connection: Connection, now_ms: int) -> list[Incident]:
    """Open incidents that time alone does something to now."""
    table = tables.incidents
    due = (table.c.is_open, table.c.next_ms > 0, table.c.next_ms <= now_ms)
    rows = connection.execute(select(table.c.incident).where(*due).order_by(table.c.next_ms))
    return [_decode(json.loads(text)) for text in rows.scalars()]


def next_due_ms(connection: Connection) -> int | None:
    """When the next open incident is due."""
    table = tables.incidents
    earliest = select(func.min(table.c.next_ms)).where(table.c.is_open, table.c.next_ms > 0)
    return connection.execute(earliest).scalar()


def next_number(connection: Connection) -> int:
    """The number of the next incident."""
    last = connection.execute(select(func.max(tables.incidents.c.number))).scalar()
    return (last or 0) + 1


def link_groups(connection: Connection, numbers: Mapping[str, int]) -> None:
    """Make groups parts of incidents, by their keys; those are the last incidents that they had."""
    table = tables.incident_groups
    keys = list(numbers)
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[start : start + KEYS_PER_QUERY]
        mine = update(table).where(table.c.group_key.in_(some), table.c.is_last)
        connection.execute(mine.values(is_last=False))
    rows = [
        {"group_key": key, "number": number, "is_last": True} for key, number in numbers.items()
    ]
    upsert(connection, table, rows, ("group_key", "number"))


def groups_of(connection: Connection, number: int) -> list[str]:
    """The keys of the groups of which an incident is the last; messages about it are theirs."""
    return _groups_of(connection, number, (tables.incident_groups.c.is_last,))


def all_groups_of(connection: Connection, number: int) -> list[str]:
    """The keys of the groups that an incident ever had."""
    return _groups_of(connection, number, ())


def _groups_of(
    connection: Connection, number: int, wanted: tuple[ColumnElement[bool], ...]
) -> list[str]:
    table = tables.incident_groups
    keys = select(table.c.group_key).where(table.c.number == number, *wanted)
    return list(connection.execute(keys.order_by(table.c.group_key)).scalars())


def of_groups(connection: Connection, group_keys: Sequence[str]) -> dict[str, Incident]:
    """The last incident of each group that ever had one."""
    links, table = tables.incident_groups, tables.incidents
    found = {}
    for start in range(0, len(group_keys), KEYS_PER_QUERY):
        some = group_keys[start : start + KEYS_PER_QUERY]
        joined = select(links.c.group_key, table.c.incident).join(
            table, table.c.number == links.c.number
        )
        wanted = (links.c.is_last, links.c.group_key.in_(some))
        for key, text in connection.execute(joined.where(*wanted)):
            found[key] = _decode(json.loads(text))
    return found


def open_without(connection: Connection, groups: Container[str]) -> list[int]:
    """The numbers of open incidents none of whose groups is among some."""
    links, table = tables.incident_groups, tables.incidents
    joined = (
        select(table.c.number, links.c.group_key)
        .join(links, links.c.number == table.c.number, isouter=True)
        .where(table.c.is_open)
    )
    kept: dict[int, bool] = {}
    for number, key in connection.execute(joined):
        kept[number] = kept.get(number, False) or key in groups
    return sorted(number for number, is_kept in kept.items() if not is_kept)


def add_alerts(connection: Connection, alerts: Mapping[int, Sequence[Alert]]) -> None:
    """Remember alerts of incidents, by their numbers."""
    rows = [
        {
            "number": number,
            "fingerprint": alert.fingerprint,
            "alert": json.dumps(encode_alert(alert), default=str),
        }
        for number, some in alerts.items()
        for alert in some
    ]
    upsert(connection, tables.incident_alerts, rows, ("number", "fingerprint"))


def alerts_of(connection: Connection, number: int) -> list[Alert]:
    """The alerts that an incident remembers, as they were first."""
    table = tables.incident_alerts
    rows = select(table.c.alert).where(table.c.number == number).order_by(table.c.fingerprint)
    return [decode_alert(json.loads(text)) for text in connection.execute(rows).scalars()]


def holders(connection: Connection, fingerprints: Sequence[str]) -> dict[str, frozenset[int]]:
    """The numbers of the open incidents that have each of some alerts."""
    links, table = tables.incident_alerts, tables.incidents
    joined = select(links.c.fingerprint, links.c.number).join(
        table, table.c.number == links.c.number
    )
    found: dict[str, frozenset[int]] = {}
    for start in range(0, len(fingerprints), KEYS_PER_QUERY):
        some = fingerprints[start : start + KEYS_PER_QUERY]
        rows = connection.execute(joined.where(table.c.is_open, links.c.fingerprint.in_(some)))
        for fingerprint, number in rows:
            found[fingerprint] = found.get(fingerprint, frozenset()) | {number}
    return found


def move_parts(connection: Connection, number: int, into: int) -> None:
    """Make the groups and alerts of one incident those of another too."""
    link_groups(connection, dict.fromkeys(groups_of(connection, number), into))
    alerts = tables.incident_alerts
    rows = connection.execute(select(alerts).where(alerts.c.number == number)).mappings()
    upsert(connection, alerts, [{**row, "number": into} for row in rows], ("number", "fingerprint"))


def forget_incidents(connection: Connection, before_ms: int) -> None:
    """Let go of incidents that were over before a time, with their parts."""
    table = tables.incidents
    old = select(table.c.number).where(~table.c.is_open, table.c.resolved_at_ms < before_ms)
    for part in (tables.incident_groups, tables.incident_alerts):
        connection.execute(delete(part).where(part.c.number.in_(old)))
    connection.execute(delete(table).where(~table.c.is_open, table.c.resolved_at_ms < before_ms))


def _row(incident: Incident) -> dict[str, object]:
    return {
        "number": incident.number,
        "is_open": incident.is_open,
        "status": incident.status,
        "severity": incident.severity,
        "team": incident.team,
        "opened_at_ms": incident.opened_at_ms,
        "resolved_at_ms": incident.resolved_at_ms,
        "next_ms": incident.next_ms,
        "incident": json.dumps(_encode(incident), default=str),
    }


def _encode(incident: Incident) -> dict[str, object]:
    values = {name: getattr(incident, name) for name in Incident.__slots__}
    return {
        **values,
        "labels": incident.labels.pairs,
        "progress": asdict(incident.progress),
        "asked": dict(incident.asked),
        "context": dict(incident.context),
    }


def _decode(data: Mapping[str, Any]) -> Incident:
    return Incident(
        **{
            **data,
            "labels": Labels(map(tuple, data["labels"])),
            "progress": Progress(**data["progress"]),
            "story": tuple(data["story"]),
            "seen_by": tuple(data.get("seen_by", ())),
            "called": tuple(data.get("called", ())),
        }
    )
