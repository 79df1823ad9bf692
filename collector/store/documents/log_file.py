"""`LogFile`: one SQLite file of log records, searched with FTS5.

    record  id, timestamp_ms, severity, service, trace_id, span_id, body, attributes (JSON)
    words   FTS5 over body and attributes, its content being `record`

A commit is fsynced (WAL journal, synchronous = FULL), so what `append` wrote survives kill -9 and a
power cut; SQLite rolls back a torn one when the file is opened next.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from collector.model.errors import StorageError
from collector.model.records import LogRecord
from collector.store.documents.interface import LogQuery, words_of

VERSION = 1
BUSY_SECONDS = 10.0
SIDE_FILES = ("", "-wal", "-shm")
"""What SQLite keeps beside a file."""

SCHEMA = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, severity INTEGER NOT NULL,
    service TEXT NOT NULL, trace_id TEXT NOT NULL, span_id TEXT NOT NULL,
    body TEXT NOT NULL, attributes TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_time ON record (timestamp_ms);
CREATE INDEX IF NOT EXISTS by_trace ON record (trace_id) WHERE trace_id <> '';
CREATE VIRTUAL TABLE IF NOT EXISTS words
    USING fts5(body, attributes, content='record', content_rowid='id');
"""
COLUMNS = "timestamp_ms, severity, service, trace_id, span_id, body, attributes"


class DamagedError(StorageError):
    """SQLite does not know the file as its own."""


class LogFile:
    """A file that is open for writing; its owner sees to it that one thread writes at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _telling(path):
            self._connection = sqlite3.connect(path, BUSY_SECONDS, check_same_thread=False)
            try:
                self._connection.executescript(SCHEMA)
            except sqlite3.Error:
                self._connection.close()
                raise

    def append(self, records: Sequence[LogRecord]) -> None:
        """Write records, all or none; durable when it returns.

        Raises StorageError, DamagedError when the file is none of SQLite's.
        """
        with _telling(self._path), self._connection:
            last: int = self._connection.execute(
                "SELECT ifnull(max(id), 0) FROM record"
            ).fetchone()[0]
            rows = [_row(last + number, record) for number, record in enumerate(records, 1)]
            self._connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._connection.executemany(
                "INSERT INTO words (rowid, body, attributes) VALUES (?, ?, ?)",
                [(row[0], row[6], row[7]) for row in rows],
            )

    def close(self) -> None:
        """Fold SQLite's own log into the file and let go of it."""
        with _telling(self._path):
            self._connection.close()


def search(path: Path, query: LogQuery) -> list[LogRecord]:
    """The newest `query.limit` records of a file that satisfy the query; level is not looked at."""
    text, parameters = _select(query)
    with _telling(path):
        read_only = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(read_only, BUSY_SECONDS, uri=True)) as connection:
            return [_record(row) for row in connection.execute(text, parameters)]


def _select(query: LogQuery) -> tuple[str, list[str | int]]:
    conditions = ["timestamp_ms BETWEEN ? AND ?"]
    parameters: list[str | int] = [query.start_ms, min(query.end_ms, 2**62)]
    for column, value in (("service", query.service), ("trace_id", query.trace_id.lower())):
        if value:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    words = words_of(query.text)
    if words:
        conditions.append("id IN (SELECT rowid FROM words WHERE words MATCH ?)")
        parameters.append(" ".join(f'"{word}"*' for word in words))
    where = " AND ".join(conditions)
    parameters.append(query.limit)
    # only names of columns from above are put together, every value is a parameter
    text = f"SELECT {COLUMNS} FROM record WHERE {where} ORDER BY timestamp_ms DESC, id DESC LIMIT ?"  # noqa: S608
    return text, parameters


def _row(number: int, record: LogRecord) -> tuple[int, int, int, str, str, str, str, str]:
    attributes = json.dumps(dict(record.attributes), ensure_ascii=False)
    return (
        number,
        record.timestamp_ms,
        record.severity,
        record.service,
        record.trace_id,
        record.span_id,
        record.body,
        attributes,
    )


def _record(row: Sequence[str | int]) -> LogRecord:
    timestamp_ms, severity, service, trace_id, span_id, body, attributes = row
    return LogRecord(
        int(timestamp_ms),
        int(severity),
        str(body),
        str(service),
        str(trace_id),
        str(span_id),
        json.loads(str(attributes)),
    )


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, with the file and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{path}: {error}", advice="make room on the disk, or mend the directory's mode"
        ) from error
    except sqlite3.DatabaseError as error:
        raise DamagedError(f"{path}: {error}", advice="set the file aside") from error
