"""PagerDuty Events API v2: `payload(...)` pure, then trigger or resolve.

`dedup_key` is the SHA-256 of the group key, as Alertmanager computes it: an incident that it opened
is resolved by tocsin, and a message that is sent twice opens no second one.
Limits: https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from alerts.channels.http import HttpSender, refusal
from alerts.channels.interface import Receipt
from alerts.message import Message, compose, gone_text, percent, ratio_text, subject_of
from alerts.notification import Notification
from alerts.receivers_config import PagerdutyConfig
from alerts.secret_source import SecretSource
from collector.model.clock import Clock
from collector.model.secrets import Secret

Json = dict[str, Any]
MAX_SUMMARY = 1_024
MAX_EVENT_BYTES = 512_000
"""PagerDuty refuses larger events; custom_details are left out first, with a note."""
MAX_LISTED_ALERTS = 20
SEVERITIES = ("critical", "error", "warning", "info")


def payload(notification: Notification, config: PagerdutyConfig, routing_key: Secret) -> Json:
    """The event: a trigger while an alert of the group fires, else a resolve."""
    event: Json = {
        "routing_key": routing_key.reveal(),
        "dedup_key": dedup_key(notification.group_key),
        "event_action": "trigger" if notification.firing else "resolve",
    }
    if notification.firing:
        message = compose(notification)
        event["payload"] = _payload(message, notification, config)
        event["client"] = _literal(config.client) or "tocsin"
        client_url = _literal(config.client_url) or notification.external_url
        if client_url:
            event["client_url"] = client_url
        event["links"] = [{"href": link.url, "text": link.text} for link in message.links]
        event = _within_limit(event)
    return event


def dedup_key(group_key: str) -> str:
    """64 hex digits, the same for a group in every process."""
    return hashlib.sha256(group_key.encode()).hexdigest()


def summary(message: Message, notification: Notification) -> str:
    """One line for the phone: severity, what, how fast, how long is left."""
    details = message.details
    lead = f"[{message.severity}] {message.title}"
    burn, gone = details.get("burn_rate"), details.get("exhausted_in_seconds")
    if isinstance(burn, float) and isinstance(gone, int | float):
        subject = subject_of((notification.firing or notification.alerts)[0])
        objective = details.get("objective")
        goal = f" {percent(objective)}" if isinstance(objective, float) else ""
        lead = (
            f"[{message.severity}] {subject}{goal} SLO: {gone_text(gone)} (burn {ratio_text(burn)})"
        )
    return lead if len(lead) <= MAX_SUMMARY else lead[: MAX_SUMMARY - 1] + "…"


def _payload(message: Message, notification: Notification, config: PagerdutyConfig) -> Json:
    severity = _literal(config.severity).lower()
    lead = (notification.firing or notification.alerts)[0]
    fields: Json = {
        "summary": summary(message, notification),
        "source": _literal(config.source) or lead.labels.get("instance") or "tocsin",
        "severity": severity if severity in SEVERITIES else message.severity,
        "timestamp": datetime.fromtimestamp(message.since_ms / 1000, UTC).isoformat(
            timespec="milliseconds"
        ),
        "custom_details": _details(message, notification),
    }
    own = {
        "component": _literal(config.component) or str(message.details.get("service", "")),
        "group": _literal(config.group),
        "class": _literal(config.class_) or lead.name,
    }
    fields.update((key, value) for key, value in own.items() if value)
    return fields


def _details(message: Message, notification: Notification) -> Json:
    details: Json = {**dict(message.details), "reason": str(notification.reason)}
    if "burn_rate" not in details:
        details.update((fact.name, fact.value) for fact in message.facts)
    if message.sentence:
        details["cause"] = message.sentence
    if message.others:
        details["other_alerts"] = list(message.others)[:MAX_LISTED_ALERTS]
    return details


def _within_limit(event: Json) -> Json:
    if len(json.dumps(event).encode()) > MAX_EVENT_BYTES:
        note = f"custom_details were over PagerDuty's limit of {MAX_EVENT_BYTES} bytes"
        event["payload"]["custom_details"] = {"left_out": note}
    return event


def _literal(text: str) -> str:
    """A text of the configuration that is no Go template."""
    return "" if "{{" in text else text


class PagerdutyChannel:
    """One entry of `pagerduty_configs`."""

    kind = "pagerduty"

    def __init__(
        self, config: PagerdutyConfig, url: str, routing_key: SecretSource, clock: Clock
    ) -> None:
        self._config = config
        self._url = Secret(url)
        self._routing_key = routing_key
        self._http = HttpSender(config.http_config, config.timeout, clock)

    def send(self, notification: Notification) -> Receipt:
        """Send one event; raises DeliveryError."""
        key = self._routing_key.read()
        answer = self._http.post(self._url, payload(notification, self._config, key))
        error = refusal(answer, "PagerDuty", (key,))
        if error is not None:
            raise error
        return Receipt()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
