"""Alerts on their way from an instance that does not act to the one that does.

Also what tells an instance that another one changed the alerts or the silences since it looked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, Row, delete, func, insert, select

from alerts.notification import decode_alert, encode_alert
from alerts.tables import alerts as alert_rows
from alerts.tables import passed_on, silences
from collector.model.alert import Alert

MAX_TAKEN = 100
"""Batches taken over in one round, so that a round stays short."""
Trace = tuple[object, ...]


def pass_on(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Leave a batch to the instance that acts."""
    text = json.dumps([encode_alert(alert) for alert in alerts], default=str)
    connection.execute(insert(passed_on).values(alerts=text))


def waiting(connection: Connection) -> list[tuple[int, list[Alert]]]:
    """Batches that wait, oldest first, each with its number."""
    rows = connection.execute(select(passed_on).order_by(passed_on.c.id).limit(MAX_TAKEN))
    return [(row.id, [decode_alert(one) for one in json.loads(row.alerts)]) for row in rows]


def taken_over(connection: Connection, numbers: Sequence[int]) -> None:
    """Forget batches whose alerts are durable as alerts."""
    connection.execute(delete(passed_on).where(passed_on.c.id.in_(numbers)))


def trace_of_silences(connection: Connection) -> Trace:
    """Differs from before when a silence was made, changed or ended."""
    table = silences
    return _trace(
        connection.execute(
            select(func.count(), func.sum(table.c.ends_at_ms), func.sum(table.c.updated_at_ms))
        ).one()
    )


def trace_of_alerts(connection: Connection) -> Trace:
    """Differs from before when an alert began or ended."""
    table = alert_rows
    return _trace(
        connection.execute(
            select(func.count(), func.sum(table.c.ends_at_ms), func.sum(table.c.updated_at_ms))
        ).one()
    )


def _trace(row: Row[tuple[int, int, int]]) -> Trace:
    return tuple(row)
