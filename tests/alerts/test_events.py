"""The story of alerts: what is written is found again, by every part of a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.database import Database
from alerts.events import Event, EventKind, EventSearch, find_events, forget_events, save_events
from collector.model.secrets import Secret

ACKED = Event(
    at_ms=2_000,
    kind=EventKind.ACKNOWLEDGED,
    incident=7,
    group_key="{}:{a=1}",
    fingerprint="f" * 16,
    actor="slack:U1",
    text="Ana works on 100% of it",
    data={"channel": "C1"},
)
FIRED = Event(at_ms=1_000, kind=EventKind.FIRED, fingerprint="e" * 16, text="it began")


@pytest.fixture
def database(address: Path | Secret) -> Iterator[Database]:
    database = Database(address)
    with database.write() as connection:
        save_events(connection, [FIRED, ACKED])
    yield database
    database.close()


def found(database: Database, search: EventSearch) -> list[Event]:
    with database.read() as connection:
        return find_events(connection, search)


def test_events_come_back_as_they_were_newest_first(database: Database) -> None:
    assert found(database, EventSearch()) == [ACKED, FIRED]


@pytest.mark.parametrize(
    "search",
    [
        EventSearch(kinds=(EventKind.ACKNOWLEDGED, EventKind.SNOOZED)),
        EventSearch(incident=7),
        EventSearch(group_key="{}:{a=1}"),
        EventSearch(fingerprint="f" * 16),
        EventSearch(actor="slack:U1"),
        EventSearch(after_ms=1_000),
        EventSearch(contains="ANA WORKS"),
        EventSearch(contains="100%"),
        EventSearch(limit=1),
    ],
)
def test_each_part_of_a_search_leaves_out_what_it_does_not_name(
    database: Database, search: EventSearch
) -> None:
    assert found(database, search) == [ACKED]


def test_a_search_ends_with_its_last_millisecond(database: Database) -> None:
    assert found(database, EventSearch(until_ms=1_000)) == [FIRED]


def test_what_is_older_than_a_year_is_forgotten(database: Database) -> None:
    with database.write() as connection:
        forget_events(connection, 2_000)
    assert found(database, EventSearch()) == [ACKED]


def test_events_of_one_moment_keep_their_order(database: Database) -> None:
    with database.write() as connection:
        save_events(connection, [replace(ACKED, text="first"), replace(ACKED, text="second")])
    assert [event.text for event in found(database, EventSearch(limit=2))] == ["second", "first"]
