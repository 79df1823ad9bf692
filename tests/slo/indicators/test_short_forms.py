"""Each indicator has a short form, and judges good and bad as it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import ConfigError
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.store.tsdb import Tsdb
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.objective import SampledIndicator
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of

NOW = 1_700_000_040_000
TICK = 15_000
SECONDS = NOW // 1000


class Deaf:
    def emit(self, alerts) -> None:
        pass


def spec(indicator: str) -> str:
    return f"version: tocsin/v1\nservice: shop\nobjective: 99%\nwindow: 7d\n{indicator}\n"


# what a series is at second s of ten minutes, and how many of its looks (each minute) are bad
FORMS = {
    "available: 'up{job=\"shop\"}'": ("up", lambda s: float(s < 300), 6),
    "available: {query: probe_success, every: 30s}": (
        "probe_success",
        lambda s: float(s < 300),
        11,
    ),
    "fresh: {timestamp: backup_time_seconds, within: 2m}": (
        "backup_time_seconds",
        lambda s: SECONDS + min(s, 300),
        3,
    ),
    "throughput: {counter: orders_total, at_least_per_second: 2, over: 1m}": (
        "orders_total",
        lambda s: 3.0 * min(s, 300),
        5,
    ),
    'saturation: {gauge: disk_used_ratio, good_when: "< 0.8"}': (
        "disk_used_ratio",
        lambda s: s / 600,
        3,
    ),
    'saturation: {gauge: threads_free, good_when: ">= 100"}': (
        "threads_free",
        lambda s: 600.0 - s,
        2,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_short_form_counts_its_bad_looks(form: str, tmp_path: Path) -> None:
    name, value, bad = FORMS[form]
    clock = ManualClock(NOW)
    store = Tsdb.open(tmp_path / "store", clock)
    (objective,) = objectives_of(spec(form), "slo.yaml")
    assert isinstance(objective.indicator, SampledIndicator)
    engine = SloEngine(
        [objective],
        store,
        store,
        Deaf(),
        clock,
        tmp_path / "slo",
        SloConfig(),
        SloMetrics(CollectorRegistry()),
        Engine(store),
    )
    refs = store.refs("shop", [Labels.of(name, job="shop")])
    for second in range(0, 601, 15):
        store.append_row("shop", clock.now_ms(), refs, np.array([value(second)]))
        engine.tick(clock.now_ms())
        clock.advance(TICK)
    (verdict,) = engine.verdicts()
    assert verdict.budget.bad == bad
    assert verdict.budget.total >= 9
    engine.close()
    store.close()


def test_a_form_names_its_slo() -> None:
    names = [objectives_of(spec(form), "s")[0].name for form in FORMS]
    assert set(names) == {"availability", "freshness", "throughput", "saturation"}


WRONG = {
    "fresh: {timestamp: a, within: 0s}": "nothing is fresher than now",
    "throughput: {counter: 'a{', at_least_per_second: 2}": "not PromQL",
    'saturation: {gauge: a, good_when: "much"}': "a comparison is expected",
    "spans: {where: {name: pay}}": "no record is ever bad",
    "logs: {bad: {severity: '>= terrible'}}": "no such severity",
    "logs: {bad: {body: x}, slower_than: 1s}": "no such field",
    "spans: {bad: {name: '=~('}}": "not a valid regular expression",
    "spans: {bad: {name: a}}\nlogs: {bad: {body: a}}": "an SLO has one indicator",
}


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_form_is_refused_with_its_line(form: str) -> None:
    with pytest.raises(ConfigError, match=WRONG[form]) as caught:
        objectives_of(spec(form), "slo.yaml")
    assert caught.value.where.line > 0
