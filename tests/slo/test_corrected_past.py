"""Corrections in what is told of the past: attribution, backtests and the published series."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.attribution import PART
from slo.backtest import Source, backtest
from slo.config import SloConfig
from slo.corrections import Selector
from slo.evaluate import SloEngine
from slo.published import BAD, BUDGET, SLI
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of

TICK = 15_000
NOW = 1_700_000_010_000
EXAMPLES = int(os.environ.get("TOCSIN_CORRECTION_EXAMPLES", "8"))
SPEC = """version: tocsin/v1
service: shop
slos:
  - {name: web, objective: 99%, bad: 'web_total{code="500"}', total: web_total}
  - {name: pay, objective: 99%, bad: 'pay_total{code="500"}', total: pay_total}
  - {name: both, objective: 99%, sum: {web: 2, pay: 1}}
  - {name: all, objective: 99%, all_of: [web, pay]}
"""


class Sink:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


class Service:
    def __init__(self, store, directory: Path) -> None:
        self.store, self.clock, self.sink = store, ManualClock(NOW), Sink()
        self.engine = SloEngine(
            objectives_of(SPEC, "spec"),
            store,
            store,
            self.sink,
            self.clock,
            directory,
            SloConfig(),
            SloMetrics(CollectorRegistry()),
        )
        self.counts: dict[Labels, int] = {}
        self.tick({})

    def tick(self, events: dict[tuple[str, str], int]) -> None:
        self.clock.advance(TICK)
        self.store.rows = [row for row in self.store.rows if row[0] == "shop"]
        for name in ("web", "pay"):
            for route, code in (("a", "200"), ("a", "500"), ("b", "200"), ("b", "500")):
                key = Labels.of(f"{name}_total", route=route, code=code)
                more = events.get((name, route), 0) if code == "500" else 10
                self.counts[key] = self.counts.get(key, 0) + more
        self.store.scrape("shop", self.clock.now_ms() - 1, dict(self.counts))
        self.engine.tick(self.clock.now_ms())

    def settle(self) -> None:
        for _ in range(12):
            self.tick({})

    def series(self, name: str, slo: str, **more: str) -> float:
        _, _, values = next(row for row in reversed(self.store.rows) if row[0] == "tocsin/slo")
        wanted = {"__name__": name, "slo": slo, **more}
        return next(v for key, v in values.items() if wanted.items() <= dict(key.pairs).items())


failures = st.dictionaries(
    st.tuples(st.sampled_from(["web", "pay"]), st.sampled_from("ab")), st.integers(1, 30)
)
edges = st.tuples(st.integers(0, 20), st.integers(1, 12), st.integers(0, TICK - 2))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(failures, min_size=3, max_size=25), st.lists(edges, max_size=4))
def test_what_is_blamed_adds_up_to_the_corrected_budget(
    tmp_path_factory, new_store, history, corrections
) -> None:
    service = Service(new_store(), tmp_path_factory.mktemp("slo"))
    for events in history:
        service.tick(events)
    for first, length, offset in corrections:
        start_ms = NOW + first * TICK + offset
        service.engine.corrections.exclude(
            Selector(slo="*"), start_ms, start_ms + length * TICK, "ann", "a test"
        )
    service.settle()
    now_ms = service.clock.now_ms()
    for slo in ("web", "pay", "both", "all"):
        budget = service.engine.verdict(f"shop/{slo}").budget
        found = service.engine.attribution(f"shop/{slo}", NOW - TICK, now_ms)
        assert (found.bad, found.total) == (budget.bad, budget.total), slo
        for label in {one.label for one in found.shares}:
            mine = [one for one in found.shares if one.label == label]
            assert sum(one.bad for one in mine) == pytest.approx(found.bad, abs=1e-9), label
            if label != PART:
                assert sum(one.total for one in mine) == found.total, label


def test_parts_of_composites_are_blamed(tmp_path, new_store) -> None:
    service = Service(new_store(), tmp_path)
    for _ in range(20):
        service.tick({("web", "a"): 5, ("pay", "b"): 20})
    service.settle()
    span = NOW - TICK, service.clock.now_ms()
    both = {s.value: s.bad for s in service.engine.attribution("shop/both", *span).shares}
    assert (both["shop/web"], both["shop/pay"]) == (2 * 100, 400)
    all_of = service.engine.attribution("shop/all", *span)
    assert [one.label for one in all_of.shares] == [PART, PART]
    assert [one.of_bad_ratio for one in all_of.shares] == [0.5, 0.5]


def test_a_backtest_sends_what_a_corrected_run_sent(tmp_path, new_store) -> None:
    service = Service(new_store(), tmp_path)
    selector = Selector(slo="shop/web")
    start_ms = NOW + 60 * TICK
    service.engine.corrections.exclude(selector, start_ms, start_ms + 40 * TICK, "ann", "planned")
    for number in range(200):
        fails = 62 <= number < 95 or 150 <= number < 170
        service.tick({("web", "a"): 20, ("pay", "a"): 20} if fails else {})
    source = Source(
        service.store,
        service.store.counter_totals,
        None,
        service.engine.corrections.in_force,
    )
    now_ms = service.clock.now_ms()
    live: dict[str, list[tuple[int, int | None]]] = {}
    for name in ("web", "pay"):
        pages = [
            one
            for one in service.sink.alerts
            if one.labels["slo"] == name and one.labels["severity"] == "page"
        ]
        ends = {one.starts_at_ms: one.ends_at_ms for one in pages}
        live[name] = sorted(ends.items())
    assert (len(live["web"]), len(live["pay"])) == (1, 2)
    for one in backtest(objectives_of(SPEC, "spec")[:2], source, NOW, now_ms, TICK):
        sent = [(page.begins_ms, page.ends_ms) for page in one.of("page")]
        assert sent == live[one.objective.name]
        verdict = service.engine.verdict(one.objective.id)
        assert one.left_ratio == verdict.budget.left_ratio
        assert (one.bad, one.total) == (verdict.budget.bad, verdict.budget.total)
    raw = Source(service.store, service.store.counter_totals, None)
    (web,) = backtest(objectives_of(SPEC, "spec")[:1], raw, NOW, now_ms, TICK)
    assert len(web.of("page")) == 2


def test_published_ratios_are_the_corrected_ones_and_counters_the_raw(tmp_path, new_store) -> None:
    service = Service(new_store(), tmp_path)
    for _ in range(10):
        service.tick({("web", "a"): 3})
    end_ms = service.clock.now_ms()
    service.engine.corrections.exclude(
        Selector(slo="shop/web"), end_ms - 5 * TICK, end_ms, "ann", "a test"
    )
    service.settle()
    budget = service.engine.verdict("shop/web").budget
    assert budget.bad == 15
    assert service.series(BUDGET, "web") == budget.left_ratio
    assert service.series(SLI, "web", window="30d") == budget.sli_ratio
    assert service.series(BAD, "web") == 30
