"""Where alerting keeps its state: a SQLite file by default, a PostgreSQL database by URL.

Knows how to open, write, read and step the schema forward, and nothing of what is kept. SQLite: a
WAL journal with synchronous=FULL, so a decision to page costs one fsync (about a millisecond), and
after a power cut no page is forgotten that was decided and none repeated that was marked as sent.
PostgreSQL: a session that stops in the middle of a transaction is ended by the server, so that a
paused process holds no lock that another one waits for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from alerts.tables import FORWARD_STEPS, SCHEMA_VERSION, metadata, schema_version
from collector.model.clock import Clock, SystemClock
from collector.model.errors import ConfigError, StorageError
from collector.model.secrets import MASK, Secret

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process, such as a backup, that holds the SQLite file."""
CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_MS = 20_000
"""PostgreSQL gives a statement up then: alerting waits for no lock for longer."""
IDLE_IN_TRANSACTION_MS = 4_000
"""PostgreSQL ends the session of a process that stopped within a transaction: its locks go."""
SCHEMA_LOCK = 7_461_632
"""PostgreSQL's advisory lock under which one of several starting instances makes the tables."""
WRITER_LOCK = 7_461_633
"""PostgreSQL's advisory lock of the one writer among all instances, for one transaction."""
PROBE_SECONDS = 1.0
"""How often a database that fails is tried again."""
SYSTEM_CLOCK = SystemClock()
DRIVERS = ("postgresql", "postgresql+psycopg")


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    keys: Sequence[str],
    kept: Sequence[str] = (),
) -> None:
    """Insert rows, or update those whose `keys` are there already; `kept` columns stay as they are.

    Every row names the same columns. Works the same on SQLite and PostgreSQL.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    changed = {
        name: statement.excluded[name] for name in rows[0] if name not in keys and name not in kept
    }
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    connection.execute(statement, [dict(row) for row in rows])


class Database:
    """The open database: reads from any thread, one writer at a time.

    One writer among all threads and all instances that share it, so whoever reads in order to write
    does both within one `write()`.
    """

    def __init__(self, address: Path | Secret, clock: Clock = SYSTEM_CLOCK) -> None:
        """`address`: a SQLite file, or PostgreSQL's URL; raises ConfigError, StorageError."""
        self._shown = str(address) if isinstance(address, Path) else "the alerts database"
        self._engine = _sqlite(address) if isinstance(address, Path) else _postgres(address)
        self._password = self._engine.url.password or ""
        self._clock = clock
        self._writing = threading.RLock()
        self._writer = self._engine.execution_options(writes=True)
        self._joined: Connection | None = None
        self._failing_since: float | None = None
        self._failed_at = 0.0
        self._last_error: StorageError | None = None
        with self.write() as connection:
            _step_forward(connection, self._shown)

    @property
    def is_shared(self) -> bool:
        """Whether other instances may use it at the same time."""
        return self._engine.dialect.name == "postgresql"

    @property
    def outage_seconds(self) -> float:
        """How long every write has failed by now; 0 when the last one did not."""
        since = self._failing_since
        return 0.0 if since is None else self._clock.monotonic_seconds() - since

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends; raises StorageError and changes nothing.

        Within another one of the same thread it is part of that one. After a failure the next
        PROBE_SECONDS fail at once, so that nobody waits in line for a database that is away.
        """
        with self._writing:
            if self._joined is not None:
                yield self._joined
                return
            self._refuse_in_vain()
            try:
                with self._writer.begin() as connection:
                    self._joined = connection
                    if self.is_shared:
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
                    yield connection
            except SQLAlchemyError as error:
                raise self._noted(error) from None
            finally:
                self._joined = None
            self._failing_since = None

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """A short transaction that does not stand in the writers' line."""
        try:
            with self._writer.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._error(error) from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; fails at once as `write` does while a server is away."""
        if self.is_shared:
            self._refuse_in_vain()
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._error(error) from None

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """For tests that look into the tables."""
        return self._engine

    def _refuse_in_vain(self) -> None:
        if self._failing_since is None or self._last_error is None:
            return
        if 0 <= self._clock.monotonic_seconds() - self._failed_at < PROBE_SECONDS:
            raise StorageError(self._last_error.message, advice=self._last_error.advice)

    def _noted(self, error: SQLAlchemyError) -> StorageError:
        """The error as it is told; one of the database itself begins an outage."""
        told = self._error(error)
        if isinstance(error, OperationalError | InterfaceError):
            self._failed_at = self._clock.monotonic_seconds()
            self._last_error = told
            if self._failing_since is None:
                self._failing_since = self._failed_at
        return told

    def _error(self, error: SQLAlchemyError) -> StorageError:
        """Only the database's own words: SQLAlchemy's repeat the statement and its values."""
        cause = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())
        if self._password:
            cause = cause.replace(str(self._password), MASK)
        return StorageError(
            f"the alerts database can't be used: {cause}",
            advice="check that it runs, that its disk has room and that nothing else locks it",
        )


def postgres_url(secret: Secret) -> URL:
    """The URL as the driver takes it; raises ConfigError, which never shows it."""
    try:
        url = make_url(secret.reveal())
    except (ArgumentError, ValueError):
        raise ConfigError("the database's URL can't be read", advice=_URL_ADVICE) from None
    if url.drivername not in DRIVERS or not url.database:
        raise ConfigError("the database's URL is not one of PostgreSQL", advice=_URL_ADVICE)
    return url.set(drivername="postgresql+psycopg")


_URL_ADVICE = "write postgresql://user:password@host:5432/database"


def _sqlite(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _postgres(secret: Secret) -> Engine:
    settings = {
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
    }
    try:
        return create_engine(
            postgres_url(secret),
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "tocsin",
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
                "keepalives_idle": CONNECT_TIMEOUT_SECONDS,
                "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
            },
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            "PostgreSQL needs its driver", advice="pip install 'tocsin[postgres]'"
        ) from error


def _configure(connection: object, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once, so that it never has to give up in the middle."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _step_forward(connection: Connection, shown: str) -> None:
    """Make the tables that are missing and take the forward steps that were not taken."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
    metadata.create_all(connection)
    found = connection.execute(select(schema_version.c.version)).scalar()
    if found is None:
        connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        return
    if found > SCHEMA_VERSION:
        raise StorageError(
            f"{shown} has schema version {found}, this tocsin knows {SCHEMA_VERSION}",
            advice="start the tocsin that wrote it, or move the file away to begin anew",
        )
    for version in range(found + 1, SCHEMA_VERSION + 1):
        for statement in FORWARD_STEPS.get(version, ()):
            connection.exec_driver_sql(statement)
    if found != SCHEMA_VERSION:
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION))
