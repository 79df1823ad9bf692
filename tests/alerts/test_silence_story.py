"""Each change of a silence is told, with who did it, in the transaction of the change."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select

from alerts import tables
from alerts.events import Event, EventKind, EventSearch, find_events
from alerts.service import AlertService
from alerts.silence import Silence
from alerts.silence_book import SilenceBook
from collector.model import ManualClock
from collector.model.errors import InputError
from collector.model.matchers import Matcher

HOUR_MS = 3_600_000
DOWN = (Matcher("=", "alertname", "Down"),)


@pytest.fixture
def service(make_service: Any) -> AlertService:
    made: AlertService = make_service({})
    return made


def story(service: AlertService) -> list[Event]:
    """Oldest first."""
    with service.database.read() as connection:
        search = EventSearch(kinds=(EventKind.SILENCE_CHANGED,))
        return find_events(connection, search)[::-1]


def wanted(clock: ManualClock, **change: Any) -> Silence:
    now_ms = clock.now_ms()
    return replace(Silence("", DOWN, now_ms, now_ms + HOUR_MS, "ana", "host is replaced"), **change)


def test_who_made_changed_and_ended_it_is_told(service: AlertService, clock: ManualClock) -> None:
    book = service.silences
    first = book.save(wanted(clock))
    book.save(wanted(clock, id=first, ends_at_ms=clock.now_ms() + 2 * HOUR_MS, created_by="bo"))
    other = (Matcher("=", "alertname", "Slow"),)
    second = book.save(wanted(clock, id=first, matchers=other, created_by="cy"))
    book.expire(second, "dora")
    told = story(service)
    assert [(one.actor, one.data["change"], one.data["silence"]) for one in told] == [
        ("ana", "made", first),
        ("bo", "changed", first),
        ("cy", "changed", second),
        ("dora", "expired", second),
    ]
    assert [one.data.get("was") for one in told] == [None, None, first, None]
    assert told[0].text.startswith('ana made the silence {alertname="Down"} until ')
    assert told[0].text.endswith(" UTC: host is replaced")
    assert told[3].text == 'dora expired the silence {alertname="Slow"}: host is replaced'


def test_nobody_is_named_when_it_is_not_known_who_ended_it(
    service: AlertService, clock: ManualClock
) -> None:
    service.silences.expire(service.silences.save(wanted(clock)))
    assert story(service)[-1].actor == "somebody"


def test_what_is_refused_is_not_told(service: AlertService, clock: ManualClock) -> None:
    id_ = service.silences.save(wanted(clock))
    service.silences.expire(id_)
    for wrong in (wanted(clock, matchers=()), wanted(clock, ends_at_ms=0)):
        with pytest.raises(InputError):
            service.silences.save(wrong)
    with pytest.raises(InputError, match="already expired"):
        service.silences.expire(id_)
    with pytest.raises(KeyError):
        service.silences.expire("nosuch")
    assert len(story(service)) == 2


def test_text_that_a_database_refuses_stops_no_silence(
    service: AlertService, clock: ManualClock
) -> None:
    service.silences.save(wanted(clock, created_by="a\0na", comment="x\0y \ud800"))
    (told,) = story(service)
    assert told.actor == "ana"
    assert told.text.endswith(": xy ?")


def test_a_silence_whose_event_is_lost_is_not_kept(
    service: AlertService, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Connection, events: list[Event]) -> None:
        raise RuntimeError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("alerts.silence_book.save_events", fail)
        with pytest.raises(RuntimeError, match="disk is gone"):
            service.silences.save(wanted(clock))
    assert service.silences.all() == []
    with service.database.read() as connection:
        assert connection.execute(select(tables.silences)).all() == []
    assert service.silences.save(wanted(clock))


def test_a_silence_made_within_a_transaction_goes_with_it(
    service: AlertService, clock: ManualClock
) -> None:
    with service.database.write() as connection:
        id_ = service.silences.save(wanted(clock))
        assert connection.execute(select(tables.silences.c.id)).scalars().all() == [id_]
    assert SilenceBook(service.database, clock).get(id_) == service.silences.get(id_)


def test_who_already_writes_does_not_wait_for_one_who_waits_to_write(
    service: AlertService, clock: ManualClock
) -> None:
    other = threading.Thread(target=lambda: service.silences.save(wanted(clock)), daemon=True)
    with service.database.write():
        other.start()
        other.join(0.2)
        mine = threading.Thread(target=service.silences.forget_old, daemon=True)
        mine.start()
        service.silences.save(wanted(clock))
    other.join(20)
    mine.join(20)
    assert not other.is_alive()
    assert len(service.silences.all()) == 2
