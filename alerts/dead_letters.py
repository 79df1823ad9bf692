"""Messages that a receiver refused for good: kept, seen, sent again or let go of by a person.

Of a group and an integration only the last one is kept, with how often it happened: the group asks
again and again while its receiver is wrong. It goes when a later message of the group is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, select

from alerts.database import upsert
from alerts.delivery_log import OutboxRow, put_into_outbox
from alerts.notification import decode
from alerts.tables import dead_letters as table

KEPT_MS = 30 * 24 * 3_600_000
"""A letter that nobody looked at for a month is about something that is long over."""
MAX_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up; `id` is the message's own; `failures` counts the refusals."""

    id: str
    at_ms: int
    integration: str
    receiver: str
    channel: str
    group_key: str
    reason: str
    title: str
    error: str
    failures: int


def bury(connection: Connection, letter: DeadLetter, notification: str) -> None:
    """Keep a message that was given up, in place of an older one of its group and integration."""
    place = (table.c.integration == letter.integration, table.c.group_key == letter.group_key)
    before = connection.execute(select(table.c.failures).where(*place)).scalar() or 0
    row = {name: getattr(letter, name) for name in DeadLetter.__slots__}
    row.update(failures=before + 1, notification=notification)
    upsert(connection, table, [row], ("integration", "group_key"))


def forget_delivered(connection: Connection, integration: str, group_key: str) -> None:
    """A later message of the group was taken: what it replaced is no loss."""
    place = (table.c.integration == integration, table.c.group_key == group_key)
    connection.execute(delete(table).where(*place))


def find(connection: Connection, receiver: str = "", limit: int = MAX_SHOWN) -> list[DeadLetter]:
    """Letters, newest first; of one receiver if one is named."""
    columns = [table.c[name] for name in DeadLetter.__slots__]
    wanted = [table.c.receiver == receiver] if receiver else []
    newest_first = select(*columns).where(*wanted).order_by(table.c.at_ms.desc(), table.c.id)
    rows = connection.execute(newest_first.limit(limit)).mappings()
    return [DeadLetter(**row) for row in rows]


def resend(connection: Connection, ids: Sequence[str], now_ms: int) -> list[OutboxRow]:
    """Put letters back into the outbox, under their own ids; gives what is to be queued.

    Raises KeyError for an id that is none; then nothing is moved.
    """
    rows = []
    for id_ in ids:
        found = connection.execute(select(table).where(table.c.id == id_)).mappings().first()
        if found is None:
            raise KeyError(id_)
        notification = decode(found["notification"], {})
        rows.append(
            put_into_outbox(connection, found["integration"], replace(notification, at_ms=now_ms))
        )
        connection.execute(delete(table).where(table.c.id == id_))
    return rows


def drop(connection: Connection, id_: str) -> None:
    """Let go of a letter; raises KeyError for an id that is none."""
    if not connection.execute(delete(table).where(table.c.id == id_)).rowcount:
        raise KeyError(id_)


def forget_old(connection: Connection, now_ms: int) -> None:
    """Let go of letters that nobody looked at for KEPT_MS."""
    connection.execute(delete(table).where(table.c.at_ms < now_ms - KEPT_MS))
