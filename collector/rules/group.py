"""`GroupRunner`: one group's rules, one after another, at one time; one that fails spoils no other.

Follows rules/group.go of Prometheus 3: results are written at the evaluation's time less the query
offset, series that vanish end with a stale marker, alerts go to the sink as soon as their rule has
been evaluated. Not safe for two evaluations at once: the lock makes the second wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from collector.model.alert import Alert, AlertSink
from collector.model.clock import Clock
from collector.model.errors import TocsinError
from collector.model.labels import Labels
from collector.query.interface import QueryEngine
from collector.rules.alerting import (
    TrackedAlert,
    alert_series,
    check_limit,
    due,
    found_alerts,
    sent,
    step,
)
from collector.rules.expand import Expander, template_value
from collector.rules.output import Output, Written
from collector.rules.recording import recorded
from collector.rules.restore import remembered, restored
from collector.rules.rule import AlertingRule, RecordingRule, Rule, RuleGroup
from collector.rules.self_metrics import RuleMetrics
from collector.rules.state import (
    NOT_EVALUATED,
    AlertingRuleState,
    Evaluation,
    GroupState,
    RecordingRuleState,
    RuleState,
)
from collector.rules.template_functions import QueryResult, Surroundings
from collector.rules.vector import Series, evaluate
from collector.store.interface import Appender, Querier

log = logging.getLogger(__name__)

EVALUATIONS_BEFORE_RESTORE = 2
"""The first may come before the first scrape: what it finds says little."""


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """What all groups share; times in milliseconds.

    `resend_delay_ms`: how often a firing alert is told again. `external_labels` go onto every alert
    that leaves, `external_url` into its link.
    """

    interval_ms: int = 60_000
    query_offset_ms: int = 0
    resend_delay_ms: int = 60_000
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a group works with."""

    engine: QueryEngine
    querier: Querier
    appender: Appender
    sink: AlertSink
    clock: Clock
    metrics: RuleMetrics


@dataclass(slots=True)
class RuleMemory:
    """What a rule knows of its former evaluations."""

    rule: Rule
    written: Written = ()
    alerts: dict[Labels, TrackedAlert] = field(default_factory=dict)
    evaluation: Evaluation = NOT_EVALUATED

    @property
    def key(self) -> tuple[str, str, Labels]:
        """What makes a rule the same after a reload: its kind, name and labels."""
        return type(self.rule).__name__, self.rule.name, Labels(self.rule.labels)


