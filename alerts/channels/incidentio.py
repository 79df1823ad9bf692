"""incident.io: an HTTP alert source that takes Alertmanager's JSON, version 4.

Source: https://prometheus.io/docs/alerting/latest/configuration/#incidentio_config
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from alerts.alertmanager_json import alertmanager_json
from alerts.channels.posted import Posting, Request, json_request
from alerts.notification import Notification
from alerts.pager_config import IncidentioConfig
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

MAX_BYTES = 512 * 1024
"""A larger body is refused; it is sent with fewer alerts, and says how many are missing."""
TEXTS = TemplatedFields(texts=())


def payload(
    notification: Notification, config: IncidentioConfig, problems: Sequence[str] = ()
) -> Any:
    """Alertmanager's JSON, as many alerts as fit."""
    limit = config.max_alerts or len(notification.alerts)
    body = alertmanager_json(notification, limit, problems)
    while limit > 1 and len(json.dumps(body).encode()) > MAX_BYTES:
        limit //= 2
        body = alertmanager_json(notification, limit, problems)
    return body


def requests(
    notification: Notification, filled: Filled[IncidentioConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One body."""
    body = payload(notification, filled.entry, filled.problems)
    token = secrets["token"].reveal()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return [json_request(secrets["url"], body, headers=headers)]


def _secrets(entry: IncidentioConfig) -> Mapping[str, Secret]:
    token = SecretSource(entry.alert_source_token, entry.alert_source_token_file)
    url = SecretSource(Secret(entry.url) if entry.url else None, entry.url_file)
    return {"url": url.read(), "token": token.read() if token else Secret("")}


POSTING = Posting("incidentio", "incident.io", requests, _secrets)
