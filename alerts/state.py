"""What the alerts are, durable: alerts, the timers of their groups, and silences.

Thin: rows in, values out. Each method takes the connection of a transaction, so that a caller
decides what becomes durable together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from alerts import tables
from alerts.database import upsert
from alerts.group import GroupState
from alerts.notification import decode_alert, encode_alert
from alerts.silence import Silence
from collector.model.alert import Alert
from collector.model.labels import Labels
from collector.model.matchers import Matcher

_write_json = json.JSONEncoder(default=str).encode
"""As `json.dumps(default=str)`, which makes an encoder for each call."""


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as the inbox holds it: firing until `ends_at_ms`, which a new emission moves on.

    `lease_ms` is how far one emission moved it; after a restart an alert that fired is given one
    more lease, since its judge was not heard meanwhile. `is_end_given`: whoever posted it said when
    it ends; unlike an end by time-out, a shorter one does not take its place.
    """

    alert: Alert
    fingerprint: str
    ends_at_ms: int
    lease_ms: int
    updated_at_ms: int
    ended: bool = False
    is_end_given: bool = False


def save_alerts(connection: Connection, stored: Sequence[StoredAlert]) -> None:
    """Write alerts whose state changed."""
    if not stored:
        return
    rows = [
        {
            "fingerprint": one.fingerprint,
            "alert": _write_json(encode_alert(one.alert)),
            "ends_at_ms": one.ends_at_ms,
            "lease_ms": one.lease_ms,
            "updated_at_ms": one.updated_at_ms,
            "ended": one.ended,
        }
        for one in stored
    ]
    upsert(connection, tables.alerts, rows, ("fingerprint",))


def load_alerts(connection: Connection, now_ms: int) -> list[StoredAlert]:
    """Every alert; those that had not ended get a lease from `now_ms` on."""
    return [
        StoredAlert(
            alert=decode_alert(json.loads(row.alert)),
            fingerprint=row.fingerprint,
            ends_at_ms=row.ends_at_ms if row.ended else now_ms + row.lease_ms,
            lease_ms=row.lease_ms,
            updated_at_ms=row.updated_at_ms,
            ended=row.ended,
        )
        for row in connection.execute(select(tables.alerts))
    ]


def delete_alerts(connection: Connection, fingerprints: Iterable[str]) -> None:
    """Forget alerts that ended."""
    rows = [{"f": fingerprint} for fingerprint in fingerprints]
    if rows:
        connection.execute(
            delete(tables.alerts).where(tables.alerts.c.fingerprint == bindparam("f")), rows
        )


def save_groups(connection: Connection, timers: Iterable[tuple[str, Labels, GroupState]]) -> None:
    """Write the timers of groups, each with its route's id and its labels."""
    rows = [
        {
            "id": _group_id(route_id, labels),
            "route_id": route_id,
            "labels": json.dumps(labels.pairs),
            "next_flush_ms": group.next_flush_ms,
            "flushed": group.flushed,
        }
        for route_id, labels, group in timers
    ]
    upsert(connection, tables.group_timers, rows, ("id",))


def delete_group(connection: Connection, route_id: str, labels: Labels) -> None:
    """Forget a group in which nothing is left."""
    table = tables.group_timers
    connection.execute(delete(table).where(table.c.id == _group_id(route_id, labels)))


def load_groups(connection: Connection) -> dict[tuple[str, Labels], GroupState]:
    """Timers by (route id, group labels)."""
    return {
        (row.route_id, Labels(map(tuple, json.loads(row.labels)))): GroupState(
            row.next_flush_ms, row.flushed
        )
        for row in connection.execute(select(tables.group_timers))
    }


def save_silence(connection: Connection, silence: Silence) -> None:
    """Write one silence."""
    row = {
        "id": silence.id,
        "silence": json.dumps(_encode_silence(silence)),
        "ends_at_ms": silence.ends_at_ms,
        "updated_at_ms": silence.updated_at_ms,
    }
    upsert(connection, tables.silences, [row], ("id",))


def load_silences(connection: Connection) -> list[Silence]:
    """Every silence that is kept."""
    rows = connection.execute(select(tables.silences.c.silence)).scalars()
    return [_decode_silence(json.loads(text)) for text in rows]


def delete_silences_ended_before(connection: Connection, time_ms: int) -> None:
    """Forget silences that ended long ago."""
    connection.execute(delete(tables.silences).where(tables.silences.c.ends_at_ms < time_ms))


def _encode_silence(silence: Silence) -> dict[str, object]:
    return {
        "id": silence.id,
        "matchers": [(m.kind, m.name, m.value) for m in silence.matchers],
        "starts_at_ms": silence.starts_at_ms,
        "ends_at_ms": silence.ends_at_ms,
        "created_by": silence.created_by,
        "comment": silence.comment,
        "updated_at_ms": silence.updated_at_ms,
        "annotations": dict(silence.annotations),
    }


def _decode_silence(data: Mapping[str, object]) -> Silence:
    matchers = tuple(Matcher(*parts) for parts in data["matchers"])  # type: ignore[attr-defined]
    return Silence(**{**data, "matchers": matchers})  # type: ignore[arg-type]


def _group_id(route_id: str, labels: Labels) -> str:
    """32 hex digits: labels may be longer than what a database indexes."""
    text = json.dumps((route_id, labels.pairs))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
