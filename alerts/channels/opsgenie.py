"""Opsgenie: create, acknowledge and close an alert by its alias.

The alias is the SHA-256 of the group key, as Alertmanager computes it.
Limits: https://docs.opsgenie.com/docs/alert-api
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from alerts.channels.http import Answer
from alerts.channels.posted import Json, Posting, Request, json_request
from alerts.channels.words import body_lines, cut, fit, link_lines
from alerts.message import compose, with_problems
from alerts.notification import Notification, Reason
from alerts.pager_config import OpsgenieConfig, Responder
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

DEFAULT_URL = "https://api.opsgenie.com/"
MAX_MESSAGE = 130
MAX_DESCRIPTION = 15_000
MAX_SOURCE = 100
MAX_NOTE = 25_000
MAX_ENTITY = 512
MAX_TAGS, MAX_TAG = 20, 50
MAX_ACTIONS, MAX_ACTION = 10, 50
MAX_RESPONDERS = 50
MAX_DETAILS = 8_000
"""Characters of all names and values of `details` together."""
MAX_DETAIL = 500
PRIORITIES = {"critical": "P1", "error": "P2", "warning": "P3", "info": "P5"}
TEXTS = TemplatedFields(
    texts=("message", "description", "source", "details", "tags", "note", "priority", "entity",
           "actions"),
)  # fmt: skip


def alias(group_key: str) -> str:
    """64 hex digits, the same for a group in every process."""
    return hashlib.sha256(group_key.encode()).hexdigest()


def payload(
    notification: Notification, config: OpsgenieConfig, problems: Sequence[str] = ()
) -> Json:
    """The alert to create; one of the same alias that is open is counted up instead."""
    message = with_problems(compose(notification), problems)
    priority = config.priority.strip().upper()
    body: Json = {
        "alias": alias(notification.group_key),
        "message": cut(config.message or message.title, MAX_MESSAGE),
        "description": cut(config.description, MAX_DESCRIPTION)
        or fit([*body_lines(message), *link_lines(message)], MAX_DESCRIPTION),
        "details": _details(notification, config),
        "source": cut(config.source or notification.external_url or "tocsin", MAX_SOURCE),
        "priority": priority if priority in PRIORITIES.values() or priority == "P4"
        else PRIORITIES[message.severity],
    }  # fmt: skip
    wanted = {
        "responders": _responders(config.responders),
        "tags": _listed(config.tags, MAX_TAGS, MAX_TAG),
        "note": cut(config.note, MAX_NOTE),
        "entity": cut(config.entity, MAX_ENTITY),
        "actions": _listed(config.actions, MAX_ACTIONS, MAX_ACTION),
    }
    body.update((key, value) for key, value in wanted.items() if value)
    return body


def requests(
    notification: Notification, filled: Filled[OpsgenieConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """What brings the alert there to the state of the group here."""
    config, incident = filled.entry, notification.incident
    base = (config.api_url or DEFAULT_URL).rstrip("/") + "/v2/alerts"
    headers = {"authorization": f"GenieKey {secrets['key'].reveal()}"}
    name = quote(alias(notification.group_key))
    source = {"source": cut(config.source or notification.external_url or "tocsin", MAX_SOURCE)}
    status = incident.status if incident else ""

    def act(path: str, body: Json, method: str = "POST", told: str = "") -> Request:
        url = Secret(f"{base}/{name}/{path}?identifierType=alias")
        return json_request(url, body, method=method, headers=headers, remember=_told(told))

    if not notification.firing or status == "resolved":
        return [act("close", source, told="resolved")]
    if notification.reason is Reason.CHANGED:
        is_known = notification.remembered.get("status") == status
        return (
            [act("acknowledge", source, told=status)]
            if status == "acknowledged" and not is_known
            else []
        )
    body = payload(notification, config, filled.problems)
    created = [json_request(Secret(base), body, headers=headers, remember=_told("triggered"))]
    if config.update_alerts:
        created.append(act("message", {"message": body["message"]}, "PUT"))
        created.append(act("description", {"description": body["description"]}, "PUT"))
    return created


def _told(status: str) -> Callable[[Answer], Mapping[str, str]]:
    return lambda _: {"status": status} if status else {}


def _details(notification: Notification, config: OpsgenieConfig) -> dict[str, str]:
    """The common labels and what is configured, as far as it fits."""
    details: dict[str, str] = {}
    left = MAX_DETAILS
    for name, value in {**dict(notification.common_labels.pairs), **config.details}.items():
        text = cut(value, MAX_DETAIL)
        left -= len(name) + len(text)
        if left < 0:
            break
        details[name] = text
    return details


def _responders(responders: Sequence[Responder]) -> list[Json]:
    found: list[Json] = []
    for one in responders:
        if one.type == "teams":
            found += [{"name": team.strip(), "type": "team"} for team in one.name.split(",")]
        else:
            found.append({key: value for key, value in one.model_dump().items() if value})
    return [one for one in found if one.get("name") != ""][:MAX_RESPONDERS]


def _listed(text: str, most: int, longest: int) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    return [cut(part, longest) for part in parts if part][:most]


POSTING = Posting(
    "opsgenie",
    "Opsgenie",
    requests,
    lambda entry: {"key": SecretSource(entry.api_key, entry.api_key_file).read()},
    takes_changes=True,
)
