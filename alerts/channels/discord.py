"""Discord: a webhook's message with an embed; a change of the incident edits it.

The burn of an SLO comes along as a picture. Nobody is pinged by what stands in a label.
Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits,
https://discord.com/developers/docs/topics/rate-limits
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from alerts.channels.http import Answer
from alerts.channels.posted import Json, Posting, Request, json_request, parsed
from alerts.channels.words import cut, fit, title
from alerts.chat_config import DiscordConfig
from alerts.message import compose, lead_of, with_problems
from alerts.notification import Notification, Reason
from alerts.secret_source import SecretSource
from alerts.sparkline import picture_of
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

MAX_CONTENT = 2_000
MAX_USERNAME = 80
MAX_TITLE = 256
MAX_DESCRIPTION = 4_096
MAX_FIELDS = 12
"""Discord takes 25; with their names and values they must stay under 6,000 characters together."""
MAX_FIELD_NAME = 60
MAX_FIELD_VALUE = 120
MAX_OWN_DESCRIPTION = 2_500
COLORS = {"critical": 0xD92D20, "error": 0xE5484D, "warning": 0xF5A524, "info": 0x3B82F6}
GREEN = 0x2E9E5B
TEXTS = TemplatedFields(texts=("title", "message", "content", "username", "avatar_url"))


def payload(
    notification: Notification, config: DiscordConfig, problems: Sequence[str] = ()
) -> Json:
    """The message without its picture."""
    message = with_problems(compose(notification), problems)
    embed: Json = {
        "title": cut(config.title or title(message), MAX_TITLE),
        "color": COLORS[message.severity] if message.firing else GREEN,
        "timestamp": datetime.fromtimestamp(notification.at_ms / 1000, UTC).isoformat(),
    }
    if config.message:
        embed["description"] = cut(config.message, MAX_DESCRIPTION)
    else:
        links = [f"[{link.text}]({link.url})" for link in message.links if ")" not in link.url]
        lines = [message.sentence, *(f"• {other}" for other in message.others), " · ".join(links)]
        embed["description"] = fit((line for line in lines if line), MAX_OWN_DESCRIPTION)
        embed["fields"] = [
            {
                "name": cut(fact.name, MAX_FIELD_NAME) or "-",
                "value": cut(fact.value, MAX_FIELD_VALUE).strip() or "-",
                "inline": True,
            }
            for fact in message.facts[:MAX_FIELDS]
            if fact.name.strip()
        ]
    body: Json = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    settings = {
        "content": cut(config.content, MAX_CONTENT),
        "username": cut(config.username, MAX_USERNAME),
        "avatar_url": config.avatar_url,
    }
    body.update((key, value) for key, value in settings.items() if value)
    return body


def requests(
    notification: Notification, filled: Filled[DiscordConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """A message, or an edit of the one that was sent last."""
    body = payload(notification, filled.entry, filled.problems)
    if notification.reason is Reason.CHANGED:
        known = notification.remembered.get("message_id")
        if not known:
            return []
        edit = {key: body[key] for key in ("content", "embeds", "allowed_mentions") if key in body}
        return [json_request(_at(secrets["url"], f"/messages/{known}"), edit, method="PATCH")]
    url = _at(secrets["url"], "", "wait=true")
    png = picture_of(lead_of(notification))
    if png is None:
        return [json_request(url, body, remember=_message_id)]
    body["embeds"][0]["image"] = {"url": "attachment://burn.png"}
    content = {
        "data": {"payload_json": json.dumps(body)},
        "files": {"files[0]": ("burn.png", png, "image/png")},
    }
    return [Request(url, content, body, remember=_message_id)]


def _at(url: Secret, below: str, query: str = "") -> Secret:
    """The webhook's URL with something below it; what its query says already stays."""
    parts = urlsplit(url.reveal())
    asked = "&".join(one for one in (parts.query, query) if one)
    return Secret(urlunsplit(parts._replace(path=parts.path.rstrip("/") + below, query=asked)))


def _message_id(answer: Answer) -> Mapping[str, str]:
    body = parsed(answer)
    number = body.get("id") if isinstance(body, dict) else None
    return {"message_id": number} if isinstance(number, str) and number.isdigit() else {}


def _wish(body: Any) -> object:
    return body.get("retry_after")


POSTING = Posting(
    "discord",
    "Discord",
    requests,
    lambda entry: {"url": SecretSource(entry.webhook_url, entry.webhook_url_file).read()},
    _wish,
    takes_changes=True,
)
