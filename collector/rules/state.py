"""What `/api/v1/rules`, `/api/v1/alerts` and the pages show of rules: frozen values, no behaviour.

A reader asks a `RuleStates` and gets a consistent picture; nothing here changes once made, so a
reader never waits for an evaluation. Names follow Prometheus's API; times are milliseconds since
1970, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from collector.model.labels import NO_LABELS, Labels

Health = Literal["unknown", "ok", "err"]
AlertState = Literal["inactive", "pending", "firing"]

NEVER_MS = 0
"""The time of an evaluation that has not been: Prometheus shows 0001-01-01T00:00:00Z for it."""


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """One alert of an alerting rule that is pending or firing.

    `labels` hold `alertname` and the rule's labels, without external labels; `value` is the
    expression's newest value. `keep_firing_since_ms` is when the condition stopped while
    `keep_firing_for` still holds the alert; None otherwise.
    """

    labels: Labels
    annotations: Mapping[str, str]
    state: Literal["pending", "firing"]
    active_at_ms: int
    value: float
    keep_firing_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the last evaluation of a rule went; `at_ms` is `NEVER_MS` before the first."""

    health: Health = "unknown"
    last_error: str = ""
    at_ms: int = NEVER_MS
    took_seconds: float = 0.0


NOT_EVALUATED = Evaluation()


@dataclass(frozen=True, slots=True)
class RecordingRuleState:
    """A recording rule: its series name, canonical expression and own labels."""

    name: str
    query: str
    labels: Labels = NO_LABELS
    evaluation: Evaluation = NOT_EVALUATED

    @property
    def type(self) -> Literal["recording"]:
        """Prometheus's word for the kind."""
        return "recording"


@dataclass(frozen=True, slots=True)
class AlertingRuleState:
    """An alerting rule with its active alerts, sorted by labels.

    `duration_seconds` is its `for`; labels and annotations are the templates as written.
    """

    name: str
    query: str
    duration_seconds: float
    keep_firing_for_seconds: float
    labels: Labels = NO_LABELS
    annotations: Mapping[str, str] = field(default_factory=dict)
    alerts: tuple[ActiveAlert, ...] = ()
    evaluation: Evaluation = NOT_EVALUATED

    @property
    def type(self) -> Literal["alerting"]:
        """Prometheus's word for the kind."""
        return "alerting"

    @property
    def state(self) -> AlertState:
        """The worst state of its alerts."""
        states = {alert.state for alert in self.alerts}
        if "firing" in states:
            return "firing"
        return "pending" if states else "inactive"


RuleState = RecordingRuleState | AlertingRuleState


@dataclass(frozen=True, slots=True)
class GroupState:
    """One group of one file, with its rules in the order of the file; `limit` 0 is none."""

    name: str
    file: str
    interval_seconds: float
    limit: int
    rules: tuple[RuleState, ...]
    last_evaluation_ms: int = NEVER_MS
    evaluation_seconds: float = 0.0


class RuleStates(Protocol):
    """Where the picture comes from; implemented by `collector.rules.ruler.Ruler`."""

    def groups(self) -> tuple[GroupState, ...]:
        """All groups, sorted by file and name. Safe to call from any thread; never waits."""
        ...


def active_alerts(groups: tuple[GroupState, ...]) -> tuple[ActiveAlert, ...]:
    """Every pending or firing alert, in the order of groups and rules (`/api/v1/alerts`)."""
    return tuple(
        alert
        for group in groups
        for rule in group.rules
        if isinstance(rule, AlertingRuleState)
        for alert in rule.alerts
    )
