"""What an SLO knows (burn rate, budget left, links), told among an alert's annotations.

Names that the alert uses itself stay its own, so Alertmanager's format holds and its readers see
the figures.
"""

from __future__ import annotations

from dataclasses import replace

from alerts.notification import Notification
from collector.model.alert import Alert

TOLD_EVIDENCE = (
    "slo", "service", "objective", "sli", "burn_rate", "budget_left_ratio",
    "exhausted_in_seconds", "dashboard_url", "runbook_url",
)  # fmt: skip


def with_evidence(notification: Notification) -> Notification:
    """The notification with the evidence of each alert among its annotations."""
    return replace(notification, alerts=tuple(map(_told, notification.alerts)))


def _told(alert: Alert) -> Alert:
    told = {
        name: str(value)
        for name in TOLD_EVIDENCE
        if isinstance(value := alert.evidence.get(name), str | int | float) and value != ""
    }
    return replace(alert, annotations={**told, **alert.annotations})
