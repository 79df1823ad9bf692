"""Rocket.Chat: chat.postMessage with a user's token.

Source: https://developer.rocket.chat/apidocs/post-message
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.channels.posted import Json, Posting, Request, json_request
from alerts.channels.words import body_lines, cut, fit, link_lines, title
from alerts.chat_config import RocketChatConfig
from alerts.message import compose, with_problems
from alerts.notification import Notification
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

DEFAULT_URL = "https://open.rocket.chat"
MAX_TITLE = 300
MAX_TEXT = 5_000
"""A server's own limit of a message unless its administrator changed it."""
COLORS = {"critical": "red", "error": "red", "warning": "orange", "info": "blue"}
TEXTS = TemplatedFields(
    texts=(
        *("color", "emoji", "icon_url", "text", "title", "title_link", "fields"),
        *("image_url", "thumb_url", "actions"),
    ),
    addresses=("channel",),
)


def payload(
    notification: Notification, config: RocketChatConfig, problems: Sequence[str] = ()
) -> Json:
    """The message with its attachment."""
    message = with_problems(compose(notification), problems)
    own = fit([*body_lines(message), *link_lines(message)], MAX_TEXT)
    wanted: Json = {
        "title": cut(config.title or title(message), MAX_TITLE),
        "title_link": config.title_link,
        "text": cut(config.text or own, MAX_TEXT),
        "color": config.color or (COLORS[message.severity] if message.firing else "green"),
        "fields": [{"short": config.short_fields, **one} for one in config.fields],
        "image_url": config.image_url,
        "thumb_url": config.thumb_url,
        "actions": [{"type": "button", **one} for one in config.actions],
    }
    body: Json = {
        "channel": config.channel,
        "attachments": [{key: value for key, value in wanted.items() if value}],
    }
    settings = {"emoji": config.emoji, "avatar": config.icon_url, "parseUrls": config.link_names}
    body.update((key, value) for key, value in settings.items() if value)
    return body


def requests(
    notification: Notification, filled: Filled[RocketChatConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One message."""
    base = (
        (filled.entry.api_url or DEFAULT_URL).rstrip("/").removesuffix("/api/v1/chat.postMessage")
    )
    headers = {"x-auth-token": secrets["token"].reveal(), "x-user-id": secrets["id"].reveal()}
    body = payload(notification, filled.entry, filled.problems)
    return [json_request(Secret(f"{base}/api/v1/chat.postMessage"), body, headers=headers)]


def _secrets(entry: RocketChatConfig) -> Mapping[str, Secret]:
    return {
        "token": SecretSource(entry.token, entry.token_file).read(),
        "id": SecretSource(entry.token_id, entry.token_id_file).read(),
    }


def _is_taken(status: int, body: Any) -> bool:
    return status == 200 and isinstance(body, dict) and body.get("success") is True


POSTING = Posting("rocketchat", "Rocket.Chat", requests, _secrets, is_taken=_is_taken)
