"""Webhook: Alertmanager's JSON, version 4; `payload(...)` pure, then post.

What an SLO knows (burn rate, budget left, links) is added to the annotations under names that the
alert does not use itself: the format stays Alertmanager's, and its readers see the figures.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alerts.channels.http import HttpSender, refusal
from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.config_values import is_http_url
from alerts.evidence import with_evidence
from alerts.notification import Notification
from alerts.receivers_config import WebhookConfig
from alerts.secret_source import SecretSource
from alerts.template import EntryTemplates, TemplatedFields
from collector.model.alert import Alert
from collector.model.clock import Clock
from collector.model.secrets import Secret

Json = dict[str, Any]
VERSION = "4"
NO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time: what Alertmanager writes as the end of an alert that fires."""


TEXTS = TemplatedFields(texts=(), addresses=("url",), structured=("payload",))


def payload(notification: Notification, config: WebhookConfig, problems: Sequence[str] = ()) -> Any:
    """The body for one notification: the user's own `payload`, or Alertmanager's."""
    if config.payload is not None:
        return config.payload
    told = with_evidence(notification)
    limit = config.max_alerts or len(told.alerts)
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


def signature(body: bytes, secret: Secret, now_seconds: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 over `t`, a point and the body, in hex.

    The time is in it so that a receiver can refuse what is old.
    """
    text = str(now_seconds).encode() + b"." + body
    digest = hmac.new(secret.reveal().encode(), text, hashlib.sha256).hexdigest()
    return f"t={now_seconds},v1={digest}"


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


class WebhookChannel:
    """One entry of `webhook_configs`."""

    takes_changes = False

    kind = "webhook"

    def __init__(self, texts: EntryTemplates[WebhookConfig], clock: Clock) -> None:
        self._texts = texts
        self._clock = clock
        self._http = HttpSender(texts.entry.http_config, texts.entry.timeout, clock)

    def send(self, notification: Notification) -> Receipt:
        """Post once; the header Idempotency-Key tells a repetition; raises DeliveryError."""
        filled = self._texts.fill(notification)
        url = SecretSource(filled.entry.url, filled.entry.url_file).read()
        if not is_http_url(url.reveal()):
            raise DeliveryError("the URL's template makes no http or https URL", permanent=True)
        body = json.dumps(payload(notification, filled.entry, filled.problems)).encode()
        headers = {"idempotency-key": notification.id, "content-type": "application/json"}
        secret = SecretSource(filled.entry.hmac_secret, filled.entry.hmac_secret_file)
        if secret:
            headers["x-tocsin-signature"] = signature(
                body, secret.read(), self._clock.now_ms() // 1000
            )
        answer = self._http.send("POST", url, headers, content=body)
        error = refusal(answer, "the webhook", (url,))
        if error is not None:
            raise error
        return Receipt(problems=filled.problems)

    def preview(self, notification: Notification) -> Preview:
        """The body as JSON."""
        filled = self._texts.fill(notification)
        body = payload(notification, filled.entry, filled.problems)
        return Preview(json.dumps(body, indent=2, ensure_ascii=False), filled.problems)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
