"""A store, an engine and a sink for rules, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import CollectorRegistry

from collector.model.alert import Alert
from collector.model.clock import ManualClock
from collector.model.errors import UnavailableError
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.query.values import RawSeries
from collector.rules.file import parse_rules
from collector.rules.group import GroupRunner, Parts, RuleOptions
from collector.rules.self_metrics import RuleMetrics
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_040_000
"""A whole minute."""


@dataclass
class Sink:
    """Keeps what it is given, unless it is told to fail."""

    alerts: list[Alert] = field(default_factory=list)
    fails: bool = False

    def emit(self, alerts: Sequence[Alert]) -> None:
        if self.fails:
            raise UnavailableError("the disk is full")
        self.alerts.extend(alerts)


@dataclass
class World:
    """Everything that a group of rules works with."""

    store: Tsdb
    engine: Engine
    clock: ManualClock
    sink: Sink
    registry: CollectorRegistry
    parts: Parts

    def put(self, at_ms: int, **values: float) -> None:
        """One sample of each series `x{n=…}` at a time."""
        refs = self.store.refs("x", [Labels.of("x", n=name) for name in values])
        self.store.append_row("x", at_ms, refs, np.array(list(values.values())))

    def runner(self, text: str, *, restores: bool = False, **options: object) -> GroupRunner:
        """The first group of a rule file."""
        group = parse_rules(text, "rules.yml")[0]
        made = RuleOptions(**options)  # type: ignore[arg-type]
        return GroupRunner(group, made, self.parts, restores=restores)

    def evaluate(self, runner: GroupRunner, at_ms: int) -> None:
        """Evaluate at a time that the clock shows too."""
        self.clock.advance(at_ms - self.clock.now_ms())
        runner.evaluate(at_ms)

    def stored(self, query: str, at_ms: int) -> dict[Labels, dict[int, float]]:
        """Raw samples of a range selector."""
        answer = self.engine.instant(query, at_ms).value
        assert isinstance(answer, RawSeries)
        return {
            labels: dict(zip(times.tolist(), values.tolist(), strict=True))
            for labels, (times, values) in zip(answer.labels, answer.samples, strict=True)
        }

    def metric(self, name: str, **labels: str) -> float:
        """One of the ruler's own figures."""
        return self.registry.get_sample_value(f"tocsin_rule_{name}", labels) or 0.0


def world_on(store: Tsdb, clock: ManualClock) -> World:
    """All that rules need over a store."""
    registry, sink, engine = CollectorRegistry(), Sink(), Engine(store)
    parts = Parts(engine, store, store, sink, clock, RuleMetrics(registry))
    return World(store, engine, clock, sink, registry, parts)
