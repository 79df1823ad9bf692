"""PagerDuty Events API v2: `payload(...)` pure, then trigger, acknowledge or resolve.

`dedup_key` is the SHA-256 of the group key, as Alertmanager computes it: an incident that it opened
is resolved by tocsin, and a message that is sent twice opens no second one.
Limits: https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alerts.channels.http import HttpSender, refusal
from alerts.channels.interface import Preview, Receipt
from alerts.channels.pagerduty_change import Change, change_payload, change_url
from alerts.config_values import MASK
from alerts.message import (
    TEMPLATE_ERROR,
    Message,
    compose,
    gone_text,
    percent,
    ratio_text,
    subject_of,
    with_problems,
)
from alerts.notification import Notification, Reason
from alerts.receivers_config import PagerdutyConfig
from alerts.secret_source import SecretSource
from alerts.template import EntryTemplates, TemplatedFields
from collector.model.clock import Clock
from collector.model.secrets import Secret

Json = dict[str, Any]
MAX_SUMMARY = 1_024
MAX_EVENT_BYTES = 512_000
"""PagerDuty refuses larger events; custom_details are left out first, with a note."""
MAX_LISTED_ALERTS = 20
TOLD_BY = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}
"""The status that PagerDuty has after an event."""
SEVERITIES = ("critical", "error", "warning", "info")


TEXTS = TemplatedFields(
    texts=(
        *("client", "client_url", "description", "severity", "source", "component", "group"),
        *("class_", "images", "links"),
    ),
    addresses=("routing_key",),
    structured=("details",),
)


def actions(notification: Notification, told: str = "") -> tuple[str, ...]:
    """The events to send, in order: `trigger`, `acknowledge`, `resolve`; none when it is known.

    `told` is the incident's status that PagerDuty was told of last. What was acknowledged there is
    known there.
    """
    incident = notification.incident
    status = incident.status if incident else ""
    if not notification.firing or status == "resolved":
        return ("resolve",) if told != "resolved" else ()
    by_them = incident is not None and incident.owner.startswith("pagerduty")
    tells = status == "acknowledged" and told != status and not by_them
    first = () if notification.reason is Reason.CHANGED else ("trigger",)
    return (*first, "acknowledge") if tells else first


def payload(
    notification: Notification,
    config: PagerdutyConfig,
    routing_key: Secret,
    problems: Sequence[str] = (),
    action: str = "",
) -> Json:
    """The event: by default a trigger while an alert of the group fires, else a resolve."""
    event: Json = {
        "routing_key": routing_key.reveal(),
        "dedup_key": dedup_key(notification.group_key),
        "event_action": action or ("trigger" if notification.firing else "resolve"),
    }
    if event["event_action"] == "trigger":
        message = with_problems(compose(notification), problems)
        event["payload"] = _payload(message, notification, config)
        event["client"] = config.client or "tocsin"
        client_url = config.client_url or notification.external_url
        if client_url:
            event["client_url"] = client_url
        own_links = [{"href": link.url, "text": link.text} for link in message.links]
        event["links"] = [one for one in config.links if one.get("href")] or own_links
        if images := [one for one in config.images if one.get("src")]:
            event["images"] = images
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
    return _shortened(lead)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SUMMARY else text[: MAX_SUMMARY - 1] + "…"


def _payload(message: Message, notification: Notification, config: PagerdutyConfig) -> Json:
    severity = config.severity.lower()
    lead = (notification.firing or notification.alerts)[0]
    fields: Json = {
        "summary": _shortened(config.description) or summary(message, notification),
        "source": config.source or lead.labels.get("instance") or "tocsin",
        "severity": severity if severity in SEVERITIES else message.severity,
        "timestamp": datetime.fromtimestamp(message.since_ms / 1000, UTC).isoformat(
            timespec="milliseconds"
        ),
        "custom_details": {**_details(message, notification), **config.details},
    }
    own = {
        "component": config.component or str(message.details.get("service", "")),
        "group": config.group,
        "class": config.class_ or lead.name,
    }
    fields.update((key, value) for key, value in own.items() if value)
    return fields


def _details(message: Message, notification: Notification) -> Json:
    details: Json = {**dict(message.details), "reason": str(notification.reason)}
    if problem := next((fact for fact in message.facts if fact.name == TEMPLATE_ERROR), None):
        details["template_error"] = problem.value
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


class PagerdutyChannel:
    """One entry of `pagerduty_configs`."""

    takes_changes = True

    kind = "pagerduty"

    def __init__(self, texts: EntryTemplates[PagerdutyConfig], url: str, clock: Clock) -> None:
        self._texts = texts
        self._url = Secret(url)
        self._http = HttpSender(texts.entry.http_config, texts.entry.timeout, clock)

    def send(self, notification: Notification) -> Receipt:
        """Send the events, none where PagerDuty knows already; raises DeliveryError."""
        told = notification.remembered.get("status", "")
        wanted = actions(notification, told)
        if not wanted:
            return Receipt(dict(notification.remembered))
        filled = self._texts.fill(notification)
        config = filled.entry
        key = SecretSource(config.routing_key, config.routing_key_file).read()
        for action in wanted:
            event = payload(notification, config, key, filled.problems, action)
            error = refusal(self._http.post(self._url, event), "PagerDuty", (key,))
            if error is not None:
                raise error
        # a further trigger leaves an acknowledgement as it is
        stays = wanted == ("trigger",) and told == "acknowledged"
        status = told if stays else TOLD_BY[wanted[-1]]
        return Receipt({"status": status}, filled.problems)

    @property
    def hears_changes(self) -> bool:
        """Whether it is told of deploys."""
        return self._texts.entry.change_events

    def tell_change(self, change: Change) -> None:
        """Send a change event; raises DeliveryError, TemplateError for a key that is a template."""
        config = self._texts.entry
        key = SecretSource(config.routing_key, config.routing_key_file).read()
        url = change_url(self._url.reveal())
        error = refusal(self._http.post(url, change_payload(change, key)), "PagerDuty", (key,))
        if error is not None:
            raise error

    def preview(self, notification: Notification) -> Preview:
        """The event as JSON."""
        filled = self._texts.fill(notification)
        event = payload(notification, filled.entry, Secret(MASK), filled.problems)
        return Preview(json.dumps(event, indent=2, ensure_ascii=False), filled.problems)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
