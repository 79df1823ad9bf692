"""No data and low budgets: they begin once, end once, and say what is the case."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from slo.conditions import NO_DATA, conditions_now, level_name
from slo.config import SloConfig

stage_module = importlib.import_module("tests.slo.test_evaluate")
STORE = importlib.import_module("tests.oracles.counting_store").CountingStore
HOUR_MS = 3_600_000


def names(alerts: list, *, over: bool) -> list[str]:
    return [alert.labels["alertname"] for alert in alerts if (alert.ends_at_ms is not None) == over]


def test_an_objective_whose_data_ends_is_a_ticket_until_it_returns(tmp_path, objective) -> None:
    play = stage_module.Stage(STORE(), tmp_path, [objective()], stage_module.SHORT)
    play.ticks(10, ok=100)
    assert not play.sink.alerts
    play.clock.advance(HOUR_MS)
    play.tick(scrape=False)
    (alert,) = play.sink.alerts
    assert (alert.labels["alertname"], alert.labels["severity"]) == ("SLONoData", "ticket")
    assert "no data" in alert.annotations["summary"]
    play.kill()
    play.sink.alerts.clear()
    play.tick(ok=100)
    assert names(play.sink.alerts, over=True) == ["SLONoData"]


def test_what_never_had_data_is_not_missed(tmp_path, objective) -> None:
    play = stage_module.Stage(STORE(), tmp_path, [objective()], stage_module.SHORT)
    play.clock.advance(HOUR_MS)
    play.tick(scrape=False)
    assert not play.sink.alerts


def test_a_budget_that_runs_low_is_a_ticket_at_each_configured_level(tmp_path, objective) -> None:
    config = SloConfig.model_validate({"tick": "1s", "budget_alerts": [0.5, 0]})
    play = stage_module.Stage(STORE(), tmp_path, [objective(target="0.9")], config)
    play.ticks(10, ok=1000)
    play.ticks(10, ok=880, failed=120)
    low = [one for one in play.sink.alerts if one.labels["alertname"] == "SLOBudgetLow"]
    assert {one.labels["condition"] for one in low} == {"budget 50%"}
    play.ticks(20, ok=800, failed=200)
    low = [one for one in play.sink.alerts if one.labels["alertname"] == "SLOBudgetLow"]
    assert {one.labels["condition"] for one in low} == {"budget 50%", "budget 0%"}
    assert len({one.starts_at_ms for one in low}) == 2


def test_a_level_does_not_begin_twice_for_a_hair() -> None:
    yes, since = np.array([True]), np.array([1])
    low = conditions_now(yes, since, np.array([0.1]), [0.1], {})
    assert low[level_name(0.1)].all()
    still = conditions_now(yes, since, np.array([0.105]), [0.1], low)
    assert still[level_name(0.1)].all()
    over = conditions_now(yes, since, np.array([0.12]), [0.1], still)
    assert not over[level_name(0.1)].any()
    assert not over[NO_DATA].any()


@pytest.mark.parametrize("level", [1.0, -0.1, 10])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ValueError, match="is a tenth"):
        SloConfig.model_validate({"budget_alerts": [level]})
