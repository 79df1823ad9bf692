"""Sloth's names: what its dashboards ask has an answer, and it is the ledger's own figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.store.tsdb import Tsdb
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.prometheus_rules import rules_yaml
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of

NOW = 1_700_000_000_000
TICK = 15_000
SPEC = """
version: prometheus/v1
service: shop
labels: {team: a}
slos:
  - name: orders
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(orders_total{code="500"}[{{.window}}]))
        total_query: sum(rate(orders_total[{{.window}}]))
"""
OURS = """
version: tocsin/v1
service: shop
name: carts
objective: 99%
bad: orders_total{code="500"}
total: orders_total
"""
ID = '{sloth_id="shop-orders", sloth_service="shop", sloth_slo="orders", team="a"}'
# what Sloth's boards and its users' gates ask
ASKED = {
    f"slo:sli_error:ratio_rate5m{ID}": 0.01,
    'slo:sli_error:ratio_rate1h{sloth_window="1h", sloth_slo="orders"}': 0.01,
    "slo:sli_error:ratio_rate30d": 0.01,
    f"slo:objective:ratio{ID}": 0.999,
    "slo:error_budget:ratio": 0.001,
    "max(slo:time_period:days) by (sloth_id)": 30,
    f"slo:current_burn_rate:ratio{ID}": 10,
    "slo:period_burn_rate:ratio": 10,
    f"slo:period_error_budget_remaining:ratio{ID}": -9,
    'sloth_slo_info{sloth_objective="99.9", sloth_spec="prometheus/v1"}': 1,
    "1 - slo:sli_error:ratio_rate30d / on (sloth_id) group_left slo:error_budget:ratio": -9,
    "count(max(sloth_slo_info) by (sloth_service, sloth_id, sloth_objective, sloth_slo))": 1,
}


class Deaf:
    def emit(self, alerts) -> None:
        pass


class Run:
    def __init__(self, directory: Path, spec: str, **config: bool) -> None:
        self.clock = ManualClock(NOW)
        self.store = Tsdb.open(directory / "store", self.clock)
        self.engine = SloEngine(
            objectives_of(spec, "slo.yaml"),
            self.store,
            self.store,
            Deaf(),
            self.clock,
            directory / "slo",
            SloConfig(**config),
            SloMetrics(CollectorRegistry()),
        )
        self.queries = Engine(self.store)
        labels = [Labels.of("orders_total", code=code) for code in ("200", "500")]
        refs = self.store.refs("shop", labels)
        for tick in range(20):
            values = np.array([99.0 * tick, 1.0 * tick])
            self.store.append_row("shop", self.clock.now_ms(), refs, values)
            self.engine.tick(self.clock.now_ms())
            self.clock.advance(TICK)
        self.clock.advance(-TICK)

    def ask(self, query: str) -> list[float]:
        found = self.queries.instant(query, self.clock.now_ms()).value
        return np.asarray(found.values).ravel().tolist()

    def close(self) -> None:
        self.engine.close()
        self.store.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Run(tmp_path_factory.mktemp("sloth"), f"{SPEC}---{OURS}")
    yield made
    made.close()


@pytest.mark.parametrize("query", ASKED)
def test_what_sloth_s_boards_ask_is_there(run: Run, query: str) -> None:
    assert run.ask(query) == pytest.approx([ASKED[query]])


def test_the_budget_is_the_same_number_to_the_last_bit(run: Run) -> None:
    ours = run.ask('tocsin_slo_budget_remaining_ratio{slo="orders"}')
    assert run.ask("slo:period_error_budget_remaining:ratio") == ours
    assert ours == [run.engine.verdict("shop/orders").budget.left_ratio]


def test_other_objectives_have_them_when_that_is_wished_for(tmp_path: Path) -> None:
    made = Run(tmp_path, OURS, sloth_names=True)
    assert made.ask('slo:objective:ratio{sloth_id="shop-carts"}') == [0.99]
    made.clock.advance(TICK)
    made.engine.replace(objectives_of(OURS, "s"), SloConfig())
    assert made.ask("slo:objective:ratio") == []
    made.close()


def test_the_exported_rules_record_every_name(run: Run) -> None:
    text = rules_yaml(objectives_of(SPEC, "slo.yaml"))
    names = {query.split("{")[0] for query in ASKED if query.startswith(("slo:", "sloth"))}
    assert all(f"record: {name}\n" in text for name in names)
