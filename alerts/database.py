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
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from alerts.tables import FORWARD_STEPS, SCHEMA_VERSION, metadata, schema_version
from collector.model.errors import ConfigError, StorageError
from collector.model.secrets import Secret

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process, such as a backup, that holds the SQLite file."""
CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_MS = 20_000
"""PostgreSQL gives a statement up then: alerting waits for no lock for longer."""
IDLE_IN_TRANSACTION_MS = 2_000
"""PostgreSQL ends the session of a process that stopped within a transaction: its locks go."""
SCHEMA_LOCK = 7_461_632
"""PostgreSQL's advisory lock under which one of several starting instances makes the tables."""
ROWS_PER_STATEMENT = 500
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
    """The open database: reads from any thread, one writer at a time."""

    def __init__(self, address: Path | Secret) -> None:
        """`address`: a SQLite file, or PostgreSQL's URL; raises ConfigError, StorageError."""
        self._shown = str(address) if isinstance(address, Path) else "the alerts database"
        self._engine = _sqlite(address) if isinstance(address, Path) else _postgres(address)
        self._writing = threading.RLock()
        self._writer = self._engine.execution_options(writes=True)
        with self.write() as connection:
            _step_forward(connection, self._shown)

    @property
    def is_shared(self) -> bool:
        """Whether other instances may use it at the same time."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends; raises StorageError and changes nothing."""
        with self._writing:
            try:
                with self._writer.begin() as connection:
                    yield connection
            except SQLAlchemyError as error:
                raise _storage_error(error) from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _storage_error(error) from None

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """For tests that look into the tables."""
        return self._engine


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


def _storage_error(error: SQLAlchemyError) -> StorageError:
    """Only the database's own words: SQLAlchemy's repeat the statement and its values."""
    cause = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())
    return StorageError(
        f"the alerts database can't be used: {cause}",
        advice="check that it runs, that its disk has room and that nothing else locks it",
    )


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
