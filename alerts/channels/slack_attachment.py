"""Alertmanager's Slack attachment, for whoever wrote its texts: theirs first, ours where unset.

Their texts are sent as they come out of the template, for they are mrkdwn; ours are escaped.
Source: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from __future__ import annotations

from typing import Any

from alerts.channels.slack_text import cut, escape
from alerts.message import TEMPLATE_ERROR, Message
from alerts.receivers_config import SlackConfig

Json = dict[str, Any]
OWN_TEXTS = (
    "title", "title_link", "pretext", "text", "fallback", "callback_id", "footer", "image_url",
    "thumb_url", "fields", "actions",
)  # fmt: skip
"""Any of these set makes the attachment the message."""
MAX_TITLE = 1_024
MAX_ATTACHMENT_TEXT = 7_000
"""Slack hides what is longer behind a link, and refuses 8,000."""
MAX_ITEMS = 50
"""Fields or actions of one attachment that are sent; more than that is unreadable."""


def has_own_texts(config: SlackConfig) -> bool:
    """Whether somebody wrote what is to be said."""
    return any(getattr(config, name) for name in OWN_TEXTS)


def attachment(config: SlackConfig, message: Message, title: str, preview: str) -> Json:
    """The attachment without its colour; `title` and `preview` are ours."""
    wanted: Json = {
        "title": cut(config.title or escape(title), MAX_TITLE),
        "title_link": config.title_link or _link(message),
        "pretext": cut(config.pretext, MAX_ATTACHMENT_TEXT),
        "text": cut(config.text or _text(message), MAX_ATTACHMENT_TEXT),
        "fallback": cut(config.fallback, MAX_ATTACHMENT_TEXT) or preview,
        "callback_id": config.callback_id,
        "footer": config.footer or _template_error(message),
        "image_url": config.image_url,
        "thumb_url": config.thumb_url,
        "fields": [_field(one, config.short_fields) for one in config.fields[:MAX_ITEMS]],
        "actions": config.actions[:MAX_ITEMS],
        "mrkdwn_in": config.mrkdwn_in or ["fallback", "pretext", "text"],
    }
    return {key: value for key, value in wanted.items() if value}


def _field(field: Json, is_short: bool) -> Json:
    return {"short": is_short, **field}


def _template_error(message: Message) -> str:
    return next((fact.value for fact in message.facts if fact.name == TEMPLATE_ERROR), "")


def _link(message: Message) -> str:
    return message.links[-1].url if message.links else ""


def _text(message: Message) -> str:
    lines = [message.sentence, *(f"{fact.name}: {fact.value}" for fact in message.facts)]
    return "\n".join(escape(line) for line in (*lines, *message.others) if line)
