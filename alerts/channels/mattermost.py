"""Mattermost: an incoming webhook with an attachment.

Limits: https://developers.mattermost.com/integrate/webhooks/incoming/,
https://developers.mattermost.com/integrate/reference/message-attachments/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.channels.posted import Json, Posting, Request, json_request
from alerts.channels.words import body_lines, cut, fit, title
from alerts.chat_config import MattermostConfig
from alerts.message import compose, with_problems
from alerts.notification import Notification
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

MAX_TEXT = 16_383
MAX_TITLE = 300
MAX_OWN_TEXT = 4_000
MAX_ATTACHMENTS = 20
COLORS = {"critical": "#d92d20", "error": "#e5484d", "warning": "#f5a524", "info": "#3b82f6"}
GREEN = "#2e9e5b"
NORMAL = ("author_name", "author_link", "author_icon", "pretext", "thumb_url", "image_url",
          "footer", "footer_icon")  # fmt: skip
"""Fields of the attachment that are the user's or not there."""
TEXTS = TemplatedFields(
    texts=(
        *("username", "icon_url", "icon_emoji", "text", "fallback", "color", "title"),
        *("title_link", "fields", "attachments", *NORMAL),
    ),
    addresses=("channel",),
)


def payload(
    notification: Notification, config: MattermostConfig, problems: Sequence[str] = ()
) -> Json:
    """The post; whoever wrote `attachments` gets those instead of ours."""
    attachments = config.attachments[:MAX_ATTACHMENTS] or [
        _attachment(notification, config, problems)
    ]
    body: Json = {"attachments": attachments}
    names = ("channel", "username", "icon_url", "icon_emoji", "type", "props", "priority")
    wanted = {name: getattr(config, name) for name in names}
    body.update((key, value) for key, value in wanted.items() if value)
    return body


def requests(
    notification: Notification, filled: Filled[MattermostConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One post."""
    return [json_request(secrets["url"], payload(notification, filled.entry, filled.problems))]


def _attachment(
    notification: Notification, config: MattermostConfig, problems: Sequence[str]
) -> Json:
    message = with_problems(compose(notification), problems)
    links = " · ".join(f"[{link.text}]({link.url})" for link in message.links)
    own = fit([*map(_escaped, body_lines(message)), links], MAX_OWN_TEXT)
    wanted: Json = {
        "fallback": cut(config.fallback or title(message), MAX_TITLE),
        "color": config.color or (COLORS[message.severity] if message.firing else GREEN),
        "title": cut(config.title or title(message), MAX_TITLE),
        "title_link": config.title_link,
        "text": cut(config.text or own, MAX_TEXT),
        "fields": config.fields,
        **{name: getattr(config, name) for name in NORMAL},
    }
    return {key: value for key, value in wanted.items() if value}


def _escaped(text: str) -> str:
    """Plain words: no mention of everybody, no markup."""
    marked = "".join(f"\\{one}" if one in "\\`*_~[]<>#|" else one for one in text)
    return marked.replace("@", "@\u200b")


POSTING = Posting(
    "mattermost",
    "Mattermost",
    requests,
    lambda entry: {"url": SecretSource(entry.webhook_url, entry.webhook_url_file).read()},
)
