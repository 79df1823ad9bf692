"""An alerting rule's step: pending -> firing -> resolved, as a pure function of what was found.

Follows rules/alerting.go of Prometheus 3: an alert is known by its labels, fires once its condition
has held for `for`, keeps firing for `keep_firing_for` after it, and is remembered as resolved for
15 minutes so that the news of it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels
from collector.rules.expand import Expander
from collector.rules.rule import ALERT_NAME, AlertingRule
from collector.rules.state import ActiveAlert
from collector.rules.vector import Series, limit_error

RESOLVED_RETENTION_MS = 15 * 60 * 1000
"""How long a resolved alert is remembered (rules/alerting.go, resolvedRetention)."""
ALERTS, ALERTS_FOR_STATE = "ALERTS", "ALERTS_FOR_STATE"
LEASE_FACTOR = 4
"""A firing alert holds for four sendings: two evaluations and two sendings may fail."""


@dataclass(frozen=True, slots=True)
class TrackedAlert:
    """One alert over time; -1 is a time that has not come."""

    labels: Labels
    annotations: Mapping[str, str] = field(default_factory=dict)
    value: float = 0.0
    state: Literal["pending", "firing", "inactive"] = "pending"
    active_at_ms: int = -1
    fired_at_ms: int = -1
    resolved_at_ms: int = -1
    keep_firing_since_ms: int = -1
    last_sent_ms: int = -1
    valid_until_ms: int = -1

    def shown(self) -> ActiveAlert:
        """What a reader sees of a pending or firing alert."""
        return ActiveAlert(
            labels=self.labels,
            annotations=self.annotations,
            state="firing" if self.state == "firing" else "pending",
            active_at_ms=self.active_at_ms,
            value=self.value,
            keep_firing_since_ms=(
                self.keep_firing_since_ms if self.keep_firing_since_ms >= 0 else None
            ),
        )


Tracked = Mapping[Labels, TrackedAlert]


def found_alerts(
    rule: AlertingRule, series: Iterable[Series], expander: Expander, now_ms: int
) -> dict[Labels, TrackedAlert]:
    """The alerts whose condition holds now, by labels, all pending.

    Raises EvaluationError when two series make the same alert.
    """
    found: dict[Labels, TrackedAlert] = {}
    for one in series:
        labels = expander.labels(one.labels, one.value)
        if labels in found:
            raise EvaluationError(
                "vector contains metrics with the same labelset after applying alert labels",
                advice=f"let the labels of {rule.name} tell the series apart",
            )
        annotations = expander.annotations(one.labels, one.value)
        found[labels] = TrackedAlert(labels, annotations, one.number, active_at_ms=now_ms)
    return found


def step(
    rule: AlertingRule, known: Tracked, found: Tracked, now_ms: int
) -> dict[Labels, TrackedAlert]:
    """The rule's alerts after an evaluation at `now_ms`; resolved ones are kept for a while."""
    after: dict[Labels, TrackedAlert] = {}
    for labels, alert in known.items():
        if labels not in found:
            kept = _absent(rule, alert, now_ms)
            if kept is not None:
                after[labels] = kept
    for labels, fresh in found.items():
        before = known.get(labels)
        if before is None or before.state == "inactive":
            alert = fresh
        else:
            alert = replace(
                before,
                active_at_ms=min(before.active_at_ms, now_ms),  # the clock may have been ahead
                value=fresh.value,
                annotations=fresh.annotations,
                keep_firing_since_ms=-1,
            )
        after[labels] = _fired(rule, alert, now_ms)
    return after


def _fired(rule: AlertingRule, alert: TrackedAlert, now_ms: int) -> TrackedAlert:
    if alert.state == "pending" and now_ms - alert.active_at_ms >= rule.for_ms:
        return replace(alert, state="firing", fired_at_ms=now_ms)
    return alert


def _absent(rule: AlertingRule, alert: TrackedAlert, now_ms: int) -> TrackedAlert | None:
    """What becomes of an alert whose condition does not hold; None: it is forgotten."""
    if alert.state == "firing" and rule.keep_firing_for_ms:
        since_ms = alert.keep_firing_since_ms if alert.keep_firing_since_ms >= 0 else now_ms
        since_ms = min(since_ms, now_ms)
        if now_ms - since_ms < rule.keep_firing_for_ms:
            return replace(alert, keep_firing_since_ms=since_ms)
    if alert.state == "firing":
        return replace(alert, state="inactive", resolved_at_ms=now_ms, keep_firing_since_ms=-1)
    forgotten = now_ms - alert.resolved_at_ms > RESOLVED_RETENTION_MS
    return None if alert.state == "pending" or forgotten else alert


def check_limit(alerts: Tracked, limit: int) -> None:
    """Raises EvaluationError when more than `limit` alerts are active; 0 is no limit."""
    active = sum(alert.state != "inactive" for alert in alerts.values())
    if limit and active > limit:
        raise limit_error(limit, active, "alerts")


def alert_series(rule: AlertingRule, alerts: Tracked) -> list[Series]:
    """`ALERTS` and `ALERTS_FOR_STATE` of the active alerts."""
    made = []
    for alert in alerts.values():
        if alert.state == "inactive":
            continue
        base = Labels({**rule.labels, **alert.labels, ALERT_NAME: rule.name})
        state = {METRIC_NAME: ALERTS, "alertstate": alert.state}
        made.append(Series(base.merged(state), 1.0))
        since = float(alert.active_at_ms // 1000)
        made.append(Series(base.merged({METRIC_NAME: ALERTS_FOR_STATE}), since))
    return made


def due(alerts: Tracked, now_ms: int, resend_delay_ms: int) -> list[TrackedAlert]:
    """The alerts that have to be told now: firing ones again and again, resolved ones once."""
    return [alert for alert in alerts.values() if _needs_sending(alert, now_ms, resend_delay_ms)]


def _needs_sending(alert: TrackedAlert, now_ms: int, resend_delay_ms: int) -> bool:
    if alert.state == "pending":
        return False
    if alert.state == "inactive":
        return alert.resolved_at_ms > alert.last_sent_ms
    return alert.last_sent_ms < 0 or alert.last_sent_ms + resend_delay_ms < now_ms


def sent(
    alerts: Tracked, told: Sequence[TrackedAlert], now_ms: int, period_ms: int
) -> dict[Labels, TrackedAlert]:
    """The alerts with those that were told marked; `period_ms` is the longer of delay, interval."""
    until_ms = now_ms + LEASE_FACTOR * period_ms
    marked = {
        one.labels: replace(one, last_sent_ms=now_ms, valid_until_ms=until_ms) for one in told
    }
    return {**alerts, **marked}
