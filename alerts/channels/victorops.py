"""VictorOps (Splunk On-Call): the REST endpoint, an incident by its `entity_id`.

Limits: https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from alerts.channels.posted import Json, Posting, Request, json_request
from alerts.channels.words import body_lines, cut, fit, link_lines
from alerts.message import compose, with_problems
from alerts.notification import Notification, Reason
from alerts.pager_config import VictoropsConfig
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

DEFAULT_URL = "https://alert.victorops.com/integrations/generic/20131114/alert/"
MAX_STATE_MESSAGE = 20_480
MAX_NAME = 500
TYPES = {"critical": "CRITICAL", "error": "CRITICAL", "warning": "WARNING", "info": "INFO"}
ACKNOWLEDGED, RECOVERED = "ACKNOWLEDGEMENT", "RECOVERY"
RESERVED = (
    "message_type", "entity_id", "entity_display_name", "state_message", "monitoring_tool",
)  # fmt: skip
TEXTS = TemplatedFields(
    texts=(
        *("message_type", "entity_display_name", "state_message", "monitoring_tool"),
        "custom_fields",
    ),
    addresses=("routing_key",),
)


def payload(
    notification: Notification, config: VictoropsConfig, problems: Sequence[str] = ()
) -> Json:
    """The event: what the group's state makes of the incident there."""
    message = with_problems(compose(notification), problems)
    own = {key: value for key, value in config.custom_fields.items() if key not in RESERVED}
    return {
        **own,
        "message_type": _type(notification, config, TYPES[message.severity]),
        "entity_id": hashlib.sha256(notification.group_key.encode()).hexdigest(),
        "entity_display_name": cut(config.entity_display_name or message.title, MAX_NAME),
        "state_message": cut(config.state_message, MAX_STATE_MESSAGE)
        or fit([message.title, *body_lines(message), *link_lines(message)], MAX_STATE_MESSAGE),
        "monitoring_tool": config.monitoring_tool or "tocsin",
    }


def requests(
    notification: Notification, filled: Filled[VictoropsConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One event, none for a change that is no acknowledgement."""
    config, incident = filled.entry, notification.incident
    status = incident.status if incident else ""
    if notification.reason is Reason.CHANGED and status not in ("acknowledged", "resolved"):
        return []
    base = (config.api_url or DEFAULT_URL).rstrip("/")
    url = f"{base}/{secrets['key'].reveal()}/{quote(config.routing_key, safe='')}"
    return [json_request(Secret(url), payload(notification, config, filled.problems))]


def _type(notification: Notification, config: VictoropsConfig, own: str) -> str:
    status = notification.incident.status if notification.incident else ""
    if not notification.firing or status == "resolved":
        return RECOVERED
    if notification.reason is Reason.CHANGED:
        return ACKNOWLEDGED
    written = config.message_type.strip().upper()
    return written if written in TYPES.values() else own


POSTING = Posting(
    "victorops",
    "VictorOps",
    requests,
    lambda entry: {"key": SecretSource(entry.api_key, entry.api_key_file).read()},
    takes_changes=True,
)
