from __future__ import annotations

import threading
from collections.abc import Callable

from collector.model.errors import EvaluationError
from collector.model.labels import Labels
from collector.query.values import Answer
from collector.rules import schedule
from collector.rules.file import parse_rules
from collector.rules.group import Parts, RuleOptions
from collector.rules.rule import RuleGroup
from collector.rules.ruler import Ruler
from collector.rules.state import active_alerts
from tests.oracles.rules_world import START_MS, World

MINUTE_MS = 60_000
RULES = """
groups:
- name: first
  rules:
  - {record: a, expr: x}
  - {record: b, expr: x}
  - {alert: A, expr: x, for: 5m}
- name: second
  interval: 10s
  rules:
  - {record: c, expr: x}
"""


def groups(text: str = RULES) -> list[RuleGroup]:
    return parse_rules(text, "rules.yml")


def due_ms(name: str, after_ms: int, interval_ms: int = MINUTE_MS) -> int:
    shift = schedule.offset_ms("rules.yml", name, interval_ms)
    return schedule.next_ms(after_ms, interval_ms, shift)


def test_groups_are_shown_before_they_are_evaluated(world: World) -> None:
    ruler = Ruler(groups(), RuleOptions(), world.parts)
    shown = ruler.groups()
    assert [(one.name, one.interval_seconds) for one in shown] == [("first", 60), ("second", 10)]
    assert [one.evaluation.health for one in shown[0].rules] == ["unknown"] * 3
    assert world.metric("group_rules", rule_group="rules.yml;first") == 3
    ruler.stop()


def test_a_reload_keeps_the_state_of_what_stays_and_ends_what_goes(world: World) -> None:
    ruler = Ruler(groups(), RuleOptions(), world.parts)
    world.put(START_MS, p=1.0)
    ruler.evaluate(START_MS)
    ruler.evaluate(START_MS)  # two evaluations: what was is read back
    world.clock.advance(MINUTE_MS)
    changed = groups(RULES.replace("{record: a, expr: x}", "{record: d, expr: x}"))[:1]
    ruler.apply(changed, RuleOptions())
    world.put(START_MS + MINUTE_MS, p=1.0)
    ruler.evaluate(START_MS + MINUTE_MS)
    (alert,) = active_alerts(ruler.groups())
    assert alert.active_at_ms == START_MS
    at_ms = START_MS + MINUTE_MS
    present = {name for name in "abcd" if len(world.engine.instant(name, at_ms).value.labels)}
    assert present == {"b", "d"}, "a and the group of c are gone, so their series have ended"
    assert [one.name for one in ruler.groups()] == ["first"]
    assert world.registry.get_sample_value(
        "tocsin_rule_group_rules", {"rule_group": "rules.yml;second"}
    ) is None  # fmt: skip
    ruler.stop()


def test_a_group_that_did_not_change_goes_on_untouched(world: World) -> None:
    ruler = Ruler(groups(), RuleOptions(), world.parts)
    world.put(START_MS, p=1.0)
    ruler.evaluate(START_MS)
    before = ruler.groups()
    ruler.apply(groups(), RuleOptions())
    assert all(now is then for now, then in zip(ruler.groups(), before, strict=True))
    ruler.apply(groups(), RuleOptions(interval_ms=30_000))
    assert ruler.groups()[0].interval_seconds == 30
    assert ruler.groups()[0].last_evaluation_ms == START_MS
    ruler.stop()


class SlowEngine:
    """Answers when it is allowed to; the expression `slow` waits."""

    def __init__(self, inner: World) -> None:
        self._inner = inner.engine
        self.may_go = threading.Event()
        self.asked = threading.Event()

    def instant(self, query: str, at_ms: int) -> Answer:
        if query == "slow":
            self.asked.set()
            if not self.may_go.wait(30):
                raise EvaluationError("was never let go")
        return self._inner.instant(query, at_ms)


SLOW = """
groups:
- {name: slow, rules: [{record: a, expr: slow}]}
- {name: quick, rules: [{record: b, expr: vector(1)}]}
"""


def test_a_slow_group_delays_no_other_and_misses_its_own(
    world: World, eventually: Callable[..., object]
) -> None:
    engine = SlowEngine(world)
    parts = Parts(
        engine,  # type: ignore[arg-type]
        world.store,
        world.store,
        world.sink,
        world.clock,
        world.parts.metrics,
    )
    ruler = Ruler(groups(SLOW), RuleOptions(), parts)
    for minute in range(1, 4):
        ruler.begin_due(START_MS + minute * MINUTE_MS)
        expected = due_ms("quick", START_MS + (minute - 1) * MINUTE_MS)
        eventually(
            lambda at_ms=expected: world.stored("b[10m]", at_ms).get(Labels.of("b"), {}).get(at_ms),
            what="the quick group was evaluated",
        )
    assert engine.asked.is_set()
    assert world.metric("group_iterations_missed_total", rule_group="rules.yml;slow") == 2
    assert world.metric("group_iterations_missed_total", rule_group="rules.yml;quick") == 0
    engine.may_go.set()
    ruler.stop()
    assert world.metric("group_iterations_total", rule_group="rules.yml;slow") == 1
    assert world.metric("group_iterations_total", rule_group="rules.yml;quick") == 3


def test_a_clock_that_is_set_back_does_not_stop_evaluations(
    world: World, eventually: Callable[..., object]
) -> None:
    ruler = Ruler(groups(SLOW)[1:], RuleOptions(), world.parts)
    now_ms = START_MS - 60 * MINUTE_MS
    ruler.begin_due(now_ms)
    ruler.begin_due(now_ms + MINUTE_MS)
    expected = due_ms("quick", now_ms)
    eventually(lambda: ruler.groups()[0].last_evaluation_ms == expected, what="an evaluation")
    ruler.stop()


def test_a_clock_that_is_set_forward_is_one_evaluation_and_many_missed(
    world: World, eventually: Callable[..., object]
) -> None:
    ruler = Ruler(groups(SLOW)[1:], RuleOptions(), world.parts)
    now_ms = START_MS + 60 * MINUTE_MS
    ruler.begin_due(now_ms)
    expected = due_ms("quick", now_ms) - MINUTE_MS
    eventually(lambda: ruler.groups()[0].last_evaluation_ms == expected, what="an evaluation")
    assert world.metric("group_iterations_total", rule_group="rules.yml;quick") == 1
    assert world.metric("group_iterations_missed_total", rule_group="rules.yml;quick") == 59
    ruler.stop()


def test_the_timekeeper_begins_what_is_due(world: World, eventually: Callable[..., object]) -> None:
    ruler = Ruler(groups(SLOW)[1:], RuleOptions(), world.parts)
    ruler.start()
    world.clock.advance(MINUTE_MS)
    eventually(
        lambda: ruler.groups()[0].last_evaluation_ms, what="the clock reached the group's time"
    )
    assert ruler.groups()[0].last_evaluation_ms == due_ms("quick", START_MS)
    ruler.stop()
