"""What was decided, what was sent, to whom and when: durable before the next step is taken.

The outbox makes paging survive kill -9: a decision and what the receiver was told become durable
in one transaction; the message is marked `sending`, sent, and marked `sent`. A process that dies
between the receiver's acceptance and the last mark sends that one message again at its next start
(or the instance that takes over does), under the same id: PagerDuty (dedup_key), mail (Message-ID)
and webhooks (Idempotency-Key) can tell the repetition, a Slack channel shows it twice. A page that
was sent while the database failed may be repeated too. No other moment repeats or loses anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from alerts import tables
from alerts.database import upsert
from alerts.dedup import Told
from alerts.events import forget_events
from alerts.notification import Notification, Reason, decode, encode

TOLD_KEYS = ("group_key", "integration")
KEYS_PER_QUERY = 500
"""Group keys in one SELECT, under SQLite's limit of 999 parameters."""
Outcome = Literal["sent", "digested", "retried", "failed", "superseded"]
HISTORY_KEPT_MS = 365 * 24 * 3_600_000
"""Attempts can be searched for a year."""
TOLD_KEPT_MS = 120 * 3_600_000
"""What a receiver was told is kept as long as Alertmanager's `data.retention`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A notification for one integration, with what it is told by it and was told before.

    `notification` is None when only the memory changes (everything resolved, nothing to send).
    """

    integration: str
    group_key: str
    told: Told
    previous: Told | None
    notification: Notification | None


NOTHING_TOLD = Told(frozenset(), frozenset(), 0)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A notification that waits: its JSON, how often it was tried, when it is tried next."""

    id: str
    sequence: int
    integration: str
    group_key: str
    notification: str
    attempts: int
    next_attempt_ms: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send, as history shows it."""

    notification_id: str
    receiver: str
    channel: str
    integration: str
    group_key: str
    reason: str
    title: str
    status: Outcome
    at_ms: int
    seconds: float
    error: str = ""


def load_told(connection: Connection, group_keys: Sequence[str]) -> dict[tuple[str, str], Told]:
    """What was told about some groups, by (group key, integration)."""
    table = tables.told
    found: dict[tuple[str, str], Told] = {}
    for start in range(0, len(group_keys), KEYS_PER_QUERY):
        some = group_keys[start : start + KEYS_PER_QUERY]
        for row in connection.execute(select(table).where(table.c.group_key.in_(some))):
            found[row.group_key, row.integration] = Told(
                frozenset(json.loads(row.firing)), frozenset(json.loads(row.resolved)), row.at_ms
            )
    return found


def save_decisions(connection: Connection, decisions: Sequence[Decision]) -> list[OutboxRow]:
    """Make decisions durable; gives the rows to send, in their order."""
    told = [_told_row(one.group_key, one.integration, one.told) for one in decisions]
    upsert(connection, tables.told, told, TOLD_KEYS, kept=("remembered",))
    said = [(one, one.notification) for one in decisions if one.notification is not None]
    first = _last_sequence(connection) + 1 if said else 0
    rows = [_outbox_row(one, message, first + i) for i, (one, message) in enumerate(said)]
    if rows:
        connection.execute(insert(tables.outbox), rows)
    return [_row(row) for row in rows]


def put_into_outbox(
    connection: Connection, integration: str, notification: Notification
) -> OutboxRow:
    """Put a message into the outbox that no decision of now stands behind."""
    unknown = Decision(integration, notification.group_key, NOTHING_TOLD, None, notification)
    row = _outbox_row(unknown, notification, _last_sequence(connection) + 1)
    upsert(connection, tables.outbox, [row], ("id",))
    return _row(row)


def unsaved_row(decision: Decision, notification: Notification, sequence: int) -> OutboxRow:
    """The row of a decision that no database has taken yet."""
    return _row(_outbox_row(decision, notification, sequence))


def load_outbox(connection: Connection) -> list[OutboxRow]:
    """Rows that were not delivered, oldest first."""
    table = tables.outbox
    found = connection.execute(select(table).order_by(table.c.sequence)).mappings()
    return [_row(dict(row)) for row in found]


def waiting_of(connection: Connection, group_keys: Sequence[str]) -> set[tuple[str, str]]:
    """The (group key, integration) of some groups that have a message which waits to be sent."""
    table = tables.outbox
    wanted = select(table.c.group_key, table.c.integration).where(table.c.group_key.in_(group_keys))
    return {(row.group_key, row.integration) for row in connection.execute(wanted)}


def read_notification(connection: Connection, row: OutboxRow) -> Notification:
    """The notification of a row, with what its channel remembers of the group by now.

    A first notification remembers nothing: it begins a message of its own. Only one whose incident
    fires again goes on with the message that the channel remembers as that incident's.
    """
    notification = decode(row.notification, {})
    remembered = _remembered(connection, row.group_key, row.integration)
    incident = str(notification.incident.number) if notification.incident else ""
    goes_on = incident and remembered.get("incident") == incident
    if notification.reason is Reason.FIRST and not goes_on:
        return notification
    return replace(notification, remembered=remembered)


def mark_sending(connection: Connection, row: OutboxRow) -> bool:
    """Note that an attempt begins: what is found in this state at a start has an unknown fate.

    False when the row is gone: another instance, which was thought dead, has sent it.
    """
    table = tables.outbox
    values = {"status": "sending", "attempts": row.attempts + 1}
    marked = connection.execute(update(table).where(table.c.id == row.id).values(**values))
    return bool(marked.rowcount)


def mark_sent(
    connection: Connection, row: OutboxRow, remembered: Mapping[str, str], attempt: Attempt
) -> None:
    """The receiver took it: forget the row, keep what the channel wants to remember."""
    connection.execute(delete(tables.outbox).where(tables.outbox.c.id == row.id))
    _remember(connection, row, remembered)
    _save_attempt(connection, attempt)


def mark_retry(
    connection: Connection, row: OutboxRow, next_attempt_ms: int, attempt: Attempt
) -> None:
    """It may work later: try again at `next_attempt_ms`."""
    table = tables.outbox
    values = {"status": "pending", "next_attempt_ms": next_attempt_ms}
    connection.execute(update(table).where(table.c.id == row.id).values(**values))
    _save_attempt(connection, attempt)


def mark_failed(connection: Connection, row: OutboxRow, attempt: Attempt) -> None:
    """It will never work as it is: the receiver counts as not told, so the group asks again.

    Only where nothing was decided since: what resolved meanwhile must not count as still firing.
    """
    table, told = tables.outbox, tables.told
    text = connection.execute(select(table.c.previous).where(table.c.id == row.id)).scalar()
    was_there = connection.execute(delete(table).where(table.c.id == row.id)).rowcount
    _save_attempt(connection, attempt)
    if not was_there:
        return
    notification = decode(row.notification, {})
    key = (told.c.group_key == row.group_key, told.c.integration == row.integration)
    current = connection.execute(select(told.c.at_ms).where(*key)).scalar()
    if notification.reason is Reason.ALL_RESOLVED or current != notification.at_ms:
        return
    previous = _decode_told(text)
    if previous is None:
        connection.execute(delete(told).where(*key))
    else:
        _save_told(connection, row.group_key, row.integration, previous)


def supersede(
    connection: Connection, older: OutboxRow, newer: OutboxRow, attempt: Attempt
) -> OutboxRow:
    """Let a newer message of the same group stand for an older one; gives the newer row as it is.

    The newer one begins the story where the older one would have begun it.
    """
    table = tables.outbox
    text = connection.execute(select(table.c.previous).where(table.c.id == older.id)).scalar()
    notification = decode(newer.notification, {})
    older_reason = decode(older.notification, {}).reason
    if older_reason is Reason.FIRST or notification.reason is Reason.CHANGED:
        # what was to be said is still said, and a change alone would say nothing in many channels
        notification = replace(notification, reason=older_reason)
    changed = replace(newer, notification=encode(notification))
    connection.execute(delete(table).where(table.c.id == older.id))
    values = {"notification": changed.notification, "previous": text}
    connection.execute(update(table).where(table.c.id == newer.id).values(**values))
    _save_attempt(connection, attempt)
    return changed


