"""`for` over a restart: how long an alert had been pending is read back from ALERTS_FOR_STATE.

The time that nobody evaluated does not count as pending, and an alert that would fire at once gets
a grace period (rules/group.go, RestoreForState). Decision and reading are apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.samples import is_missing, is_stale
from collector.rules.alerting import ALERTS_FOR_STATE, TrackedAlert
from collector.rules.rule import ALERT_NAME, AlertingRule
from collector.store.interface import Querier

OUTAGE_TOLERANCE_MS = 60 * 60 * 1000
"""A longer outage starts `for` anew (Prometheus's --rules.alert.for-outage-tolerance)."""
GRACE_PERIOD_MS = 10 * 60 * 1000
"""The least time between a restart and an alert that was pending (…for-grace-period)."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The newest sample of an alert's ALERTS_FOR_STATE: when it was written, and what it says."""

    at_ms: int
    active_at_ms: int


def remembered(querier: Querier, rule: AlertingRule, now_ms: int) -> dict[Labels, Remembered]:
    """What the store knows of a rule's alerts, by the alert's labels, within the tolerance."""
    wanted = {**rule.static_labels, ALERT_NAME: rule.name, METRIC_NAME: ALERTS_FOR_STATE}
    matchers = [Matcher("=", name, text) for name, text in wanted.items()]
    found: dict[Labels, Remembered] = {}
    for part in querier.select(matchers, now_ms - OUTAGE_TOLERANCE_MS - 1, now_ms):
        there = ~is_missing(part.values)
        for row, labels in enumerate(part.labels):
            column = int(np.flatnonzero(there[row])[-1])
            value = part.values[row, column]
            if is_stale(part.values[row, column : column + 1])[0] or not math.isfinite(value):
                continue  # the alert was not active when it was last seen
            at_ms = int(part.timestamps_ms[column])
            found[labels.without(METRIC_NAME)] = Remembered(at_ms, int(value) * 1000)
    return found


def restored(
    rule: AlertingRule,
    alerts: Mapping[Labels, TrackedAlert],
    known: Mapping[Labels, Remembered],
    now_ms: int,
) -> dict[Labels, TrackedAlert]:
    """The alerts with the beginnings that they had before the restart."""
    if rule.for_ms < GRACE_PERIOD_MS:
        return dict(alerts)  # waiting for `for` anew is shorter than the grace period
    return {
        labels: replace(alert, active_at_ms=_active_at_ms(rule, known[labels], now_ms))
        if labels in known and alert.state != "inactive"
        else alert
        for labels, alert in alerts.items()
    }


def _active_at_ms(rule: AlertingRule, was: Remembered, now_ms: int) -> int:
    left_ms = rule.for_ms - (was.at_ms - was.active_at_ms)
    if left_ms <= 0:
        return was.active_at_ms  # it was firing
    if left_ms < GRACE_PERIOD_MS:
        return now_ms + GRACE_PERIOD_MS - rule.for_ms
    return was.active_at_ms + (now_ms - was.at_ms)
