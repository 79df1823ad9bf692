"""What came over a gap is told beside what was counted: how much, and over which time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.api import router
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.late_events import MAX_GAPS, Late, LateEvents, joined
from slo.ledger import Ledger
from slo.self_metrics import SloMetrics
from slo.window import DAY_MS

NOW = 1_700_000_000_000
TICK = 15_000
GAP_TICKS = 40


def labels(code: str, instance: str = "a") -> Labels:
    return Labels.of("requests_total", code=code, instance=instance)


class World:
    """One process that serves 9 good and 1 bad request a tick, on two instances or one."""

    def __init__(self, store, objectives, directory: Path) -> None:
        self.store, self.objectives, self.directory = store, objectives, directory
        self.now_ms, self.served = NOW, 0.0
        self.ledger = self.started()

    def started(self) -> Ledger:
        return Ledger(self.objectives, self.store, self.directory, TICK)

    def step(self, scraped: str = "a", is_ticking: bool = True) -> None:
        self.now_ms += TICK
        self.served += 1
        for instance in scraped:
            values = {
                labels("200", instance): 9 * self.served,
                labels("500", instance): self.served,
            }
            self.store.scrape(instance, self.now_ms, values)
        if is_ticking:
            self.ledger.tick(self.now_ms)

    def run(self, ticks: int, scraped: str = "a", is_ticking: bool = True) -> None:
        for _ in range(ticks):
            self.step(scraped, is_ticking)

    def kill(self) -> None:
        self.store = self.store.crashed()
        self.ledger = self.started()

    def late(self, column: int = 0) -> tuple[Late, ...]:
        return self.ledger.late(column, 0, self.now_ms)


@pytest.fixture
def world(new_store, objective, tmp_path) -> World:
    found = World(new_store(), [objective()], tmp_path)
    found.run(20)
    return found


def test_failed_scrapes_are_late_once_the_counters_are_back(world: World) -> None:
    gone_ms = world.now_ms
    world.run(GAP_TICKS, scraped="")
    assert not world.late()
    world.run(20)
    back_ms = gone_ms + (GAP_TICKS + 1) * TICK
    missed = GAP_TICKS + 1
    assert world.late() == (Late(gone_ms, back_ms, missed, 10 * missed),)
    counts = world.ledger.window_counts(DAY_MS, world.now_ms)
    assert counts.total[0] == 10 * (world.served - 1)


def test_five_minutes_without_a_sample_are_not_late(world: World) -> None:
    world.run(19, scraped="")
    world.run(5)
    assert not world.late()
    world.run(20, scraped="")
    world.run(5)
    assert len(world.late()) == 1


def test_an_outage_of_tocsin_is_late_to_the_event(world: World) -> None:
    world.ledger.save()
    world.run(3)  # scraped and counted, not saved: a kill loses the counts, not the samples
    gone_ms = world.now_ms
    world.run(GAP_TICKS, scraped="", is_ticking=False)
    world.step(is_ticking=False)
    world.kill()
    back_ms = world.now_ms
    world.run(1)
    missed = GAP_TICKS + 1
    assert world.late() == (Late(gone_ms, back_ms, missed, 10 * missed),)
    assert world.ledger.totals[1][0] == 10 * (world.served - 1)


@pytest.mark.parametrize("is_saved", [False, True])
def test_a_restart_knows_what_was_late(world: World, is_saved: bool) -> None:
    world.run(GAP_TICKS, scraped="")
    world.ledger.save()
    world.run(1)
    before = world.late()
    assert before
    if is_saved:
        world.ledger.save()
    world.kill()
    world.run(1)
    assert world.late() == before


def test_one_instance_that_was_away_is_late_alone(new_store, objective, tmp_path) -> None:
    world = World(new_store(), [objective()], tmp_path)
    world.run(20, scraped="ab")
    gone_ms = world.now_ms
    world.run(GAP_TICKS, scraped="a")
    world.run(1, scraped="ab")
    missed = GAP_TICKS + 1
    assert world.late() == (Late(gone_ms, world.now_ms, missed, 10 * missed),)


def test_a_reload_within_the_gap_forgets_none_of_it(world: World, objective) -> None:
    gone_ms = world.now_ms
    world.run(GAP_TICKS // 2, scraped="")
    world.ledger.replace([objective("younger"), *world.objectives])
    world.run(GAP_TICKS // 2, scraped="")
    world.run(1)
    missed = GAP_TICKS + 1
    assert world.late(1) == (Late(gone_ms, world.now_ms, missed, 10 * missed),)


def test_only_what_a_window_holds_is_told(world: World) -> None:
    world.run(GAP_TICKS, scraped="")
    world.run(1)
    arrived_ms = world.now_ms
    assert world.ledger.late(0, arrived_ms - 1, arrived_ms)
    assert not world.ledger.late(0, arrived_ms, arrived_ms + 1)
    assert not world.ledger.late(0, 0, arrived_ms - 1)


def test_past_the_limit_the_oldest_are_one() -> None:
    events = LateEvents()
    gaps = [Late(10 * n, 10 * n + 5, 1.0, 2.0) for n in range(1, MAX_GAPS + 11)]
    for one in gaps:
        events.add({3: one})
    found = events.between(3, 0, 10**6)
    assert len(found) == MAX_GAPS
    assert joined(found) == joined(tuple(gaps))
    again = LateEvents()
    again.restore(events.rows(-1))
    assert again.between(3, 0, 10**6) == found
    assert again.moved(np.array([-1, 3])).between(1, 0, 10**6) == found


class Deaf:
    def emit(self, alerts) -> None:
        pass


def test_the_api_tells_how_much_of_a_budget_arrived_late(new_store, objective, tmp_path) -> None:
    store, clock, one = new_store(), ManualClock(NOW), objective()
    metrics = SloMetrics(CollectorRegistry())
    engine = SloEngine([one], store, store, Deaf(), clock, tmp_path, SloConfig(), metrics)
    app = FastAPI()
    app.include_router(router(engine, clock))
    asked = TestClient(app)
    for tick in range(80):
        if not 20 <= tick < 60:
            store.scrape("a", clock.now_ms(), {labels("200"): 9.0 * tick, labels("500"): tick})
        engine.tick(clock.now_ms())
        if tick < 60:
            assert asked.get(f"/api/tocsin/v1/slos/{one.id}/budget").json()["late"] is None
        clock.advance(TICK)
    gap = {"from_ms": NOW + 19 * TICK, "until_ms": NOW + 60 * TICK, "bad": 41, "total": 410}
    budget = asked.get(f"/api/tocsin/v1/slos/{one.id}/budget").json()
    assert budget["late"] == {**gap, "gaps": [gap]}
    assert budget["total"] == 790
