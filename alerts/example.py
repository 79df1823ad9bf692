"""Notifications for example: what a message looks like before anything has happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alerts.notification import Notification, Reason
from collector.model.alert import Alert
from collector.model.labels import Labels

FOR_MS = 6 * 60_000
"""How long the examples have been firing."""
GROUPED_BY = ("alertname", "service")


def example_alerts(now_ms: int) -> tuple[Alert, ...]:
    """An SLO that burns, and a plain alert as Prometheus sends it."""
    start_ms = now_ms - FOR_MS
    return (
        Alert(
            Labels({"alertname": "BudgetBurn", "severity": "page", "service": "checkout"}),
            {
                "summary": "The error budget of checkout burns 14.4 times too fast",
                "description": "288 of 10,000 requests failed in the last hour.",
                "runbook_url": "https://runbooks.example.org/checkout",
            },
            start_ms,
            generator_url="https://tocsin.example.org/slos/checkout-availability",
            evidence={
                "slo": "checkout-availability",
                "service": "checkout",
                "objective": 0.999,
                "sli": 0.9712,
                "burn_rate": 14.4,
                "budget_left_ratio": 0.42,
                "exhausted_in_seconds": 6720,
                "bad": 288,
                "total": 10_000,
                "window": "28d",
            },
        ),
        Alert(
            Labels(
                {
                    "alertname": "DiskFull",
                    "severity": "warning",
                    "instance": "db1:9100",
                    "job": "node",
                    "service": "checkout",
                }
            ),
            {
                "summary": "Disk / of db1 is 97 % full",
                "description": "It grows by 2 % an hour.",
                "runbook_url": "https://runbooks.example.org/disk",
            },
            start_ms,
            generator_url="https://tocsin.example.org/query?q=node_filesystem_free_bytes",
        ),
    )


def notification_of(
    alerts: Sequence[Alert], receiver: str, now_ms: int, external_url: str
) -> Notification:
    """The first notification of a group of these alerts, as the receiver would hear of it."""
    fires = any(alert.ends_at_ms is None for alert in alerts)
    common = set(alerts[0].labels.pairs).intersection(*(alert.labels.pairs for alert in alerts))
    return Notification(
        id="example",
        receiver=receiver,
        group_key="{}:{}",
        group_labels=Labels((name, value) for name, value in common if name in GROUPED_BY),
        alerts=tuple(alerts),
        reason=Reason.FIRST if fires else Reason.ALL_RESOLVED,
        at_ms=now_ms,
        external_url=external_url,
    )


def resolved(alerts: Sequence[Alert], now_ms: int) -> tuple[Alert, ...]:
    """The same alerts, ended."""
    return tuple(replace(alert, ends_at_ms=now_ms) for alert in alerts)
