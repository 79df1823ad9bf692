"""The tables of alerting, in SQL that SQLite and PostgreSQL share, and the steps between versions.

A table that is new needs no step: opening the database makes what is missing. Upserts go through
`alerts.database.upsert`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy import Text as PlainText

SCHEMA_VERSION = 3
FORWARD_STEPS: Mapping[int, Sequence[str]] = {
    2: ("DROP TABLE groups",),
    3: ("ALTER TABLE silences ADD COLUMN updated_at_ms BIGINT NOT NULL DEFAULT 0",),
}
"""By version: statements that both databases know, taken when an older database is opened."""
NUL, NUL_STAND_IN = "\x00", "\uf8ff"


class Text(TypeDecorator[str]):
    """Text of any length, also with NUL, which labels may hold and PostgreSQL does not take."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is written: a character of the private range stands for NUL."""
        return value and value.replace(NUL, NUL_STAND_IN)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """What was written."""
        return value and value.replace(NUL_STAND_IN, NUL)


metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", String(16), primary_key=True),
    Column("alert", Text, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("lease_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False),
)

group_timers = Table(
    "group_timers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("route_id", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("next_flush_ms", BigInteger, nullable=False),
    Column("flushed", Boolean, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("silence", Text, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False, server_default="0"),
)

told = Table(
    "told",
    metadata,
    Column("group_key", Text, primary_key=True),
    Column("integration", Text, primary_key=True),
    Column("firing", Text, nullable=False),
    Column("resolved", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("remembered", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("integration", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("notification", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("integration", String, primary_key=True),
    Column("group_key", String, primary_key=True),
    Column("id", String(32), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("receiver", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("notification", Text, nullable=False),
    Index("dead_letters_at", "at_ms"),
    Index("dead_letters_id", "id"),
)

fallen_back = Table(
    "fallen_back",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("integration", String, nullable=False),
    Column("group_key", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("fallen_back_group", "integration", "group_key"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("notification_id", String(32), nullable=False),
    Column("receiver", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("integration", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("error", Text, nullable=False),
    Index("attempts_at", "at_ms"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("incident", Integer, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("fingerprint", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("events_at", "at_ms"),
    Index("events_incident", "incident"),
    Index("events_group", "group_key"),
    Index("events_fingerprint", "fingerprint"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
)

passed_on = Table(
    "passed_on",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alerts", Text, nullable=False),
)
