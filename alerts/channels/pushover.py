"""Pushover: a message to a person's devices; an emergency is repeated there until acknowledged.

Limits: https://pushover.net/api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.channels.posted import Json, Posting, Request
from alerts.channels.words import body_lines, cut, fit, title
from alerts.message import compose, with_problems
from alerts.notification import Notification
from alerts.pager_config import PushoverConfig
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

MAX_TITLE = 250
MAX_MESSAGE = 1_024
MAX_URL = 512
MAX_URL_TITLE = 100
PRIORITIES = {"critical": 2, "error": 1, "warning": 0, "info": -1}
LOWEST, EMERGENCY = -2, 2
TEXTS = TemplatedFields(
    texts=("title", "message", "url", "url_title", "priority", "device", "sound")
)


def payload(
    notification: Notification, config: PushoverConfig, problems: Sequence[str] = ()
) -> Json:
    """The message without token and user."""
    message = with_problems(compose(notification), problems)
    own = PRIORITIES[message.severity] if message.firing else 0
    body: Json = {
        "title": cut(config.title or title(message), MAX_TITLE),
        "message": cut(config.message, MAX_MESSAGE)
        or fit(body_lines(message), MAX_MESSAGE) or "-",
        "priority": _priority(config.priority, own),
    }  # fmt: skip
    link = next((link for link in message.links if len(link.url) <= MAX_URL), None)
    url, words = (config.url, config.url_title) if config.url else ("", "")
    if link is not None and not url:
        url, words = link.url, link.text
    wanted: Json = {
        "url": url if len(url) <= MAX_URL else "",
        "url_title": cut(words, MAX_URL_TITLE) if url else "",
        "device": config.device,
        "sound": config.sound,
        "html": int(config.html),
        "monospace": int(config.monospace),
        "ttl": config.ttl // 1000,
    }
    body.update((key, value) for key, value in wanted.items() if value)
    if body["priority"] == EMERGENCY:
        body.update(retry=config.retry // 1000, expire=config.expire // 1000)
        body.pop("ttl", None)
    return body


def requests(
    notification: Notification, filled: Filled[PushoverConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One message."""
    config = filled.entry
    body = payload(notification, config, filled.problems)
    keys = {"token": secrets["token"].reveal(), "user": secrets["user"].reveal()}
    return [Request(Secret(config.api_url), {"json": {**body, **keys}}, body)]


def _priority(written: str, own: int) -> int:
    try:
        return min(max(int(written), LOWEST), EMERGENCY)
    except ValueError:
        return own


def _secrets(entry: PushoverConfig) -> Mapping[str, Secret]:
    return {
        "token": SecretSource(entry.token, entry.token_file).read(),
        "user": SecretSource(entry.user_key, entry.user_key_file).read(),
    }


def _is_taken(status: int, body: Any) -> bool:
    return status == 200 and isinstance(body, dict) and body.get("status") == 1


POSTING = Posting("pushover", "Pushover", requests, _secrets, is_taken=_is_taken)
