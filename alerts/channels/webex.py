"""Webex: a message of a bot to a room, in Markdown.

Limits: https://developer.webex.com/docs/api/v1/messages/create-a-message
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from alerts.channels.posted import Json, Posting, Request, json_request
from alerts.channels.words import body_lines, cut, cut_bytes, fit, title
from alerts.chat_config import WebexConfig
from alerts.message import compose, with_problems
from alerts.notification import Notification
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

DEFAULT_URL = "https://webexapis.com/v1/messages"
MAX_BYTES = 7_439
MAX_TITLE = 300
TEXTS = TemplatedFields(texts=("message",), addresses=("room_id",))


def payload(notification: Notification, config: WebexConfig, problems: Sequence[str] = ()) -> Json:
    """The message; our own words are escaped, the user's are Markdown."""
    text = config.message or _own_text(notification, problems)
    return {"roomId": config.room_id, "markdown": cut_bytes(text, MAX_BYTES)}


def requests(
    notification: Notification, filled: Filled[WebexConfig], _: Mapping[str, Secret]
) -> list[Request]:
    """One message; the bot's token stands in `http_config.authorization`."""
    url = Secret(filled.entry.api_url or DEFAULT_URL)
    return [json_request(url, payload(notification, filled.entry, filled.problems))]


def _own_text(notification: Notification, problems: Sequence[str]) -> str:
    message = with_problems(compose(notification), problems)
    head = f"**{_escaped(cut(title(message), MAX_TITLE))}**"
    links = [f"[{_escaped(link.text)}]({link.url})" for link in message.links]
    lines = [head, *map(_escaped, body_lines(message)), *links]
    return fit(lines, MAX_BYTES, lambda line: len(line.encode()), "\n\n")


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_~\[\]<>#|])", r"\\\1", text)


POSTING = Posting("webex", "Webex", requests, lambda _: {})
