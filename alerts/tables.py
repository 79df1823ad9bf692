"""The SQLite file behind the alerts: its tables, its version, and how it is opened.

WAL journal with synchronous=FULL: a decision to page costs one fsync (about a millisecond), and
after a power cut no page is forgotten that was decided and none repeated that was marked as sent.
Alerts that merely go on firing write nothing, so the fsyncs follow changes, not ticks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from collector.model.errors import StorageError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another process, such as a backup, that holds the file."""

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

groups = Table(
    "groups",
    metadata,
    Column("route_id", String, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("next_flush_ms", BigInteger, nullable=False),
    Column("flushed", Boolean, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("silence", Text, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
)

told = Table(
    "told",
    metadata,
    Column("group_key", String, primary_key=True),
    Column("integration", String, primary_key=True),
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
    Column("integration", String, nullable=False),
    Column("group_key", String, nullable=False),
    Column("notification", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("notification_id", String(32), nullable=False),
    Column("receiver", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("integration", String, nullable=False),
    Column("group_key", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("title", String, nullable=False),
    Column("status", String, nullable=False),
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
    Column("kind", String, nullable=False),
    Column("incident", Integer, nullable=False),
    Column("group_key", String, nullable=False),
    Column("fingerprint", String(16), nullable=False),
    Column("actor", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("events_at", "at_ms"),
    Index("events_incident", "incident"),
    Index("events_group", "group_key"),
    Index("events_fingerprint", "fingerprint"),
)


class Database:
    """The open file: reads from any thread, one writer at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(f"sqlite:///{path}")
        self._writing = threading.RLock()
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(writes=True)
        with self.write() as connection:
            metadata.create_all(connection)
            _check_version(connection, path)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends; raises StorageError and changes nothing."""
        with self._writing:
            try:
                with self._writer.begin() as connection:
                    yield connection
            except SQLAlchemyError as error:
                raise _storage_error(error) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _storage_error(error) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """For tests that look into the file."""
        return self._engine


def _storage_error(error: SQLAlchemyError) -> StorageError:
    cause = getattr(error, "orig", None) or error
    return StorageError(
        f"the alerts database can't be used: {cause}",
        advice="check that its disk has room and that no other tocsin uses the file",
    )


def _configure(connection: object, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once, so that it never has to give up in the middle."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_version(connection: Connection, path: Path) -> None:
    found = connection.execute(select(schema_version.c.version)).scalar()
    if found is None:
        connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
    elif found != SCHEMA_VERSION:
        raise StorageError(
            f"{path} has schema version {found}, this tocsin knows {SCHEMA_VERSION}",
            advice="start the tocsin that wrote it, or move the file away to begin anew",
        )
