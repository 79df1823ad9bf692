"""The keys of the groups that have an open incident."""

from __future__ import annotations

from sqlalchemy import select

from alerts.database import Database
from alerts.on_call import tables


def open_group_keys(database: Database) -> list[str]:
    """Each key once, in no order."""
    groups, incidents = tables.incident_groups, tables.incidents
    joined = groups.join(incidents, groups.c.number == incidents.c.number)
    with database.read() as connection:
        found = select(groups.c.group_key).select_from(joined).where(incidents.c.is_open)
        return list(connection.execute(found).scalars())
