"""A run that is killed and restarted at every tick tells what one that was not has told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.query.values import Answer, Matrix
from slo.alerting_file import NAME, AlertingFile, Remembered
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.indicators import INDICATORS
from slo.indicators.sampled import sampled
from slo.self_metrics import SloMetrics

NOW = 1_700_000_000_000
CONFIG = SloConfig.model_validate(
    {
        "tick": "1s",
        "budget_alerts": [0.5, 0.1],
        "burn_rate_tiers": [
            {"severity": "page", "long": "20s", "short": "4s", "factor": 14.4},
            {"severity": "page", "long": "60s", "short": "10s", "factor": 6},
            {"severity": "ticket", "long": "2m", "short": "20s", "factor": 1},
        ],
    }
)
INCIDENT = (
    [(100, 0)] * 24
    + [(70, 30)] * 8  # pages, by the fast tier first
    + [(100, 0)] * 8
    + [(1000, 1)] * 36  # a ticket, once the page's time has left its window
    + [(100, 0)] * 8
    + [(0, 0)] * 2
    + [(50, 50)] * 5
    + [(100, 0)] * 16
)


class Sink:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


class Run:
    def __init__(self, store, objectives, directory: Path) -> None:
        self.store, self.objectives, self.directory = store, objectives, directory
        self.clock, self.sink = ManualClock(NOW), Sink()
        self.ok = self.failed = 0
        self.start()

    def start(self) -> None:
        self.engine = SloEngine(
            self.objectives,
            self.store,
            self.store,
            self.sink,
            self.clock,
            self.directory,
            CONFIG,
            SloMetrics(CollectorRegistry()),
        )

    def kill(self) -> None:
        self.store.rows = [row for row in self.store.rows if row[0] == "shop"]
        self.store = self.store.crashed()
        self.start()

    def step(self, ok: int, failed: int) -> None:
        self.clock.advance(1000)
        self.ok, self.failed = self.ok + ok, self.failed + failed
        now_ms = self.clock.now_ms()
        found = {
            Labels.of("requests_total", code="200", route="a"): float(self.ok),
            Labels.of("requests_total", code="500", route="a"): self.failed * 0.25,
            Labels.of("requests_total", code="500", route="b"): self.failed * 0.75,
        }
        self.store.scrape("shop", now_ms, found)
        self.engine.tick(now_ms)


def told(run: Run, restarts_at) -> list:
    for number, (ok, failed) in enumerate(INCIDENT):
        if number in restarts_at:
            run.kill()
        run.step(ok, failed * 4)
    return run.sink.alerts


@pytest.fixture
def objectives(objective):
    tenant = INDICATORS["ratio"](bad='requests_total{code="500"}', total="requests_total")
    return [objective(), objective("by-route", indicator=tenant, group_by=("route",))]


def test_restarts_at_every_tick_tell_the_same(tmp_path, new_store, objectives) -> None:
    alerts = told(Run(new_store(), objectives, tmp_path / "one"), set())
    reasons = {(a.labels["severity"], a.labels.get("condition", "")) for a in alerts}
    assert reasons == {
        ("page", ""),
        ("ticket", ""),
        ("ticket", "budget 50%"),
        ("ticket", "budget 10%"),
    }
    assert sum(a.ends_at_ms is not None for a in alerts) >= 3
    everywhere = range(16, len(INCIDENT))
    assert told(Run(new_store(), objectives, tmp_path / "all"), everywhere) == alerts


@pytest.mark.parametrize("at", range(25, 95, 12))
def test_one_restart_tells_the_same(tmp_path, new_store, objectives, at: int) -> None:
    whole = told(Run(new_store(), objectives, tmp_path / "one"), set())
    assert told(Run(new_store(), objectives, tmp_path / "two"), {at}) == whole


def test_what_was_written_is_read(tmp_path: Path) -> None:
    now = Remembered({("shop/a", "page"): 5}, {"page 14.4x on 1h/5m": ("shop/a",)}, {"shop/b": 7})
    AlertingFile(tmp_path).write(now)
    assert AlertingFile(tmp_path).read() == now


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"firing": 1, "burning": {}, "paged_ms": {}}']
)
def test_a_file_that_is_no_such_file_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert AlertingFile(tmp_path).read() == Remembered()


def test_what_stays_the_same_is_not_written_again(tmp_path: Path) -> None:
    file = AlertingFile(tmp_path)
    file.write(Remembered({("shop/a", "page"): 5}))
    (tmp_path / NAME).unlink()
    file.write(Remembered({("shop/a", "page"): 5}))
    assert not (tmp_path / NAME).exists()


def test_a_directory_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        AlertingFile(blocked).write(Remembered())


class AlwaysUp:
    """Answers each range query with a probe that is up."""

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        times = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
        return Answer(Matrix([Labels.of("up")], times, np.ones((1, len(times)))))


def test_a_restart_does_not_miss_the_data_of_what_is_looked_at_rarely(
    tmp_path, new_store, objective
) -> None:
    probe = objective(indicator=sampled("x", "up", "gte", 1, 600_000))
    store, sink, clock = new_store(), Sink(), ManualClock(NOW)

    def engine() -> SloEngine:
        metrics = SloMetrics(CollectorRegistry())
        return SloEngine([probe], store, store, sink, clock, tmp_path, CONFIG, metrics, AlwaysUp())

    for _ in range(9):
        one = engine()
        for _ in range(100):
            clock.advance(1000)
            one.tick(clock.now_ms())
            if one.verdict(probe.id).budget.total:
                assert one.verdict(probe.id).state == "ok"
        one.close()
    assert one.verdict(probe.id).budget.total
    assert not sink.alerts