class GroupRunner:
    """Evaluates a group; `state` is a picture that any thread may read."""

    def __init__(
        self, group: RuleGroup, options: RuleOptions, parts: Parts, *, restores: bool = False
    ) -> None:
        """`restores`: read back, after two evaluations, how long alerts had been pending."""
        self.group = group
        self.options = options
        self.interval_ms = group.interval_ms or options.interval_ms
        self._offset_ms = (
            options.query_offset_ms if group.query_offset_ms is None else group.query_offset_ms
        )
        self._parts = parts
        self._until_restore = EVALUATIONS_BEFORE_RESTORE if restores else 0
        self._memories = [RuleMemory(rule) for rule in group.rules]
        self._orphans: Written = ()
        self._output = Output(parts.appender, f"tocsin/rules/{group.key}")
        self._lock = threading.Lock()
        self._closed = False
        self._last_ms = 0
        self._last_seconds = 0.0
        self.state = self._picture()
        parts.metrics.interval_seconds.labels(group.key).set(self.interval_ms / 1000)
        parts.metrics.rules.labels(group.key).set(len(group.rules))

    # -- evaluation -------------------------------------------------------------------------------

    def evaluate(self, at_ms: int) -> None:
        """All rules in order at one time. Does nothing once closed."""
        with self._lock:
            if not self._closed:
                self._evaluate(at_ms)

    def _evaluate(self, at_ms: int) -> None:
        metrics, key = self._parts.metrics, self.group.key
        started = self._parts.clock.monotonic_seconds()
        samples = 0
        for memory in self._memories:
            samples += self._evaluate_rule(memory, at_ms)
        self._end_orphans(at_ms)
        if self._until_restore:
            self._until_restore -= 1
            if not self._until_restore:
                self._restore()
        self._last_ms = at_ms
        self._last_seconds = self._parts.clock.monotonic_seconds() - started
        self.state = self._picture()
        metrics.iterations.labels(key).inc()
        metrics.group_seconds.observe(self._last_seconds)
        metrics.last_seconds.labels(key).set(self._last_seconds)
        metrics.last_timestamp.labels(key).set(at_ms / 1000)
        metrics.last_samples.labels(key).set(samples)

    def _evaluate_rule(self, memory: RuleMemory, at_ms: int) -> int:
        """Samples that the rule made; its health is in the memory."""
        metrics, key = self._parts.metrics, self.group.key
        started = self._parts.clock.monotonic_seconds()
        made, failure = 0, ""
        try:
            made = self._run(memory, at_ms)
        except TocsinError as error:
            failure = error.message
            log.warning("rule %s of %s: %s", memory.rule.name, key, error)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            log.exception("rule %s of %s", memory.rule.name, key)
        took = self._parts.clock.monotonic_seconds() - started
        memory.evaluation = Evaluation("err" if failure else "ok", failure, at_ms, took)
        metrics.evaluations.labels(key).inc()
        metrics.failures.labels(key).inc(bool(failure))
        metrics.evaluation_seconds.observe(took)
        return made

    def _run(self, memory: RuleMemory, at_ms: int) -> int:
        rule = memory.rule
        query_ms = at_ms - self._offset_ms
        found = evaluate(self._parts.engine, rule.expr, query_ms)
        if isinstance(rule, RecordingRule):
            series = recorded(rule, found, self.group.limit)
        else:
            series = self._alert(rule, memory, found, at_ms)
        memory.written, refused = self._output.write(series, memory.written, query_ms)
        self._parts.metrics.refused.labels(self.group.key).inc(refused)
        return len(series)

    def _alert(
        self, rule: AlertingRule, memory: RuleMemory, found: Sequence[Series], at_ms: int
    ) -> list[Series]:
        expander = Expander(rule, self._surroundings(at_ms))
        alerts = step(rule, memory.alerts, found_alerts(rule, found, expander, at_ms), at_ms)
        memory.alerts = {}
        check_limit(alerts, self.group.limit)
        memory.alerts = alerts
        self._tell(rule, memory, at_ms)
        return [] if self._until_restore else alert_series(rule, memory.alerts)

    def _surroundings(self, at_ms: int) -> Surroundings:
        engine = self._parts.engine

        def query(expr: str) -> list[QueryResult]:
            return [
                QueryResult(one.labels, template_value(one.value))
                for one in evaluate(engine, expr, at_ms)
            ]

        options = self.options
        return Surroundings(query, at_ms, options.external_labels, options.external_url)

    # -- alerts -----------------------------------------------------------------------------------

    def _tell(self, rule: AlertingRule, memory: RuleMemory, at_ms: int) -> None:
        """Give the sink what is due; what it does not take is due again next time."""
        told = due(memory.alerts, at_ms, self.options.resend_delay_ms)
        if not told:
            return
        period_ms = max(self.options.resend_delay_ms, self.interval_ms)
        marked = sent(memory.alerts, told, at_ms, period_ms)
        try:
            self._parts.sink.emit([self._outgoing(rule, marked[one.labels]) for one in told])
        except TocsinError as error:
            log.error("alerts of %s were not taken, they are sent again: %s", rule.name, error)
        else:
            memory.alerts = marked

    def _outgoing(self, rule: AlertingRule, alert: TrackedAlert) -> Alert:
        external = self.options.external_labels
        url = self.options.external_url.rstrip("/")
        resolved = alert.state == "inactive"
        return Alert(
            labels=Labels({**external, **alert.labels}),
            annotations=alert.annotations,
            starts_at_ms=alert.fired_at_ms,
            ends_at_ms=alert.resolved_at_ms if resolved else alert.valid_until_ms,
            generator_url=f"{url}/graph?g0.expr={quote_plus(rule.query)}&g0.tab=1",
            evidence={"query": rule.query, "value": alert.value},
        )

    def _restore(self) -> None:
        started = self._parts.clock.monotonic_seconds()
        now_ms = self._parts.clock.now_ms()
        for memory in self._memories:
            if isinstance(memory.rule, AlertingRule) and memory.alerts:
                try:
                    known = remembered(self._parts.querier, memory.rule, now_ms)
                except TocsinError as error:
                    log.error("the state of %s was not restored: %s", memory.rule.name, error)
                    continue
                memory.alerts = restored(memory.rule, memory.alerts, known, now_ms)
        took = self._parts.clock.monotonic_seconds() - started
        self._parts.metrics.restore_seconds.labels(self.group.key).set(took)

    # -- reload -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Evaluate no more; waits for an evaluation that runs."""
        with self._lock:
            self._closed = True

    def inherit(self, old: GroupRunner) -> None:
        """Take over the state of a group of the same name that was closed.

        A rule goes on where one of the same name and labels was; what the others wrote ends.
        """
        waiting: dict[object, list[RuleMemory]] = {}
        for memory in old._memories:
            waiting.setdefault(memory.key, []).append(memory)
        for memory in self._memories:
            if same := waiting.get(memory.key):
                former = same.pop(0)
                memory.written, memory.alerts = former.written, former.alerts
                memory.evaluation = former.evaluation
        left = [memory for one in waiting.values() for memory in one]
        self._orphans = old._orphans + tuple(labels for memory in left for labels in memory.written)
        self._until_restore = old._until_restore
        self._last_ms, self._last_seconds = old._last_ms, old._last_seconds
        self.state = self._picture()

    def end(self, at_ms: int) -> None:
        """The group is gone for good: end every series that it wrote."""
        for memory in self._memories:
            self._orphans += memory.written
            memory.written = ()
        self._end_orphans(at_ms)

    def _end_orphans(self, at_ms: int) -> None:
        if not self._orphans:
            return
        kept = {labels for memory in self._memories for labels in memory.written}
        gone = tuple(labels for labels in self._orphans if labels not in kept)
        try:
            self._output.write((), gone, at_ms - self._offset_ms)
        except TocsinError as error:
            log.error("series of rules that are gone were not ended: %s", error)
        self._orphans = ()

    # -- pictures ---------------------------------------------------------------------------------

    def _picture(self) -> GroupState:
        return GroupState(
            name=self.group.name,
            file=self.group.file,
            interval_seconds=self.interval_ms / 1000,
            limit=self.group.limit,
            rules=tuple(map(_rule_picture, self._memories)),
            last_evaluation_ms=self._last_ms,
            evaluation_seconds=self._last_seconds,
        )


def _rule_picture(memory: RuleMemory) -> RuleState:
    rule = memory.rule
    if isinstance(rule, RecordingRule):
        return RecordingRuleState(rule.name, rule.query, Labels(rule.labels), memory.evaluation)
    active = [alert.shown() for alert in memory.alerts.values() if alert.state != "inactive"]
    return AlertingRuleState(
        name=rule.name,
        query=rule.query,
        duration_seconds=rule.for_ms / 1000,
        keep_firing_for_seconds=rule.keep_firing_for_ms / 1000,
        labels=Labels(rule.labels),
        annotations=rule.annotations,
        alerts=tuple(sorted(active, key=lambda alert: alert.labels)),
        evaluation=memory.evaluation,
    )
