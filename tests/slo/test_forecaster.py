"""The ticket about a budget's end: when it begins and ends, what it says, and when it is silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.self_metrics import SloMetrics

TICK = 60_000
NOW = 1_700_000_040_000
HOUR = 60


class Sink:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts

    def named(self, name: str) -> list:
        return [one for one in self.alerts if one.labels["alertname"] == name]


class Service:
    """Requests once a tick over a day's budget window, with the store's rows kept few."""

    def __init__(self, store, objective, directory: Path, **config: object) -> None:
        self.store, self.objective, self.directory = store, objective, directory
        self.config = SloConfig.model_validate({"tick": "1m", **config})
        self.clock, self.sink = ManualClock(NOW), Sink()
        self.ok = self.failed = 0
        self.start()

    def start(self) -> None:
        self.engine = SloEngine(
            [self.objective],
            self.store,
            self.store,
            self.sink,
            self.clock,
            self.directory,
            self.config,
            SloMetrics(CollectorRegistry()),
        )

    def kill(self) -> None:
        self.store.rows = [row for row in self.store.rows if row[0] == "shop"]
        self.store = self.store.crashed()
        self.start()

    def hours(self, count: float, failing: float, ticks: bool = True) -> None:
        minutes = 1 if ticks else 20
        for _ in range(round(count * HOUR / minutes)):
            self.clock.advance(minutes * TICK)
            self.ok += 1000 * minutes
            self.failed += 1000 * minutes * failing
            found = {
                Labels.of("requests_total", code="200"): float(self.ok),
                Labels.of("requests_total", code="500"): float(round(self.failed)),
            }
            self.store.scrape("shop", self.clock.now_ms() - 1, found)
            if ticks:
                self.engine.tick(self.clock.now_ms())

    @property
    def told(self) -> list:
        return self.sink.named("SLOBudgetRunsOut")


@pytest.fixture
def service(tmp_path, new_store, objective) -> Service:
    return Service(new_store(), objective(days=4), tmp_path)


def test_a_slow_burn_opens_one_ticket_with_its_deadline_and_keeps_it_over_a_restart(
    service: Service,
) -> None:
    service.hours(71, 0.0001, ticks=False)
    service.hours(0.5, 0.0001)
    assert not service.told
    service.hours(21, 0.003, ticks=False)
    service.kill()
    service.hours(1, 0.003)
    assert service.told
    first = service.told[0]
    assert first.evidence["budget_left_ratio"] > 0
    assert (first.labels["severity"], first.labels["condition"]) == ("ticket", "runs-out")
    assert "at this rate it is gone between" in first.annotations["summary"]
    assert "(80 %)" in first.annotations["summary"]
    early, late = (first.evidence[f"gone_{end}_ms"] for end in ("early", "late"))
    assert NOW < early <= first.evidence["gone_likely_ms"] <= late
    assert service.engine.verdict("shop/availability").forecast is not None
    service.kill()
    service.hours(0.1, 0.0035)
    assert {one.starts_at_ms for one in service.told} == {first.starts_at_ms}
    assert all(one.ends_at_ms is None for one in service.told)
    off = SloConfig.model_validate({"tick": "1m", "budget_forecast": "0s"})
    service.engine.replace([service.objective], off)
    assert service.told[-1].ends_at_ms is not None


def test_it_does_not_begin_while_the_objective_pages(service: Service) -> None:
    service.hours(26, 0.0001, ticks=False)
    service.hours(0.5, 0.0001)
    service.hours(1.5, 0.05)
    assert service.sink.named("SLOBurnRate")
    assert not service.told
