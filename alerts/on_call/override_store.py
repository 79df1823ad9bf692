"""Who stands in for whom, as people said so: rows in, values out."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from alerts.database import upsert
from alerts.on_call import tables
from alerts.on_call.schedule import Override

MAX_OVERRIDES = 5_000
"""Kept at once: each question after who is on call looks at those that have not ended."""
ENDED_KEPT_MS = 400 * 24 * 3_600_000


def load_overrides(connection: Connection, after_ms: int = 0) -> list[Override]:
    """Overrides that end after a time, in the order of their beginning."""
    table = tables.overrides
    rows = select(table).where(table.c.end_ms > after_ms).order_by(table.c.start_ms, table.c.id)
    return [Override(**row) for row in connection.execute(rows).mappings()]


def save_overrides(connection: Connection, overrides: Sequence[Override]) -> None:
    """Write overrides."""
    rows = [{name: getattr(one, name) for name in Override.__slots__} for one in overrides]
    upsert(connection, tables.overrides, rows, ("id",))


def delete_override(connection: Connection, override_id: str) -> bool:
    """Take one back; False when there is none."""
    table = tables.overrides
    return connection.execute(delete(table).where(table.c.id == override_id)).rowcount > 0


def forget_overrides(connection: Connection, before_ms: int) -> None:
    """Let go of overrides that ended before a time."""
    connection.execute(delete(tables.overrides).where(tables.overrides.c.end_ms < before_ms))
