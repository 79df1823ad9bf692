"""A database that is away delays and loses nothing, and a full disk holds no page back for long."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from alerts.deliver import UNMARKED_AFTER_SECONDS
from alerts.service import AlertService
from collector.model import Alert, Labels, ManualClock
from collector.model.errors import StorageError
from collector.model.secrets import Secret

LONG_MS = int(UNMARKED_AFTER_SECONDS * 1000) + 1_000
Make = Callable[..., AlertService]


class Outage:
    """Makes a service's database refuse writes, and take them again."""

    def __init__(self, kind: str, service: AlertService, address: Path | Secret, postgres: Any):
        self._kind, self._service, self._postgres = kind, service, postgres
        self._address = address
        self._lock: sqlite3.Connection | None = None
        self._pragma: Any = None

    def begin(self) -> None:
        engine = self._service._database.engine
        if self._kind == "stopped server":
            self._postgres.stop()
        elif self._kind == "locked file":
            engine.dispose()
            self._limit("busy_timeout=1")
            self._lock = sqlite3.connect(self._address, isolation_level=None)  # type: ignore[arg-type]
            self._lock.execute("BEGIN IMMEDIATE")
        else:
            engine.dispose()
            self._limit("max_page_count=1")

    def end(self) -> None:
        engine = self._service._database.engine
        if self._kind == "stopped server":
            self._postgres.start()
        elif self._lock is not None:
            self._lock.close()
            self._lock = None
        if self._pragma is not None:
            event.remove(engine, "connect", self._pragma)
            self._pragma = None
            engine.dispose()

    def _limit(self, pragma: str) -> None:
        def limit(connection: Any, _: Any) -> None:
            with closing(connection.cursor()) as cursor:
                cursor.execute(f"PRAGMA {pragma}")

        self._pragma = limit
        event.listen(self._service._database.engine, "connect", limit)


@pytest.fixture(params=["locked file", "full disk", "stopped server"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def address(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Path | Secret:
    if kind == "stopped server":
        return Secret(request.getfixturevalue("postgres").new_url())
    return tmp_path / "alerts.db"


@pytest.fixture
def config(pager: Any) -> dict[str, Any]:
    route = {"group_by": ["alertname"], "group_wait": "1s", "group_interval": "5s"}
    webhook = {"url": f"{pager.url}/webhook"}
    return {
        "route": {"receiver": "team", **route},
        "receivers": [{"name": "team", "webhook_configs": [webhook]}],
    }


@pytest.fixture
def service(make_service: Make, config: dict[str, Any]) -> AlertService:
    return make_service(config)


@pytest.fixture
def outage(
    kind: str, service: AlertService, address: Path | Secret, request: pytest.FixtureRequest
) -> Iterator[Outage]:
    postgres = request.getfixturevalue("postgres") if kind == "stopped server" else None
    made = Outage(kind, service, address, postgres)
    yield made
    made.end()


def work(service: AlertService) -> None:
    """A round, and what the sender has to do; what the database refuses is tried again later."""
    for act in (service.step, *(sender.send_due for sender in service._senders.values())):
        try:
            while act() is True:
                pass
        except StorageError:
            pass


def pass_seconds(service: AlertService, clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1_000)
        work(service)


def told(pager: Any) -> list[tuple[str, str]]:
    return [
        (entry.body["groupLabels"]["alertname"], entry.body["status"])
        for entry in pager.of("webhook")
    ]


def fire(service: AlertService, name: str) -> None:
    # so long that a file which may not grow has no room for it
    service.emit([Alert(Labels({"alertname": name}), {"description": "text " * 10_000})])


def test_an_outage_delays_and_loses_and_repeats_nothing(
    service: AlertService,
    outage: Outage,
    pager: Any,
    clock: ManualClock,
    make_service: Make,
    config: dict[str, Any],
) -> None:
    fire(service, "Before")
    pass_seconds(service, clock, 2)
    fire(service, "Decided")
    outage.begin()
    with pytest.raises(StorageError):
        fire(service, "Within")
    pass_seconds(service, clock, 5)
    assert told(pager) == [("Before", "firing")]
    outage.end()
    pass_seconds(service, clock, 10)
    assert sorted(told(pager)) == [
        ("Before", "firing"),
        ("Decided", "firing"),
        ("Within", "firing"),
    ]
    again = make_service(config)
    pass_seconds(again, clock, 20)
    assert len(told(pager)) == 3
    assert {view.stored.alert.name for view in again.alerts()} == {"Before", "Decided", "Within"}


def test_a_page_goes_out_while_no_database_takes_it_and_is_known_after(
    service: AlertService,
    outage: Outage,
    pager: Any,
    clock: ManualClock,
    make_service: Make,
    config: dict[str, Any],
) -> None:
    fire(service, "Before")
    pass_seconds(service, clock, 2)
    outage.begin()
    with pytest.raises(StorageError):
        fire(service, "Within")
    pass_seconds(service, clock, LONG_MS // 1000)
    assert told(pager) == [("Before", "firing"), ("Within", "firing")]
    with pytest.raises(StorageError):
        fire(service, "Within")
    pass_seconds(service, clock, 60)
    assert told(pager) == [("Before", "firing"), ("Within", "firing")]
    outage.end()
    pass_seconds(service, clock, 20)
    again = make_service(config)
    pass_seconds(again, clock, 20)
    assert told(pager) == [("Before", "firing"), ("Within", "firing")]
    assert {one.title for one in again.history()} == {"Before firing", "Within firing"}
    for view in again.alerts():
        again.emit([Alert(view.stored.alert.labels, ends_at_ms=clock.now_ms())])
    pass_seconds(again, clock, 10)
    assert sorted(told(pager)[2:]) == [("Before", "resolved"), ("Within", "resolved")]
