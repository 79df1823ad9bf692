"""A budget for each group: exact, from the group's beginning, over restarts and past the limit."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import ConfigError
from collector.model.labels import Labels
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.indicators.sampled import sampled
from slo.self_metrics import SloMetrics

NOW = 1_700_000_000_000
TICK = 15_000
STORE = importlib.import_module("tests.oracles.counting_store").CountingStore


class Deaf:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


class Stage:
    def __init__(self, directory: Path, objective) -> None:
        self.store, self.clock, self.sink = STORE(), ManualClock(NOW), Deaf()
        self.directory, self.objective = directory, objective
        self.counts: dict[tuple[str, str], int] = {}
        self.start()

    def start(self) -> None:
        self.engine = SloEngine(
            [self.objective],
            self.store,
            self.store,
            self.sink,
            self.clock,
            self.directory,
            SloConfig(),
            SloMetrics(CollectorRegistry()),
        )

    def tick(self, **events: tuple[int, int]) -> None:
        self.clock.advance(TICK)
        for tenant, (ok, failed) in events.items():
            for code, more in (("200", ok), ("500", failed)):
                key = (tenant, code)
                self.counts[key] = self.counts.get(key, 0) + more
        series = {
            Labels.of("requests_total", tenant=tenant, code=code): count
            for (tenant, code), count in self.counts.items()
        }
        self.store.scrape("shop", self.clock.now_ms(), series)
        self.engine.tick(self.clock.now_ms())

    def budgets(self) -> dict[str, tuple[float, float]]:
        return {v.objective.id: (v.budget.bad, v.budget.total) for v in self.engine.verdicts()}


@pytest.fixture
def stage(tmp_path: Path, objective) -> Stage:
    return Stage(tmp_path, objective(group_by=("tenant",), max_groups=3))


def test_each_group_has_a_budget_and_one_that_appears_counts_from_its_beginning(
    stage: Stage,
) -> None:
    stage.tick(a=(0, 0))
    for _ in range(3):
        stage.tick(a=(10, 1))
    for _ in range(8):
        stage.tick(a=(10, 0), b=(5, 5))
    assert stage.budgets() == {
        'shop/availability{tenant="a"}': (3, 113),
        'shop/availability{tenant="b"}': (40, 80),
    }


def test_groups_keep_their_counts_over_a_restart(stage: Stage) -> None:
    stage.tick(a=(0, 0), b=(0, 0))
    stage.tick(a=(10, 1), b=(1, 0))
    before = stage.budgets()
    stage.engine.close()
    stage.store = stage.store.crashed()
    stage.start()
    stage.tick()
    assert stage.budgets() == before


def test_past_the_limit_groups_are_named_as_left_out(stage: Stage) -> None:
    stage.tick(a=(0, 0), b=(0, 0), c=(0, 0), d=(0, 0), e=(0, 0))
    stage.tick(a=(1, 0))
    assert len(stage.budgets()) == 3
    assert "2 more groups" in " ".join(stage.engine.verdicts()[0].warnings)


def test_alerts_and_series_say_which_group(stage: Stage) -> None:
    stage.tick(a=(0, 0), b=(0, 0))
    for _ in range(30):
        stage.tick(a=(50, 50), b=(100, 0))
    assert {alert.labels["tenant"] for alert in stage.sink.alerts} == {"a"}
    published = [
        labels
        for source, _, values in stage.store.rows
        if source == "tocsin/slo"
        for labels in values
    ]
    assert {one["tenant"] for one in published} == {"a", "b"}


def test_what_is_not_counted_can_not_be_grouped(objective) -> None:
    with pytest.raises(ConfigError, match="only events can be grouped"):
        objective(group_by=("tenant",), indicator=sampled("x", "up", "gte", 1, 60_000))
