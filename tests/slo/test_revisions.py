"""An edited objective is judged anew from its edit on; the past stays as it was judged."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from slo.api import router
from slo.calendar_window import CalendarWindow
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.indicators import INDICATORS
from slo.revisions import Revisions
from slo.self_metrics import SloMetrics
from slo.window import DAY_MS, Window

NOW = 1_700_000_000_000
TICK = 15_000
BEFORE, AFTER = 40, 30


class Deaf:
    def emit(self, alerts) -> None:
        pass


class Stage:
    """A service with 1 error of 100, an objective about it, and what was told at each tick."""

    def __init__(self, store, one, directory: Path) -> None:
        self.store, self.one, self.directory = store, one, directory
        self.clock, self.served = ManualClock(NOW), 0
        self.told: list[float] = []
        self.start()

    def start(self) -> None:
        metrics, config = SloMetrics(CollectorRegistry()), SloConfig()
        args = ([self.one], self.store, self.store, Deaf(), self.clock, self.directory)
        self.engine = SloEngine(*args, config, metrics)

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.clock.advance(TICK)
            self.served += 1
            values = {
                Labels.of("requests_total", code=code): float(each * self.served)
                for code, each in {"200": 99, "500": 1}.items()
            }
            self.store.scrape("shop", self.clock.now_ms(), values)
            self.engine.tick(self.clock.now_ms())
            self.told.append(self.engine.verdict(self.one.id).budget.left_ratio)

    def edit(self, is_restart: bool, **changes: object) -> None:
        self.one = replace(self.one, **changes)
        if not is_restart:
            self.engine.replace([self.one], SloConfig())
            return
        self.engine.close()
        self.store = self.store.crashed()
        self.start()

    def history(self, rewrite: bool = False):
        end_ms = self.clock.now_ms()
        return self.engine.history(self.one.id, NOW, end_ms, TICK, rewrite=rewrite)


@pytest.fixture
def stage(new_store, objective, tmp_path) -> Stage:
    found = Stage(new_store(), objective(), tmp_path)
    found.run(BEFORE)
    return found


OTHER = INDICATORS["ratio"](bad='requests_total{code="none"}', total="requests_total")


@pytest.mark.parametrize("is_restart", [False, True])
@pytest.mark.parametrize(
    "edit",
    [
        {"target": Fraction("0.995")},
        {"window": Window(DAY_MS), "target": Fraction("0.5")},
        {"window": CalendarWindow("month", zone="Europe/Berlin"), "target": Fraction("0.9")},
        {"indicator": OTHER},
    ],
    ids=["target", "window", "calendar", "indicator"],
)
def test_the_past_stays_as_it_was_judged(stage: Stage, edit: dict, is_restart: bool) -> None:
    stage.edit(is_restart, **edit)
    stage.run(AFTER)
    history = stage.history()
    assert history.budget_left_ratio.tolist() == stage.told
    assert history.revisions.tolist() == [1] * BEFORE + [2] * AFTER
    counted = stage.engine.verdict(stage.one.id).budget
    assert history.total.sum() == pytest.approx(counted.total)


def test_what_was_published_before_the_edit_is_not_written_again(stage: Stage) -> None:
    budget = [Matcher("=", "__name__", "tocsin_slo_budget_remaining_ratio")]

    def published() -> list:
        parts = stage.store.select(budget, NOW, edited_ms)
        return [(part.timestamps_ms.tolist(), part.values.tolist()) for part in parts]

    edited_ms = stage.clock.now_ms() - 1
    before = published()
    stage.edit(False, target=Fraction("0.995"))
    stage.run(AFTER)
    assert published() == before
    assert before


def test_who_asks_is_told_the_past_by_the_objective_of_now(stage: Stage) -> None:
    stage.edit(False, target=Fraction("0.5"))
    stage.run(AFTER)
    history = stage.history(rewrite=True)
    assert set(history.revisions.tolist()) == {2}
    assert history.budget_left_ratio[1:] == pytest.approx(1 - 0.01 / 0.5)
    app = FastAPI()
    app.include_router(router(stage.engine, stage.clock))
    path = f"/api/tocsin/v1/slos/{stage.one.id}/history"
    asked = {"start_ms": NOW, "end_ms": stage.clock.now_ms(), "step": "15s"}
    client = TestClient(app)
    assert client.get(path, params=asked).json()["budget_left_ratio"] == stage.told
    rewritten = client.get(path, params={**asked, "rewrite": True}).json()
    assert rewritten["budget_left_ratio"] == history.budget_left_ratio.tolist()


def test_an_edit_of_words_is_no_revision(stage: Stage) -> None:
    stage.edit(False, description="All that is ordered", labels={"team": "shop"})
    stage.edit(True)
    stage.run(AFTER)
    assert set(stage.history().revisions.tolist()) == {1}


def test_revisions_are_read_as_they_were_written(tmp_path, objective) -> None:
    revisions = Revisions(tmp_path)
    texts = [
        objective(),
        objective(days=7),
        replace(objective(), window=CalendarWindow("quarter", zone="Asia/Tokyo")),
        objective(indicator=OTHER),
        objective(),
    ]
    for number, one in enumerate(texts):
        revisions.note([one], {}, NOW + number)
        revisions.note([one], {}, NOW + number + 1)
    found = Revisions(tmp_path).of("shop/availability")
    assert found == revisions.of("shop/availability")
    assert [one.number for one in found] == [1, 2, 3, 4, 5]
    assert [one.from_ms - NOW for one in found] == [0, 1, 2, 3, 4]
