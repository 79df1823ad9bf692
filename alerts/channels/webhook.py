"""Webhook: Alertmanager's JSON, version 4; `payload(...)` pure, then post.

What an SLO knows (burn rate, budget left, links) is added to the annotations under names that the
alert does not use itself: the format stays Alertmanager's, and its readers see the figures.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from alerts.channels.http import HttpSender, refusal
from alerts.channels.interface import Receipt
from alerts.notification import Notification
from alerts.receivers_config import WebhookConfig
from alerts.secret_source import SecretSource
from collector.model.alert import Alert
from collector.model.clock import Clock

Json = dict[str, Any]
VERSION = "4"
NO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time: what Alertmanager writes as the end of an alert that fires."""
TOLD_EVIDENCE = (
    "slo", "service", "objective", "sli", "burn_rate", "budget_left_ratio",
    "exhausted_in_seconds", "dashboard_url", "runbook_url",
)  # fmt: skip


def payload(notification: Notification, config: WebhookConfig) -> Json:
    """The body for one notification."""
    told = replace(notification, alerts=tuple(map(_with_evidence, notification.alerts)))
    limit = config.max_alerts or len(told.alerts)
    return {
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


def _with_evidence(alert: Alert) -> Alert:
    told = {
        name: str(value)
        for name in TOLD_EVIDENCE
        if isinstance(value := alert.evidence.get(name), str | int | float) and value != ""
    }
    return replace(alert, annotations={**told, **alert.annotations})


class WebhookChannel:
    """One entry of `webhook_configs`."""

    kind = "webhook"

    def __init__(self, config: WebhookConfig, clock: Clock) -> None:
        self._config = config
        self._url = SecretSource(config.url, config.url_file)
        self._http = HttpSender(config.http_config, config.timeout, clock)

    def send(self, notification: Notification) -> Receipt:
        """Post once; the header Idempotency-Key tells a repetition; raises DeliveryError."""
        url = self._url.read()
        headers = {"idempotency-key": notification.id}
        answer = self._http.post(url, payload(notification, self._config), headers)
        error = refusal(answer, "the webhook", (url,))
        if error is not None:
            raise error
        return Receipt()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