def load_history(connection: Connection, limit: int) -> list[Attempt]:
    """The last attempts, newest first."""
    table = tables.attempts
    columns = [column for column in table.columns if column.name != "id"]
    found = connection.execute(select(*columns).order_by(table.c.id.desc()).limit(limit))
    return [Attempt(**row) for row in found.mappings()]


def forget_old(connection: Connection, now_ms: int) -> None:
    """Keep history and memory within their retention."""
    connection.execute(
        delete(tables.attempts).where(tables.attempts.c.at_ms < now_ms - HISTORY_KEPT_MS)
    )
    forget_events(connection, now_ms - HISTORY_KEPT_MS)
    waiting = select(tables.outbox.c.group_key)
    connection.execute(
        delete(tables.told).where(
            tables.told.c.at_ms < now_ms - TOLD_KEPT_MS, tables.told.c.group_key.not_in(waiting)
        )
    )


def _outbox_row(decision: Decision, notification: Notification, sequence: int) -> dict[str, object]:
    return {
        "id": notification.id,
        "sequence": sequence,
        "integration": decision.integration,
        "group_key": decision.group_key,
        "notification": encode(notification),
        "previous": _encode_told(decision.previous),
        "status": "pending",
        "attempts": 0,
        "next_attempt_ms": notification.at_ms,
    }


def _row(row: Mapping[str, object]) -> OutboxRow:
    names = OutboxRow.__slots__
    return OutboxRow(**{name: row[name] for name in names})  # type: ignore[arg-type]


def _last_sequence(connection: Connection) -> int:
    last = connection.execute(select(func.max(tables.outbox.c.sequence))).scalar()
    return last or 0


def _remembered(connection: Connection, group_key: str, integration: str) -> dict[str, str]:
    table = tables.told
    found = connection.execute(
        select(table.c.remembered).where(
            table.c.group_key == group_key, table.c.integration == integration
        )
    ).scalar()
    return dict(json.loads(found)) if found else {}


def _remember(connection: Connection, row: OutboxRow, remembered: Mapping[str, str]) -> None:
    if not remembered:
        return
    table = tables.told
    connection.execute(
        update(table)
        .where(table.c.group_key == row.group_key, table.c.integration == row.integration)
        .values(remembered=json.dumps(dict(remembered)))
    )


def _save_told(connection: Connection, group_key: str, integration: str, told: Told) -> None:
    row = _told_row(group_key, integration, told)
    upsert(connection, tables.told, [row], TOLD_KEYS, kept=("remembered",))


def _told_row(group_key: str, integration: str, told: Told) -> dict[str, object]:
    return {
        "group_key": group_key,
        "integration": integration,
        "firing": json.dumps(sorted(told.firing)),
        "resolved": json.dumps(sorted(told.resolved)),
        "at_ms": told.at_ms,
        "remembered": "{}",
    }


def _save_attempt(connection: Connection, attempt: Attempt) -> None:
    names = Attempt.__slots__
    connection.execute(
        insert(tables.attempts).values(**{name: getattr(attempt, name) for name in names})
    )


def _encode_told(told: Told | None) -> str:
    if told is None:
        return ""
    return json.dumps([sorted(told.firing), sorted(told.resolved), told.at_ms])


def _decode_told(text: str | None) -> Told | None:
    if not text:
        return None
    firing, resolved, at_ms = json.loads(text)
    return Told(frozenset(firing), frozenset(resolved), at_ms)


def is_covered(older: Reason, newer: Reason) -> bool:
    """Whether a newer message makes an older one, not yet sent, needless.

    A page and its resolve are both sent, however late: someone must learn that it fired.
    """
    return Reason.ALL_RESOLVED not in (older, newer)
