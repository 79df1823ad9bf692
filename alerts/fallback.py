"""Where messages go when their receiver fails for a time: copies, for another receiver.

The original is tried further. Each message is copied once; a copy says why it came and is copied no
further. When a group that was copied ends, its end is copied too, even if its own receiver works
again: whoever was called must hear that it is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, select

from alerts.database import upsert
from alerts.delivery_log import OutboxRow, put_into_outbox
from alerts.message import short_duration
from alerts.notification import Notification, Reason
from alerts.tables import fallen_back as table

KEPT_MS = 7 * 24 * 3_600_000
"""How long it is remembered what was copied."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The receiver that steps in, its integrations, and after how long of failing."""

    receiver: str
    integrations: Sequence[str]
    after_ms: int


def steps_in(
    fallback: Fallback | None, notification: Notification, failing_ms: int, permanent: bool
) -> bool:
    """Whether a message that was just refused is to be copied."""
    if fallback is None or notification.note or notification.reason is Reason.CHANGED:
        return False
    return permanent or failing_ms >= fallback.after_ms


def copy(
    connection: Connection,
    row: OutboxRow,
    notification: Notification,
    fallback: Fallback,
    failing_ms: int,
    now_ms: int,
) -> list[OutboxRow]:
    """Put the copies into the outbox, once for each message; gives what is to be queued."""
    known = select(table.c.id).where(table.c.id == row.id)
    if connection.execute(known).first() is not None:
        return []
    remembered = {
        "id": row.id, "integration": row.integration, "group_key": row.group_key, "at_ms": now_ms
    }  # fmt: skip
    upsert(connection, table, [remembered], ("id",))
    failing = f"for {short_duration(failing_ms / 1000)}" if failing_ms >= 1000 else "just now"
    note = f"{row.integration} did not take it ({failing}), so {fallback.receiver} is told"
    return _copies(connection, notification, fallback, note, now_ms)


def copy_end(
    connection: Connection,
    row: OutboxRow,
    notification: Notification,
    fallback: Fallback,
    now_ms: int,
) -> list[OutboxRow]:
    """After its own receiver heard that a group is over: those who stepped in hear it too."""
    if notification.firing or notification.note:
        return []
    place = (table.c.integration == row.integration, table.c.group_key == row.group_key)
    if not connection.execute(delete(table).where(*place)).rowcount:
        return []
    note = f"{row.integration} works again"
    return _copies(connection, notification, fallback, note, now_ms)


def forget_old(connection: Connection, now_ms: int) -> None:
    """Let go of what was copied long ago."""
    connection.execute(delete(table).where(table.c.at_ms < now_ms - KEPT_MS))


def _copies(
    connection: Connection,
    notification: Notification,
    fallback: Fallback,
    note: str,
    now_ms: int,
) -> list[OutboxRow]:
    return [
        put_into_outbox(
            connection,
            integration,
            replace(
                notification,
                id=_copy_id(notification.id, integration),
                receiver=fallback.receiver,
                at_ms=now_ms,
                note=note,
                remembered={},
            ),
        )
        for integration in fallback.integrations
    ]


def _copy_id(id_: str, integration: str) -> str:
    return hashlib.sha256(f"{id_}\0{integration}".encode()).hexdigest()[:32]
