"""The database behind the alerts: one writer, joined transactions, steps forward, no secrets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from alerts import tables
from alerts.database import Database, upsert
from alerts.leadership import ActingDatabase, FencedError, Leadership
from collector.model.clock import ManualClock, SystemClock
from collector.model.errors import StorageError
from collector.model.secrets import Secret
from tests.oracles.postgres_server import PASSWORD

NAME = {"id": "a", "silence": "x\x00y", "ends_at_ms": 2**40}


def silences(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        table = tables.silences
        rows = connection.execute(select(table.c.id, table.c.silence).order_by(table.c.id))
        return [(row.id, row.silence) for row in rows]


def test_an_upsert_inserts_changes_and_keeps(address: Path | Secret) -> None:
    with closing(Database(address)) as database:
        with database.write() as connection:
            upsert(connection, tables.silences, [NAME], ("id",))
            upsert(connection, tables.silences, [{**NAME, "silence": "new"}], ("id",), ("silence",))
        assert silences(database) == [("a", "x\x00y")]
        with database.write() as connection:
            upsert(connection, tables.silences, [{**NAME, "silence": "new"}], ("id",))
            upsert(connection, tables.silences, [{**NAME, "id": "b"}], ("id",))
            upsert(connection, tables.silences, [], ("id",))
        assert silences(database) == [("a", "new"), ("b", "x\x00y")]


def test_a_write_within_a_write_is_part_of_it(address: Path | Secret) -> None:
    with closing(Database(address)) as database:
        with pytest.raises(RuntimeError), database.write():  # noqa: PT012 - the block is the test
            with database.write() as inner:
                upsert(inner, tables.silences, [NAME], ("id",))
            raise RuntimeError
        assert silences(database) == []


def test_a_database_of_version_1_is_taken_forward(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    with closing(sqlite3.connect(file)) as old:
        old.executescript(
            "CREATE TABLE schema_version (version INTEGER PRIMARY KEY);"
            "INSERT INTO schema_version VALUES (1);"
            "CREATE TABLE groups (route_id TEXT, labels TEXT);"
            "CREATE TABLE silences (id TEXT PRIMARY KEY, silence TEXT, ends_at_ms BIGINT);"
            "INSERT INTO silences VALUES ('a', 'old', 5);"
        )
    with closing(Database(file)) as database:
        assert silences(database) == [("a", "old")]
        with database.write() as connection:
            upsert(connection, tables.silences, [{**NAME, "updated_at_ms": 7}], ("id",))
    Database(file).close()


def test_a_database_of_a_later_version_is_left_alone(address: Path | Secret) -> None:
    with closing(Database(address)) as database, database.write() as connection:
        connection.execute(text("UPDATE schema_version SET version = 999"))
    with pytest.raises(StorageError, match="999"):
        Database(address)


def test_after_a_failure_the_next_second_fails_at_once(tmp_path: Path) -> None:
    clock = ManualClock(1_000_000)
    database = Database(tmp_path / "a.sqlite", clock)
    with pytest.raises(StorageError), database.write() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    clock.advance(500)
    assert database.outage_seconds == 0.5
    with pytest.raises(StorageError), database.write():
        pytest.fail("nothing is tried")
    clock.advance(600)
    with database.write():
        pass
    assert database.outage_seconds == 0
    database.close()


@pytest.mark.peer
@pytest.mark.parametrize("wrong", ["password", "port", "database"])
def test_no_error_tells_the_password(postgres: Any, wrong: str) -> None:
    url = postgres.new_url()
    broken = {
        "password": url.replace(PASSWORD, "wrong-" + PASSWORD),
        "port": url.replace(str(postgres.port), "1"),
        "database": url.replace("/postgres", "/nowhere"),
    }[wrong]
    with pytest.raises(StorageError) as refused:
        Database(Secret(broken))
    error: BaseException | None = refused.value
    while error is not None:
        assert PASSWORD not in f"{error!r} {error}"
        error = error.__cause__
    assert PASSWORD not in repr(Secret(broken))


@pytest.mark.peer
def test_one_of_two_acts_until_its_lease_is_over(postgres: Any) -> None:
    address = Secret(postgres.new_url())
    one, two = Database(address), Database(address)
    clock = SystemClock()
    first = Leadership(one, clock, "first", lease_seconds=0.2)
    second = Leadership(two, clock, "second", lease_seconds=30)
    assert first.ask()
    with two.write() as connection:  # the lease runs out whatever the machine's load
        connection.execute(text("UPDATE leases SET expires_at_ms = 1"))
    assert second.ask()
    assert second.may_send()
    with pytest.raises(FencedError, match="not this instance"), ActingDatabase(one, first).write():
        pytest.fail("a paused instance that wakes changes nothing")
    assert not first.may_send()
    assert not first.ask()
    assert first.holder == "second"
    second.resign()
    assert first.ask()
    one.close()
    two.close()
