"""A service with people, receivers on a local pager, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.events import Event
from alerts.on_call.config import OnCallConfig
from alerts.on_call.incident import Incident
from alerts.on_call.incident_store import IncidentSearch
from alerts.service import AlertService
from collector.model import Alert, Labels, ManualClock
from collector.model.secrets import Secret

SECOND = 1_000
RECEIVERS = ("team", "ana-phone", "ben-phone", "boss")
ON_CALL = {
    "people": [
        {"name": "ana", "receivers": ["ana-phone"], "also_known_as": ["slack:U1"]},
        {"name": "ben", "receivers": ["ben-phone"], "email": "ben@example.org"},
    ],
    "schedules": [
        {"name": "primary", "layers": [{"people": ["ana"], "start": "2020-01-06T00:00"}]},
    ],
    "escalations": [
        {
            "name": "default",
            "steps": [
                {"after": "1m", "schedules": ["primary"]},
                {"after": "5m", "people": ["ben"]},
            ],
        }
    ],
    "escalation": "default",
}


class World:
    """The service, what it told whom, and what happened."""

    def __init__(self, service: AlertService, clock: ManualClock, pager: Any) -> None:
        self.service = service
        self.clock = clock
        self.pager = pager
        self.desk = service.on_call.desk

    def run(self, seconds: float = 0) -> None:
        """Move time on in small steps; decide and send at each."""
        end_ms = self.clock.now_ms() + int(seconds * SECOND)
        step_ms = (10 if seconds <= 600 else 60) * SECOND
        while True:
            self.service.step()
            for sender in self.service._senders.values():
                while sender.send_due():
                    pass
            left_ms = end_ms - self.clock.now_ms()
            if left_ms <= 0:
                return
            self.clock.advance(min(left_ms, step_ms))

    def emit(self, *alerts: Alert) -> None:
        self.service.emit(alerts)

    def told(self) -> list[tuple[str, str]]:
        """(receiver, reason) of every message, in order; forgotten once asked."""
        found = [
            (entry.body["receiver"], entry.body["notification_reason"])
            for entry in self.pager.of("webhook")
        ]
        asked, self._asked = getattr(self, "_asked", 0), len(found)
        return found[asked:]

    def incidents(self) -> list[Incident]:
        found = self.service.on_call.incidents(IncidentSearch())
        return sorted(found, key=lambda one: one.number)

    def the_incident(self) -> Incident:
        (found,) = self.incidents()
        return found

    def timeline(self, number: int = 1) -> Sequence[Event]:
        return self.service.on_call.incident(number).timeline

    def story(self, number: int = 1) -> list[str]:
        return [str(event.kind) for event in self.timeline(number)]


def alert(name: str = "Down", ends_at_ms: int | None = None, **labels: str) -> Alert:
    given = {"alertname": name, "severity": "critical", **labels}
    return Alert(Labels(given), {"summary": f"{name}!"}, 0, ends_at_ms)


@pytest.fixture
def make_alert() -> Callable[..., Alert]:
    return alert


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Path | Secret:
    """A file, or an empty schema of a PostgreSQL where a test asks for one."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return tmp_path / "alerts.db"
    return Secret(request.getfixturevalue("postgres").new_url())


@pytest.fixture
def make_world(
    address: Path | Secret, clock: ManualClock, pager: Any, receivers: dict[str, Any]
) -> Iterator[Callable[..., World]]:
    """Worlds on one database file; the resolve time-out is a day, so judges need not repeat."""
    made: list[AlertService] = []

    def make(on_call: dict[str, Any] | None = None, **route: Any) -> World:
        timers = {"group_wait": "1s", "group_interval": "5m", "repeat_interval": "1h"}
        config = {
            "route": {"receiver": "team", "group_by": ["alertname"], **timers, **route},
            "receivers": [
                *({"name": one, "webhook_configs": [receivers["webhook"]]} for one in RECEIVERS),
                {"name": "nobody"},
            ],
        }
        service = AlertService(
            AlertsConfig.model_validate(config),
            address,
            clock,
            CollectorRegistry(),
            global_=_day(),
            external_url="http://127.0.0.1:9900",
            on_call=OnCallConfig.model_validate(ON_CALL if on_call is None else on_call),
            random_ratio=lambda: 0.0,
            instance="the one process of this test",
        )
        made.append(service)
        return World(service, clock, pager)

    yield make
    for service in made:
        service.close()


def _day() -> Any:
    from alerts.config import AlertmanagerGlobal

    return AlertmanagerGlobal.model_validate({"resolve_timeout": "1d"})


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
