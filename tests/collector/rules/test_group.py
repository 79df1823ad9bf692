from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.rules.state import AlertingRuleState, GroupState
from tests.oracles.rules_world import START_MS, World

MINUTE_MS = 60_000
KEY = "rules.yml;g"


def group(*rules: str, more: str = "") -> str:
    return "groups:\n- name: g\n" + more + "  rules:\n" + "".join(f"  - {{{r}}}\n" for r in rules)


def health(state: GroupState) -> list[tuple[str, str]]:
    return [(rule.evaluation.health, rule.evaluation.last_error) for rule in state.rules]


def test_rules_run_in_order_and_one_that_fails_leaves_the_others(world: World) -> None:
    runner = world.runner(
        group(
            "record: a, expr: sum(x)",
            "record: b, expr: 'x + on () x'",
            "record: c, expr: a * 2",
            "record: d, expr: '\"text\"'",
        )
    )
    world.put(START_MS, p=1.0, q=2.0)
    world.evaluate(runner, START_MS)
    assert world.stored('{__name__=~"[abcd]"}[1m]', START_MS) == {
        Labels.of("a"): {START_MS: 3.0},
        Labels.of("c"): {START_MS: 6.0},
    }
    found = health(runner.state)
    assert [one for one, _ in found] == ["ok", "err", "ok", "err"]
    assert "found duplicate series" in found[1][1]
    assert found[3][1] == "rule result is not a vector or scalar"
    assert world.metric("evaluations_total", rule_group=KEY) == 4
    assert world.metric("evaluation_failures_total", rule_group=KEY) == 2
    assert world.metric("group_last_evaluation_samples", rule_group=KEY) == 2
    assert runner.state.last_evaluation_ms == START_MS


def test_a_series_that_vanishes_ends_at_once(world: World) -> None:
    runner = world.runner(group("record: a, expr: 'x > 1'", "alert: A, expr: 'x > 1'"))
    for minute, values in enumerate(({"p": 5.0, "q": 5.0}, {"p": 5.0, "q": 0.0}, {"q": 5.0})):
        world.put(START_MS + minute * MINUTE_MS, **values)
        world.evaluate(runner, START_MS + minute * MINUTE_MS)
    at_ms = START_MS + MINUTE_MS
    assert world.engine.instant("a", at_ms).value.labels == [Labels.of("a", n="p")]
    assert len(world.engine.instant("ALERTS", at_ms).value.labels) == 1
    assert world.stored('a{n="q"}[5m]', at_ms + MINUTE_MS) == {
        Labels.of("a", n="q"): {START_MS: 5.0, at_ms + MINUTE_MS: 5.0}
    }


def test_a_limit_takes_nothing_of_the_rule_and_says_so(world: World) -> None:
    rules = group("record: a, expr: x", "alert: A, expr: x", more="  limit: 1\n")
    runner = world.runner(rules)
    world.put(START_MS, p=1.0, q=2.0)
    world.evaluate(runner, START_MS)
    assert health(runner.state) == [
        ("err", "exceeded limit of 1 with 2 series"),
        ("err", "exceeded limit of 1 with 2 alerts"),
    ]
    assert not world.stored('{__name__=~"a|ALERTS"}[1m]', START_MS)
    assert not world.sink.alerts


def test_an_offset_moves_the_query_and_what_is_written_but_not_the_alert(world: World) -> None:
    runner = world.runner(group("record: a, expr: x", "alert: A, expr: x"), query_offset_ms=30_000)
    world.put(START_MS, p=1.0)
    world.put(START_MS + 60_000, p=2.0)
    world.evaluate(runner, START_MS + 60_000)
    assert world.stored("a[5m]", START_MS + MINUTE_MS) == {
        Labels.of("a", n="p"): {START_MS + 30_000: 1.0}
    }
    assert world.sink.alerts[0].starts_at_ms == START_MS + 60_000


