"""Alertmanager's JSON of a notification, version 4: what webhooks and those like it take. Pure.

What an SLO knows (burn rate, budget left, links) is added to the annotations under names that the
alert does not use itself: the format stays Alertmanager's, and its readers see the figures.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alerts.evidence import with_evidence
from alerts.notification import Notification
from collector.model.alert import Alert

Json = dict[str, Any]
VERSION = "4"
NO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time: what Alertmanager writes as the end of an alert that fires."""


def alertmanager_json(
    notification: Notification, max_alerts: int = 0, problems: Sequence[str] = ()
) -> Json:
    """The body; of more than `max_alerts` alerts (0: all) the rest is counted."""
    told = with_evidence(notification)
    limit = max_alerts or len(told.alerts)
    body = {
        "version": VERSION,
        "groupKey": told.group_key,
        "truncatedAlerts": max(len(told.alerts) - limit, 0),
        "status": told.status,
        "receiver": told.receiver,
        "groupLabels": dict(told.group_labels.pairs),
        "commonLabels": dict(told.common_labels.pairs),
        "commonAnnotations": told.common_annotations,
        "externalURL": told.external_url,
        "notification_reason": str(told.reason),
        "alerts": [_alert(alert) for alert in told.alerts[:limit]],
    }
    return {**body, "template_error": "; ".join(problems)} if problems else body


def timestamp(time_ms: int | None) -> str:
    """RFC 3339 in UTC; None is Go's zero time."""
    if time_ms is None:
        return NO_TIME
    text = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _alert(alert: Alert) -> Json:
    return {
        "status": "firing" if alert.ends_at_ms is None else "resolved",
        "labels": dict(alert.labels.pairs),
        "annotations": dict(alert.annotations),
        "startsAt": timestamp(alert.starts_at_ms),
        "endsAt": timestamp(alert.ends_at_ms),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }
