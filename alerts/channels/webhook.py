"""Webhook: Alertmanager's JSON, version 4; `payload(...)` pure, then post.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from alerts.alertmanager_json import alertmanager_json
from alerts.channels.http import HttpSender, refusal
from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.config_values import is_http_url
from alerts.notification import Notification
from alerts.receivers_config import WebhookConfig
from alerts.secret_source import SecretSource
from alerts.template import EntryTemplates, TemplatedFields
from collector.model.clock import Clock
from collector.model.secrets import Secret

TEXTS = TemplatedFields(texts=(), addresses=("url",), structured=("payload",))


def payload(notification: Notification, config: WebhookConfig, problems: Sequence[str] = ()) -> Any:
    """The body for one notification: the user's own `payload`, or Alertmanager's."""
    if config.payload is not None:
        return config.payload
    return alertmanager_json(notification, config.max_alerts, problems)


def signature(body: bytes, secret: Secret, now_seconds: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 over `t`, a point and the body, in hex.

    The time is in it so that a receiver can refuse what is old.
    """
    text = str(now_seconds).encode() + b"." + body
    digest = hmac.new(secret.reveal().encode(), text, hashlib.sha256).hexdigest()
    return f"t={now_seconds},v1={digest}"


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
