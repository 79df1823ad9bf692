"""The tables of people and incidents, in the one database of the alerts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from alerts.tables import Text, metadata

incidents = Table(
    "incidents",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("is_open", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("team", String, nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("resolved_at_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("incident", Text, nullable=False),
    Index("incidents_next", "next_ms"),
    Index("incidents_open", "is_open"),
    Index("incidents_opened", "opened_at_ms"),
)

incident_groups = Table(
    "incident_groups",
    metadata,
    Column("group_key", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("is_last", Boolean, nullable=False),
    Index("incident_groups_number", "number"),
)

incident_alerts = Table(
    "incident_alerts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", String(16), primary_key=True),
    Column("alert", Text, nullable=False),
    Index("incident_alerts_fingerprint", "fingerprint"),
)

overrides = Table(
    "on_call_overrides",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("schedule", String, nullable=False),
    Column("person", String, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("author", String, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String, primary_key=True),
    Column("last_ms", BigInteger, nullable=False),
    Column("sender", String, nullable=False),
)

keys = Table(
    "on_call_keys",
    metadata,
    Column("name", String, primary_key=True),
    Column("key", String, nullable=False),
)