def test_alerts_leave_with_external_labels_a_link_and_a_lease(world: World) -> None:
    rules = group("alert: A, expr: x > 0, labels: {site: own}, annotations: {v: '{{ $value }}'}")
    runner = world.runner(
        rules, external_labels={"site": "outer", "region": "eu"}, external_url="http://t.example/"
    )
    world.put(START_MS, p=2.5)
    world.evaluate(runner, START_MS)
    (alert,) = world.sink.alerts
    assert alert.labels == Labels({"alertname": "A", "n": "p", "site": "own", "region": "eu"})
    assert alert.annotations == {"v": "2.5"}
    assert alert.generator_url == "http://t.example/graph?g0.expr=x+%3E+0&g0.tab=1"
    assert (alert.starts_at_ms, alert.ends_at_ms) == (START_MS, START_MS + 4 * MINUTE_MS)
    world.put(START_MS + MINUTE_MS, p=-1.0)
    world.evaluate(runner, START_MS + MINUTE_MS)
    assert world.sink.alerts[-1].ends_at_ms == START_MS + MINUTE_MS
    shown = runner.state.rules[0]
    assert isinstance(shown, AlertingRuleState)
    assert shown.state == "inactive"


def test_what_the_sink_does_not_take_is_told_at_the_next_evaluation(world: World) -> None:
    runner = world.runner(group("alert: A, expr: x"))
    world.put(START_MS, p=1.0)
    world.sink.fails = True
    world.evaluate(runner, START_MS)
    world.sink.fails = False
    world.evaluate(runner, START_MS + 1000)
    assert [alert.starts_at_ms for alert in world.sink.alerts] == [START_MS]
    assert health(runner.state) == [("ok", "")]


def test_a_template_that_fails_does_not_stop_the_alert(world: World) -> None:
    runner = world.runner(
        group("alert: A, expr: x, annotations: {bad: '{{ first (query \"none\") }}', good: ok}")
    )
    world.put(START_MS, p=1.0)
    world.evaluate(runner, START_MS)
    (alert,) = world.sink.alerts
    assert alert.annotations["good"] == "ok"
    assert alert.annotations["bad"].startswith("<error expanding template: ")


def test_pending_goes_on_after_a_restart(open_world: Callable[[], Any]) -> None:
    rules = group("alert: A, expr: x, for: 30m, labels: {of: '{{ $labels.n }}'}")
    world = open_world()
    runner = world.runner(rules)
    for minute in range(11):
        world.put(START_MS + minute * MINUTE_MS, p=1.0)
        world.evaluate(runner, START_MS + minute * MINUTE_MS)
    world = open_world()
    runner = world.runner(rules, restores=True)
    for minute in range(15, 17):  # down for five minutes; two evaluations until it is read back
        world.put(START_MS + minute * MINUTE_MS, p=1.0)
        world.evaluate(runner, START_MS + minute * MINUTE_MS)
    (alert,) = runner.state.rules[0].alerts
    assert alert.active_at_ms == START_MS + 6 * MINUTE_MS, "the outage does not count"
    for minute in range(17, 37):
        world.put(START_MS + minute * MINUTE_MS, p=1.0)
        world.evaluate(runner, START_MS + minute * MINUTE_MS)
    (alert,) = runner.state.rules[0].alerts
    assert alert.state == "firing"
    assert world.sink.alerts[0].starts_at_ms == START_MS + 36 * MINUTE_MS


def test_native_histograms_are_recorded_as_such(world: World) -> None:
    runner = world.runner(group("record: a, expr: h * 2", "alert: A, expr: h"))
    histogram = NativeHistogram(0, 3.0, 4.5, positive=((1, 1.0), (2, 2.0)))
    cells = columns(Labels.of("h"), histogram)
    refs = world.store.refs("h", [labels for labels, _ in cells])
    world.store.append_row("h", START_MS, refs, np.array([value for _, value in cells]))
    world.evaluate(runner, START_MS)
    answer = world.engine.instant("a", START_MS).value
    assert answer.histograms[0].equals(histogram.times(2.0))
    (alert,) = runner.state.rules[1].alerts
    assert alert.value == 0.0
