"""The engine end to end over a store of counters: verdicts, alerts, series, history, restarts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import LimitError, StorageError
from collector.model.labels import Labels
from collector.model.samples import is_stale
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.objective import Alerting, SeverityAlerting
from slo.published import BAD, BUDGET, BURN_RATE, EVENTS, GOOD, SLI
from slo.self_metrics import SloMetrics

NOW = 1_700_000_000_000
FIRST_SCRAPE = 100
SHORT = SloConfig.model_validate(
    {
        "tick": "1s",
        "burn_rate_tiers": [
            {"severity": "page", "long": "20s", "short": "4s", "factor": 14.4},
            {"severity": "page", "long": "60s", "short": "10s", "factor": 6},
            {"severity": "ticket", "long": "2m", "short": "20s", "factor": 1},
        ],
    }
)


class Sink:
    def __init__(self) -> None:
        self.alerts: list = []
        self.broken = False

    def emit(self, alerts) -> None:
        if self.broken:
            raise StorageError("the disk is full")
        self.alerts += alerts

    def firing(self) -> list[str]:
        return [a.labels["severity"] for a in self.alerts if a.ends_at_ms is None]

    def resolved(self) -> list[str]:
        return [a.labels["severity"] for a in self.alerts if a.ends_at_ms is not None]


class Stage:
    """A service under traffic, the store that scrapes it, and the engine."""

    def __init__(self, store, directory: Path, objectives, config: SloConfig) -> None:
        self.store, self.directory = store, directory
        self.objectives, self.config = objectives, config
        self.clock = ManualClock(NOW)
        self.sink = Sink()
        self.ok = self.failed = 0
        self.start()

    def start(self) -> None:
        self.metrics = SloMetrics(CollectorRegistry())
        self.engine = SloEngine(
            self.objectives,
            self.store,
            self.store,
            self.sink,
            self.clock,
            self.directory,
            self.config,
            self.metrics,
        )

    def kill(self) -> None:
        self.store = self.store.crashed()
        self.start()

    def tick(self, ok: int = 0, failed: int = 0, scrape: bool = True) -> None:
        self.clock.advance(self.config.tick)
        self.ok, self.failed = self.ok + ok, self.failed + failed
        now_ms = self.clock.now_ms()
        if scrape:
            self.store.scrape(
                "shop",
                now_ms - 1,
                {
                    Labels.of("requests_total", code="200"): self.ok,
                    Labels.of("requests_total", code="500"): self.failed,
                },
            )
        self.engine.tick(now_ms)

    def ticks(self, count: int, ok: int = 0, failed: int = 0) -> None:
        for _ in range(count):
            self.tick(ok, failed)

    def series(self, name: str, **labels: str) -> float:
        wanted = {"__name__": name, **labels}
        _, _, values = next(row for row in reversed(self.store.rows) if row[0] == "tocsin/slo")
        found = [v for key, v in values.items() if wanted.items() <= dict(key.pairs).items()]
        assert len(found) == 1, (name, labels, len(found))
        return found[0]


@pytest.fixture
def stage(tmp_path, new_store, objective) -> Stage:
    return Stage(new_store(), tmp_path, [objective()], SHORT)


def test_a_burn_pages_at_once_and_resolves_once(stage: Stage) -> None:
    stage.ticks(30, ok=100)
    assert not stage.sink.alerts
    stage.ticks(10, ok=80, failed=20)
    assert set(stage.sink.firing()) == {"page"}
    assert stage.engine.verdicts()[0].state == "burning"
    stage.sink.alerts.clear()
    stage.ticks(40, ok=100)
    assert stage.sink.resolved() == ["page"]
    assert stage.engine.verdicts()[0].state == "exhausted"
    stage.sink.alerts.clear()
    stage.ticks(5, ok=100)
    assert not stage.sink.alerts


def test_one_alert_for_a_severity_whichever_tier_burns(stage: Stage) -> None:
    stage.ticks(30, ok=100)
    stage.ticks(30, ok=80, failed=20)
    page = [a for a in stage.sink.alerts if a.labels["severity"] == "page"]
    assert len({a.fingerprint for a in page}) == 1
    assert len({a.starts_at_ms for a in page}) == 1
    ticks = [a.evidence["burn_rate_threshold"] for a in page]
    assert set(ticks) <= {14.4, 6}


def test_the_evidence_says_what_a_page_must_show(stage: Stage) -> None:
    stage.ticks(20, ok=100)
    stage.ticks(5, ok=80, failed=20)
    evidence = stage.sink.alerts[-1].evidence
    assert (evidence["slo"], evidence["service"]) == ("availability", "shop")
    assert (evidence["bad"], evidence["total"]) == (100, 2400)
    assert evidence["good"] == 2300
    assert evidence["objective"] == 0.999
    assert evidence["burn_rate"] > 14.4
    assert evidence["window"] == "30d"
    assert set(evidence["burn_rates"]) == {"4s", "10s", "20s", "1m", "2m", "30d"}
    assert evidence["budget_left_ratio"] < 0
    assert evidence["exhausted_in_seconds"] == 0
    assert 0 < evidence["chance"] < 1e-4
    json.dumps(evidence, allow_nan=False)


def test_the_published_series_are_the_verdicts_own_numbers(stage: Stage) -> None:
    stage.ticks(20, ok=999, failed=1)
    verdict = stage.engine.verdicts()[0]
    assert stage.series(BUDGET, slo="availability", service="shop") == verdict.budget.left_ratio
    assert stage.series(SLI, window="30d") == verdict.budget.sli_ratio
    for window, rate in verdict.burn_rates.items():
        assert stage.series(BURN_RATE, window=window) == rate
    assert stage.series(BAD) == 19
    assert stage.series(EVENTS) == 19_000
    assert stage.series(GOOD) == 18_981


def test_no_value_is_ever_nan_without_data_and_without_traffic(stage: Stage) -> None:
    stage.engine.tick(stage.clock.now_ms())
    assert stage.engine.verdicts()[0].state == "no-data"
    stage.ticks(5)
    verdict = stage.engine.verdicts()[0]
    assert verdict.state == "no-traffic"
    assert verdict.budget.left_ratio == 1.0
    for source, _, values in stage.store.rows:
        if source == "tocsin/slo":
            assert np.isfinite(list(values.values())).all()


def test_silence_is_no_recovery(stage: Stage) -> None:
    stage.ticks(30, ok=100)
    stage.ticks(10, ok=80, failed=20)
    stage.clock.advance(3_600_000)
    stage.sink.alerts.clear()
    stage.tick(scrape=False)
    assert stage.engine.verdicts()[0].state == "no-data"
    assert "page" in stage.sink.firing()
    assert not stage.sink.resolved()


def test_a_kill_keeps_the_counts_and_the_beginning_of_alerts(stage: Stage) -> None:
    stage.ticks(30, ok=100)
    stage.ticks(10, ok=80, failed=20)
    since = {a.starts_at_ms for a in stage.sink.alerts if a.labels["severity"] == "page"}
    before = stage.engine.verdicts()[0].budget
    stage.sink.alerts.clear()
    stage.kill()
    stage.tick()
    assert stage.engine.verdicts()[0].budget == before
    assert {a.starts_at_ms for a in stage.sink.alerts if a.labels["severity"] == "page"} == since
    assert not stage.sink.resolved()


def test_an_alert_that_ended_while_the_process_was_down_is_resolved(stage: Stage) -> None:
    stage.ticks(30, ok=100)
    stage.ticks(5, ok=80, failed=20)
    stage.engine.close()
    stage.clock.advance(200_000)
    stage.kill()
    stage.sink.alerts.clear()
    stage.tick(ok=100)
    assert "page" in stage.sink.resolved()


def test_a_sink_that_fails_is_told_of_the_resolve_again(stage: Stage) -> None:
    stage.ticks(30, ok=100)
    stage.ticks(10, ok=80, failed=20)
    stage.sink.broken = True
    stage.ticks(30, ok=100)
    stage.sink.broken = False
    stage.sink.alerts.clear()
    stage.tick(ok=100)
    assert "page" in stage.sink.resolved()
    assert stage.series(EVENTS) == stage.ok + stage.failed - FIRST_SCRAPE


def test_a_severity_that_its_spec_disables_is_silent(tmp_path, new_store, objective) -> None:
    quiet = objective(alerting=Alerting(page=SeverityAlerting(disabled=True)))
    stage = Stage(new_store(), tmp_path, [quiet], SHORT)
    stage.ticks(30, ok=100)
    stage.ticks(10, ok=80, failed=20)
    assert set(stage.sink.firing()) == {"ticket"}


def test_a_reload_keeps_the_history_of_what_stays_and_resolves_what_goes(
    stage: Stage, objective
) -> None:
    stage.ticks(30, ok=100)
    stage.ticks(10, ok=80, failed=20)
    kept = objective(target="0.99")
    stage.engine.replace([kept, objective("second")], SHORT)
    first, second = stage.engine.verdicts()
    assert (first.budget.bad, first.budget.total) == (200, 3900)
    assert (second.budget.bad, second.budget.total) == (200, 3900)
    stage.sink.alerts.clear()
    stage.engine.replace([objective("second")], SHORT)
    assert {a.labels["slo"] for a in stage.sink.alerts if a.ends_at_ms} == {"availability"}
    _, _, values = stage.store.rows[-2]
    assert is_stale(np.array(list(values.values()))).all()
    stage.tick(ok=1)
    assert [v.objective.name for v in stage.engine.verdicts()] == ["second"]


def test_history_has_the_events_of_each_step(stage: Stage) -> None:
    stage.ticks(60, ok=100)
    stage.ticks(10, ok=80, failed=20)
    end_ms = stage.clock.now_ms()
    history = stage.engine.history("shop/availability", end_ms - 20_000, end_ms, 5_000)
    assert history.bad.tolist() == [0, 0, 100, 100]
    assert history.total.tolist() == [500] * 4
    assert history.good.tolist() == [500, 500, 400, 400]
    assert history.budget_left_ratio[-1] == stage.engine.verdicts()[0].budget.left_ratio
    assert history.burn_rates["20s"][-1] == stage.engine.verdicts()[0].burn_rates["20s"]
    assert stage.engine.history("shop/none", 0, 1, 1) is None
    with pytest.raises(LimitError, match="11,000 points"):
        stage.engine.history("shop/availability", 0, end_ms, 1)


def test_a_young_objective_tells_how_much_of_its_window_it_knows(stage: Stage) -> None:
    stage.ticks(10, ok=100)
    coverage = stage.engine.verdicts()[0].coverage_ratio
    assert math.isclose(coverage, 9_001 / (30 * 86_400_000), rel_tol=0.2)


def test_dead_tiers_and_missing_series_are_warnings(tmp_path, new_store, objective) -> None:
    loose = objective(target="0.9")
    absent = objective("absent", bad="nothing_total")
    stage = Stage(new_store(), tmp_path, [loose, absent], SloConfig())
    stage.tick(ok=5)
    first, second = stage.engine.verdicts()
    assert "can never fire" in first.warnings[0]
    assert "no series of its bad events" in second.warnings[0]


def test_without_objectives_there_is_nothing_to_do(tmp_path, new_store) -> None:
    stage = Stage(new_store(), tmp_path, [], SloConfig())
    stage.ticks(5, ok=5)
    stage.kill()
    stage.tick()
    assert stage.engine.verdicts() == []


def test_a_severity_that_lost_its_tiers_is_resolved(stage: Stage) -> None:
    stage.ticks(30, ok=1000)
    stage.ticks(30, ok=996, failed=4)
    assert set(stage.sink.firing()) == {"ticket"}
    tier = {"severity": "page", "long": "20s", "short": "4s", "factor": 14.4}
    pages = SloConfig.model_validate({"tick": "1s", "burn_rate_tiers": [tier]})
    stage.sink.alerts.clear()
    stage.engine.replace(stage.engine.objectives, pages)
    assert stage.sink.resolved() == ["ticket"]
    assert not stage.sink.firing()


def test_a_page_does_not_hang_on_the_windows_of_its_neighbours(
    tmp_path, new_store, objective
) -> None:
    """Beside an objective of a day, whose tiers look at seconds, a month's page ends as alone."""
    config = SloConfig.model_validate({"tick": "15s"})
    ends = []
    for number, others in enumerate(([], [objective("day", days=1)])):
        stage = Stage(new_store(), tmp_path / str(number), [objective(), *others], config)
        stage.ticks(400, ok=2)
        stage.ticks(60, ok=1, failed=1)
        stage.ticks(120, ok=2)
        mine = [one for one in stage.sink.alerts if one.labels["slo"] == "availability"]
        ends.append([one.ends_at_ms for one in mine if one.ends_at_ms is not None])
    assert ends[0]
    assert ends[0] == ends[1]
